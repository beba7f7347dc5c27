/**
 * The load of the benches: channels of so many members, and one who speaks in each. Every client is
 * one of `ws` that says what its peer understands. The messages of a burst are sent back to back, as
 * any client sends what it has: a server may well begin with the first while the others are on their
 * way. Each body is numbered, and a member that hears a number twice, late or never ends the bench.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { MANNERS, NUMBER_DIGITS, type Role } from './manner.ts';
import type { Peer } from './peer.ts';

export interface Crowd {
  /** In every channel `backlog` messages; resolves when every member has each of them, in order. */
  burst(backlog: number): Promise<void>;
  close(): Promise<void>;
}

export interface CrowdOptions {
  readonly channels: number;
  readonly members: number;
  readonly bodyBytes: number;
  /** In front of a channel's number: `/topic/` or `/room/` for those who have them. */
  readonly prefix: string;
  /** Whether the one who speaks is a member, and hears itself. */
  readonly speaker: Role;
}

/** Handshakes under way at once. */
const OPENING_MAX = 50;
const PING = '2';
const PONG = '3';

type Target = Pick<Peer, 'name' | 'url'>;

export async function gatherCrowd(peer: Target, options: CrowdOptions): Promise<Crowd> {
  const { channels, members, bodyBytes, prefix, speaker } = options;
  const { numbers, speech } = MANNERS[peer.name];
  const nameOf = (channel: number): string => `${prefix}bench-${channel}`;
  let missing = 0;
  let complete = (): void => undefined;
  let fail = (cause: Error): void => {
    throw cause;
  };
  let said = 0;
  const places = Array.from({ length: channels * members }, (_, place) => place % channels);
  const clients = await enterAll(peer, places.map(nameOf));
  for (const client of clients) {
    let last = 0;
    client.on('message', (data: Buffer) => {
      for (const number of numbers(data)) {
        if (number !== last + 1) fail(new Error(`${peer.name}: ${number} came after ${last}`));
        last = number;
        missing -= 1;
      }
      if (missing === 0) complete();
    });
  }
  const cut = (_: number, reason: Buffer): void => {
    fail(new Error(`${peer.name} closed a connection: ${reason}`));
  };
  const apart =
    speaker === 'member'
      ? []
      : await Promise.all(
          Array.from({ length: channels }, (_, channel) => enter(peer, nameOf(channel), 'speaker')),
        );
  const speakers = (speaker === 'member' ? clients : apart).slice(0, channels);
  const everyone = [...clients, ...apart];
  for (const client of everyone) client.once('close', cut);
  const filling = 'x'.repeat(Math.max(0, bodyBytes - NUMBER_DIGITS));
  return {
    burst: (backlog) =>
      new Promise((resolve, reject) => {
        missing = channels * members * backlog;
        complete = resolve;
        fail = reject;
        const from = said + 1;
        said += backlog;
        for (const [channel, client] of speakers.entries()) {
          for (let number = from; number <= said; number++) {
            const body = String(number).padStart(NUMBER_DIGITS, '0') + filling;
            client.send(speech(nameOf(channel), body));
          }
        }
      }),
    close: () => {
      for (const client of everyone) client.off('close', cut);
      return leave(everyone);
    },
  };
}

/** One for each channel, some at a time. */
export async function enterAll(
  peer: Target,
  channels: readonly string[],
  role: Role = 'member',
): Promise<readonly WebSocket[]> {
  const clients: WebSocket[] = [];
  for (let from = 0; from < channels.length; from += OPENING_MAX) {
    const some = channels.slice(from, from + OPENING_MAX);
    clients.push(...(await Promise.all(some.map((one) => enter(peer, one, role)))));
  }
  return clients;
}

export async function leave(clients: readonly WebSocket[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      const closed = once(client, 'close');
      client.terminate();
      await closed;
    }),
  );
}

async function enter({ name, url }: Target, channel: string, role: Role): Promise<WebSocket> {
  const manner = MANNERS[name];
  const client = new WebSocket(manner.url(url, channel, role), [...manner.protocols], {
    perMessageDeflate: false,
  });
  await once(client, manner.greeted ? 'message' : 'open');
  for (const text of manner.greeting(channel, role)) await ask(client, text);
  if (manner === MANNERS.socketio) {
    client.on('message', (data: Buffer) => {
      if (data.length === 1 && data.toString() === PING) client.send(PONG);
    });
  }
  return client;
}

/** Says it, and waits for one WebSocket message. */
export async function ask(client: WebSocket, text: string): Promise<Buffer> {
  const answered = once(client, 'message');
  client.send(text);
  const [data] = await answered;
  const answer = Buffer.isBuffer(data) ? data : Buffer.from(String(data));
  if (answer.subarray(0, ERROR.length).equals(ERROR)) throw new Error(answer.toString());
  return answer;
}

const ERROR = Buffer.from('ERROR');
