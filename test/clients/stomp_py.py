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
    connection.disconnect(receipt="bye")
    check(f"{version} has a receipt for DISCONNECT", listener.receipts.get(timeout=PATIENCE_SECONDS) == "bye")
    check(f"{version} saw no ERROR", listener.errors.empty())


def beats(ports):
    return stomp.Connection12(ports, heartbeats=(10000, 10000))


for version, make in [("1.0", stomp.Connection10), ("1.1", stomp.Connection11), ("1.2", beats)]:
    try:
        talk(version, make)
    except Exception as fault:
        check(f"{version} ran to its end: {fault!r}", False)

print(f"{passed} passed, {failed} failed", flush=True)
sys.exit(1 if failed else 0)
