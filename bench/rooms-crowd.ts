/**
 * The load of the rooms bench: so many rooms of so many members, one of whom speaks. Every member
 * is a client of `ws` that says what its server understands; what it hears is only counted.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Kind } from './rooms-server.ts';

export interface RoomsCrowd {
  /** In every room `backlog` messages back to back; resolves when every member has each. */
  burst(backlog: number): Promise<void>;
  close(): void;
}

export interface RoomsOptions {
  readonly kind: Kind;
  readonly port: number;
  readonly rooms: number;
  readonly members: number;
  readonly bodyBytes: number;
}

/** How to join a room and to speak in it, and how many messages a text holds. */
interface Manner {
  readonly url: (port: number, room: string) => string;
  readonly protocols: readonly string[];
  /** Each is answered by one text, or more, before the next is sent. */
  readonly greeting: (room: string) => readonly string[];
  readonly say: (room: string, body: string) => string;
  readonly count: (data: Buffer) => number;
}

const STOMP: Manner = {
  url: (port) => `ws://127.0.0.1:${port}/ws`,
  protocols: ['v12.stomp'],
  greeting: (room) => [
    'CONNECT\naccept-version:1.2\nhost:localhost\nheart-beat:0,0\n\n\0',
    `SUBSCRIBE\nid:sub-0\ndestination:/room/${room}\nreceipt:ready\n\n\0`,
  ],
  say: (room, body) => `SEND\ndestination:/room/${room}\n\n${body}\0`,
  count: nulsIn,
};

const MANNERS: Readonly<Record<Kind, Manner>> = {
  bare: {
    url: (port, room) => `ws://127.0.0.1:${port}/${room}`,
    protocols: [],
    greeting: () => [],
    say: (_, body) => body,
    count: () => 1,
  },
  // Engine.IO 4: `0{…}` opens, `40` connects, `42[…]` is an event, `42n[…]` wants the answer `43n`.
  socketio: {
    url: (port) => `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`,
    protocols: [],
    greeting: (room) => ['40', `420["join","${room}"]`],
    say: (room, body) => `42["say","${room}","${body}"]`,
    count: (data) => (data[0] === FOUR ? 1 : 0),
  },
  memory: STOMP,
  lmdb: STOMP,
};

const NUL = 0;
const FOUR = 0x34;
const PING = '2';
const PONG = '3';
/** Handshakes under way at once. */
const OPENING_MAX = 50;

export async function gatherRooms(options: RoomsOptions): Promise<RoomsCrowd> {
  const { kind, rooms, members, bodyBytes } = options;
  const manner = MANNERS[kind];
  let missing = 0;
  let complete = (): void => undefined;
  const names = Array.from({ length: rooms * members }, (_, index) => `bench-${index % rooms}`);
  const clients: WebSocket[] = [];
  for (let from = 0; from < names.length; from += OPENING_MAX) {
    const some = names.slice(from, from + OPENING_MAX);
    clients.push(...(await Promise.all(some.map((room) => member(options, room)))));
  }
  for (const client of clients) {
    client.on('message', (data: Buffer) => {
      missing -= manner.count(data);
      if (missing === 0) complete();
    });
  }
  const speakers = clients.slice(0, rooms).map((client, room) => ({
    client,
    text: manner.say(`bench-${room}`, 'x'.repeat(bodyBytes)),
  }));
  return {
    burst: (backlog) =>
      new Promise((resolve) => {
        missing = rooms * members * backlog;
        complete = resolve;
        for (const { client, text } of speakers) {
          for (let count = 0; count < backlog; count++) client.send(text);
        }
      }),
    close: () => {
      for (const client of clients) client.terminate();
    },
  };
}

async function member({ kind, port }: RoomsOptions, room: string): Promise<WebSocket> {
  const { url, protocols, greeting } = MANNERS[kind];
  const client = new WebSocket(url(port, room), [...protocols], { perMessageDeflate: false });
  const opened = kind === 'socketio' ? once(client, 'message') : once(client, 'open');
  await opened;
  for (const text of greeting(room)) {
    const answered = once(client, 'message');
    client.send(text);
    await answered;
  }
  if (kind === 'socketio') {
    client.on('message', (data: Buffer) => {
      if (data.toString() === PING) client.send(PONG);
    });
  }
  return client;
}

function nulsIn(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(NUL); at >= 0; at = data.indexOf(NUL, at + 1)) count += 1;
  return count;
}
