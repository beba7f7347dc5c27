/**
 * The load of the fan-out bench: one publisher and its subscribers, the same for every server. The
 * messages of a burst are sent back to back, as any client sends what it has: the server may well
 * begin with the first of them while the others are on their way.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Crowd {
  /** Sends `backlog` messages; resolves when every subscriber has each of them. */
  burst(backlog: number): Promise<void>;
  close(): void;
}

export interface CrowdOptions {
  readonly port: number;
  readonly subscribers: number;
  readonly bodyBytes: number;
  /** Frames of STOMP, or bare texts. */
  readonly stomp: boolean;
}

const NUL = 0;
const DESTINATION = '/topic/bench';
/** Handshakes under way at once. */
const OPENING_MAX = 50;

export async function gatherCrowd(options: CrowdOptions): Promise<Crowd> {
  let missing = 0;
  let complete = (): void => undefined;
  const heard = (data: unknown): void => {
    missing -= options.stomp && Buffer.isBuffer(data) ? nulsIn(data) : 1;
    if (missing === 0) complete();
  };
  const clients: WebSocket[] = [];
  for (let from = 0; from < options.subscribers; from += OPENING_MAX) {
    const count = Math.min(OPENING_MAX, options.subscribers - from);
    const some = Array.from({ length: count }, () => subscriber(options));
    clients.push(...(await Promise.all(some)));
  }
  for (const client of clients) client.on('message', heard);
  const publisher = await open(options, 'publisher');
  const text = textOf(options);
  return {
    burst: (backlog) =>
      new Promise((resolve) => {
        missing = options.subscribers * backlog;
        complete = resolve;
        for (let count = 0; count < backlog; count++) publisher.send(text);
      }),
    close: () => {
      for (const client of [publisher, ...clients]) client.terminate();
    },
  };
}

function textOf({ stomp, bodyBytes }: CrowdOptions): string {
  const body = 'x'.repeat(bodyBytes);
  return stomp ? `SEND\ndestination:${DESTINATION}\n\n${body}\0` : body;
}

async function subscriber(options: CrowdOptions): Promise<WebSocket> {
  const client = await open(options, 'subscriber');
  if (options.stomp) {
    const receipt = once(client, 'message');
    client.send(`SUBSCRIBE\nid:sub-0\ndestination:${DESTINATION}\nreceipt:ready\n\n\0`);
    await receipt;
  }
  return client;
}

async function open({ port, stomp }: CrowdOptions, role: string): Promise<WebSocket> {
  const path = stomp ? 'ws' : role;
  const client = new WebSocket(`ws://127.0.0.1:${port}/${path}`, stomp ? ['v12.stomp'] : []);
  await once(client, 'open');
  if (stomp) {
    const connected = once(client, 'message');
    client.send('CONNECT\naccept-version:1.2\nhost:localhost\nheart-beat:0,0\n\n\0');
    await connected;
  }
  return client;
}

function nulsIn(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(NUL); at >= 0; at = data.indexOf(NUL, at + 1)) count += 1;
  return count;
}
