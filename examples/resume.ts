/**
 * Rooms that lose nothing, for `@stomp/stompjs` 7: copy this file, it needs nothing else.
 *
 *   const client = new Client({ brokerURL: 'wss://…/ws' });
 *   const rooms = resuming(client);
 *   rooms.subscribe('/room/chat', (message) => show(message.body), {
 *     headers: { last: '20' },
 *     onResumed: (recovered) => { if (!recovered) fetchAllAnew(); },
 *   });
 *   client.activate();
 *   await rooms.publish('/room/chat', 'hello');   // resolves with the RECEIPT
 *
 * The server delivers a logged destination (`/room/…`, and topics the operator put on the logged
 * lane) in order and at least once, and each MESSAGE says where it stands: `epoch` and `seq`. This
 * makes it exactly once: after every reconnect each subscription goes on from the last message it
 * had (`since: epoch:seq`), and what comes again is dropped. If the server no longer keeps what was
 * missed it says `recovered:false` and sends none of it: `onResumed` hears so, and the application
 * fetches its state by other means.
 *
 * It also reconnects by itself before API Gateway's two hours end, when the server says so
 * (`reconnect-after` of CONNECTED, in milliseconds), and pauses at random before it comes back after
 * a cut, twice as long each time, so that a thousand clients are no herd.
 *
 * Set the client's own `onConnect`, `onWebSocketClose` and `beforeConnect` before calling this: they
 * are called as well. Destinations without history (`/topic/…`) are subscribed again, and after a
 * reconnect `onResumed(false)` tells that something may have been missed.
 */
import type { Client, IFrame, IMessage, StompHeaders } from '@stomp/stompjs';

export interface SubscribeOptions {
  /** Of the first SUBSCRIBE: `last: '20'` or `after: '2026-11-24T09:30:00Z'` ask for history. */
  readonly headers?: StompHeaders;
  /** Once, when the subscription has begun: whatever is published from now on will come. */
  readonly onBegun?: () => void;
  /** After each reconnect: whether nothing was missed. */
  readonly onResumed?: (recovered: boolean) => void;
}

export interface ResumeOptions {
  /** Milliseconds of the first pause before a reconnect, at most: it is drawn at random. @default 2000 */
  readonly pauseMilliseconds?: number;
  /** It doubles with every failure, up to this. @default 10000 */
  readonly pauseMillisecondsMax?: number;
}

export interface Resuming {
  /** Before or after the client is connected; messages come in order, each once. */
  subscribe(
    destination: string,
    onMessage: (message: IMessage) => void,
    options?: SubscribeOptions,
  ): { unsubscribe(): void };
  /**
   * Sends to a logged destination until the server has taken it, over as many connections as it
   * takes; it is stored once (`publish-id`). Resolves with its RECEIPT. Order is that of the calls.
   */
  publish(destination: string, body: string, headers?: StompHeaders): Promise<void>;
}

/** A connection that lived this long was a good one: the next pause is short again. */
const GOOD_MILLISECONDS = 5_000;

export function resuming(client: Client, options: ResumeOptions = {}): Resuming {
  const subscriptions = new Set<Subscription>();
  const unsent = new Map<string, () => void>();
  const pauses = makePauses(options);
  let session: string | undefined;
  let planned: ReturnType<typeof setTimeout> | undefined;

  const { onConnect, onWebSocketClose, beforeConnect } = client;
  // stompjs waits this long before it calls `beforeConnect`, which does the real waiting.
  if (client.reconnectDelay > 0) client.reconnectDelay = 1;

  client.beforeConnect = async (self) => {
    await beforeConnect(self);
    const pause = pauses.next(Date.now());
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  };
  client.onConnect = (frame) => {
    // CONNECTED may come twice, as every frame may.
    if (session !== undefined && frame.headers['session'] === session) return;
    session = frame.headers['session'];
    clearTimeout(planned);
    pauses.connected(Date.now());
    planned = leaveBefore(frame, client, pauses.none);
    for (const subscription of subscriptions) begin(client, subscription);
    for (const send of unsent.values()) send();
    onConnect(frame);
  };
  client.onWebSocketClose = (event) => {
    clearTimeout(planned);
    onWebSocketClose(event);
  };

  return {
    subscribe(destination, onMessage, more = {}) {
      const subscription = makeSubscription(destination, onMessage, more);
      subscriptions.add(subscription);
      if (client.connected) begin(client, subscription);
      return {
        unsubscribe() {
          subscriptions.delete(subscription);
          if (client.connected) client.unsubscribe(subscription.id);
        },
      };
    },
    publish(destination, body, headers = {}) {
      const id = crypto.randomUUID();
      return new Promise((resolve) => {
        const send = () => {
          client.watchForReceipt(id, () => {
            unsent.delete(id);
            resolve();
          });
          const mine = { ...headers, 'publish-id': id, receipt: id };
          client.publish({ destination, body, headers: mine });
        };
        unsent.set(id, send);
        if (client.connected) send();
      });
    },
  };
}

interface Subscription {
  readonly id: string;
  readonly destination: string;
  readonly onMessage: (message: IMessage) => void;
  readonly options: SubscribeOptions;
  /** The last `seq` by epoch; a pattern hears several logs, each with an epoch of its own. */
  readonly seen: Map<string, number>;
  /** Of the log this subscription is in, once the server has told it. */
  epoch: string | undefined;
  began: boolean;
}

let subscriptionCount = 0;

function makeSubscription(
  destination: string,
  onMessage: (message: IMessage) => void,
  options: SubscribeOptions,
): Subscription {
  const id = `room-${subscriptionCount++}`;
  return { id, destination, onMessage, options, seen: new Map(), epoch: undefined, began: false };
}

/** SUBSCRIBE on a new connection, from where it stood on the last. */
function begin(client: Client, subscription: Subscription): void {
  const { id, destination, options, seen, epoch } = subscription;
  const { since: _since, last, after, ...headers } = options.headers ?? {};
  const seq = epoch === undefined ? undefined : seen.get(epoch);
  const history = { ...(last ? { last } : {}), ...(after ? { after } : {}) };
  const asked = seq === undefined ? history : { since: `${epoch}:${seq}` };
  const receipt = `${id}-${crypto.randomUUID()}`;
  client.watchForReceipt(receipt, (frame) => {
    answered(subscription, frame, 'last' in asked || 'after' in asked);
  });
  const listener = (message: IMessage) => heard(subscription, message);
  client.subscribe(destination, listener, { ...headers, ...asked, id, receipt });
}

/** The RECEIPT of SUBSCRIBE: where the subscription begins, and whether nothing is missing. */
function answered(subscription: Subscription, { headers }: IFrame, history: boolean): void {
  const { position, recovered } = headers;
  if (position !== undefined && recovered === 'false') {
    const [epoch = '', seq] = position.split(':');
    subscription.epoch = epoch;
    // History follows the RECEIPT, with seqs up to the position: it is not to be dropped.
    if (!history) subscription.seen.set(epoch, Number(seq));
  }
  const again = subscription.began;
  subscription.began = true;
  if (again) subscription.options.onResumed?.(recovered === 'true');
  else subscription.options.onBegun?.();
}

function heard({ seen, onMessage }: Subscription, message: IMessage): void {
  const { epoch, seq } = message.headers;
  if (epoch !== undefined && seq !== undefined) {
    if (Number(seq) <= (seen.get(epoch) ?? 0)) return;
    seen.set(epoch, Number(seq));
  }
  onMessage(message);
}

/** Reconnects when the server says so; the socket is closed, and stompjs opens the next. */
function leaveBefore(
  { headers }: IFrame,
  client: Client,
  withoutPause: () => void,
): ReturnType<typeof setTimeout> | undefined {
  const milliseconds = Number(headers['reconnect-after']);
  if (!(milliseconds > 0) || client.reconnectDelay === 0) return undefined;
  return setTimeout(() => {
    withoutPause();
    client.forceDisconnect();
  }, milliseconds);
}

/**
 * Jitter: after a cut anything between none and a bound; after a failure the bound doubles, and the
 * pause is its upper half. (5,000 clients against 500 connects a second: all back after 13 s and 2
 * attempts each, computed; drawn from the whole of the bound it is 15 s.)
 */
export function makePauses(
  { pauseMilliseconds = 2_000, pauseMillisecondsMax = 10_000 }: ResumeOptions,
  random: () => number = Math.random,
) {
  let bound = 0;
  let connectedAt: number | undefined;
  return {
    /** Milliseconds to wait before connecting: none the first time. */
    next(now: number): number {
      const good = connectedAt !== undefined && now - connectedAt > GOOD_MILLISECONDS;
      if (good) bound = Math.min(bound, pauseMilliseconds);
      connectedAt = undefined;
      const least = bound > pauseMilliseconds ? bound / 2 : 0;
      const pause = least + random() * (bound - least);
      bound = bound === 0 ? pauseMilliseconds : Math.min(bound * 2, pauseMillisecondsMax);
      return pause;
    },
    connected(now: number): void {
      connectedAt = now;
    },
    /** The next reconnect is not after a failure. */
    none(): void {
      bound = 0;
    },
  };
}
