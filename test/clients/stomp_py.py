"""stomp.py, unmodified, against a STOMP port: one line a check, then `N passed, M failed`."""

import queue
import sys

import stomp

PATIENCE_SECONDS = 10
port = int(sys.argv[1])
failed = passed = 0


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.messages, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)


def check(title, good):
    global failed, passed
    print(("ok " if good else "FAIL ") + title, flush=True)
    passed, failed = passed + bool(good), failed + (not good)


def talk(version, make):
    listener = Listener()
    connection = make([("127.0.0.1", port)])
    connection.set_listener("", listener)
    connection.connect("guest", "guest", wait=True)
    check(f"{version} connects", connection.is_connected())
    topic = f"/topic/stomp-py.{version.replace('.', '-')}"
    connection.subscribe(topic, id=1, ack="auto", headers={"receipt": "on"})
    check(f"{version} has a receipt for SUBSCRIBE", listener.receipts.get(timeout=PATIENCE_SECONDS) == "on")
    value = "plain" if version == "1.0" else "a:b\nc\\d"
    connection.send(topic, "héllo 😀\nsecond line", headers={"x-value": value})
    frame = listener.messages.get(timeout=PATIENCE_SECONDS)
    check(f"{version} gets its body back", frame.body == "héllo 😀\nsecond line")
    check(f"{version} gets its header back", frame.headers["x-value"] == value)
    large = "0123456789ü" * 4000
    connection.send(topic, large)
    check(f"{version} gets 48 KB back", listener.messages.get(timeout=PATIENCE_SECONDS).body == large)
    connection.unsubscribe(id=1)
    connection.send(topic, "too late", headers={"receipt": "sent"})
    check(f"{version} has a receipt for SEND", listener.receipts.get(timeout=PATIENCE_SECONDS) == "sent")
    check(f"{version} hears nothing after UNSUBSCRIBE", listener.messages.empty())
    work(version, connection, listener)
    connection.disconnect(receipt="bye")
    check(f"{version} has a receipt for DISCONNECT", listener.receipts.get(timeout=PATIENCE_SECONDS) == "bye")
    check(f"{version} saw no ERROR", listener.errors.empty())


def work(version, connection, listener):
    """A queue, one message at a time: acknowledged, refused, and moved by a transaction."""
    name = f"/queue/stomp-py.{version.replace('.', '-')}"
    take = lambda: listener.messages.get(timeout=PATIENCE_SECONDS)

    def settle(frame, how, **more):
        identity = frame.headers["ack" if version == "1.2" else "message-id"]
        more = {**more, "subscription": "q"} if version == "1.1" else more
        getattr(connection, how)(identity, **more)

    for body in ["done", "moved"]:
        connection.send(name, body)
    # By "client" one ACK covers all before it; stomp.py 1.0 knows no other that is not "auto".
    mode = "client" if version == "1.0" else "client-individual"
    connection.subscribe(name, id="q", ack=mode, headers={"prefetch-count": "1"})
    frame = take()
    check(f"{version} gets the first of a queue", frame.body == "done")
    settle(frame, "ack")
    frame = take()
    check(f"{version} gets the next after its ACK", frame.body == "moved")
    if version != "1.0":
        settle(frame, "nack")
        frame = take()
        check(f"{version} gets it again after a NACK", frame.headers.get("redelivered") == "true")
    transaction = connection.begin()
    settle(frame, "ack", transaction=transaction)
    connection.send(name, "new", transaction=transaction)
    connection.commit(transaction)
    frame = take()
    check(f"{version} moves one by a transaction", frame.body == "new")
    transaction = connection.begin()
    connection.send(name, "never", transaction=transaction)
    connection.abort(transaction)
    settle(frame, "ack")
    connection.send(name, "last")
    frame = take()
    check(f"{version} aborts a transaction", frame.body == "last")
    settle(frame, "ack")
    connection.unsubscribe(id="q")


def beats(ports):
    return stomp.Connection12(ports, heartbeats=(10000, 10000))


for version, make in [("1.0", stomp.Connection10), ("1.1", stomp.Connection11), ("1.2", beats)]:
    try:
        talk(version, make)
    except Exception as fault:
        check(f"{version} ran to its end: {fault!r}", False)

print(f"{passed} passed, {failed} failed", flush=True)
sys.exit(1 if failed else 0)
