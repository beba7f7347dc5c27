/** What a journey is, and the meetings most of them begin with. */
import { equal, ok } from 'node:assert/strict';
import type { Frame, Peer } from './stomp-client.ts';

export interface Place {
  /** A new WebSocket to the broker; `path` goes behind the stage. */
  readonly open: (protocols?: readonly string[], path?: string) => Promise<Peer>;
  /** A destination of its own, under `/topic/`. */
  readonly topic: string;
  /** Where HTTP is served, without a slash at its end; '' in journeys that name no door. */
  readonly http: string;
}

/** `http`: travels once by each door that serves HTTP. `frontDoor`: by that one alone. */
export type DoorKind = 'http' | 'frontDoor';

export interface Journey {
  readonly name: string;
  /** True when it rests on the order of one connection's messages. */
  readonly needsOrder?: boolean;
  /** What not every broker serves (yet): waived where it is answered by `not-supported`. */
  readonly needs?: 'rooms' | 'queues';
  /** What it goes through besides the WebSocket API: left out where there is no such door. */
  readonly door?: DoorKind;
  /** True when it takes some 30 s. */
  readonly slow?: boolean;
  run(place: Place): Promise<void>;
}

/** A connected STOMP 1.2 client; closed when `use` has ended. */
export async function withStomp<Outcome>(
  open: Place['open'],
  use: (peer: Peer, connected: Frame) => Promise<Outcome>,
): Promise<Outcome> {
  const peer = await open(['v12.stomp']);
  try {
    peer.send('CONNECT', { 'accept-version': '1.2', host: 'acceptance' });
    const connected = await peer.frame();
    equal(connected.command, 'CONNECTED', connected.headers['message']);
    return await use(peer, connected);
  } finally {
    peer.close();
  }
}

/** Sends a frame and waits until the broker says that it took effect. */
export async function settled(
  peer: Peer,
  command: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<void> {
  peer.send(command, { ...headers, receipt: 'settled' }, body);
  const receipt = await peer.frame();
  equal(receipt.command, 'RECEIPT', receipt.headers['message']);
  equal(receipt.headers['receipt-id'], 'settled');
}

/** Two clients, the first of them subscribed. */
export async function withPair<Outcome>(
  { open, topic }: Place,
  use: (subscriber: Peer, publisher: Peer) => Promise<Outcome>,
): Promise<Outcome> {
  return withStomp(open, async (subscriber) => {
    await settled(subscriber, 'SUBSCRIBE', { id: 'sub-0', destination: topic });
    return withStomp(open, (publisher) => use(subscriber, publisher));
  });
}

/** An ERROR of this code with words on how to mend it, and the end of the connection. */
export async function refusedError(peer: Peer, code: string): Promise<void> {
  const error = await peer.frame();
  equal(error.command, 'ERROR');
  equal(error.headers['code'], code);
  ok(error.body.length > 0, 'the ERROR says how to mend it');
  await peer.closed();
}

/** What a journey waits for, or words on what did not come. */
export async function within<Outcome>(
  what: string,
  coming: Promise<Outcome>,
  milliseconds = 15_000,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not come within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}
