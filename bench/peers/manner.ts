/**
 * What a client has to say to each peer of the benches, and how it reads the answers. A *channel* is
 * what the peer has for it: a topic or a room of a STOMP broker, a room of Socket.IO, a set of sockets.
 */

export const PEERS = ['bare', 'socketio', 'memory', 'lmdb', 'rabbitmq'] as const;
export type PeerName = (typeof PEERS)[number];

/** What a peer's process is asked for; the message after it is the answer. */
export const ASKED = { cpu: 'cpu', memory: 'memory' } as const;

/** A member hears its channel, and may speak there; a speaker only speaks. */
export type Role = 'member' | 'speaker';

export interface Manner {
  readonly protocols: readonly string[];
  /** Of the server's own accord, before anything is said: what must be awaited after the handshake. */
  readonly greeted: boolean;
  url(base: string, channel: string, role: Role): string;
  /** Each is answered by one WebSocket message before the next is sent. */
  greeting(channel: string, role: Role): readonly string[];
  /** `body` begins with its number, eight digits. */
  speech(channel: string, body: string): string;
  /** Numbers of the bodies in one WebSocket message, in their order; none for what is no message. */
  numbers(data: Buffer): readonly number[];
}

/** Written at the head of each body. */
export const NUMBER_DIGITS = 8;

const BARE: Manner = {
  protocols: [],
  greeted: false,
  url: (base, channel, role) => `${base}/${role}${channel}`,
  greeting: () => [],
  speech: (_, body) => body,
  numbers: (data) => [numberAt(data, 0)],
};

const SAID = Buffer.from('42["said","');

/** Engine.IO 4: `0{…}` opens, `40` connects, `42[…]` is an event, `42n[…]` wants the answer `43n`. */
const SOCKET_IO: Manner = {
  protocols: [],
  greeted: true,
  url: (base) => `${base}/socket.io/?EIO=4&transport=websocket`,
  greeting: (channel, role) => (role === 'member' ? ['40', `420["join","${channel}"]`] : ['40']),
  speech: (channel, body) => `42["say","${channel}","${body}"]`,
  numbers: (data) =>
    data.subarray(0, SAID.length).equals(SAID) ? [numberAt(data, SAID.length)] : [],
};

/** Of RabbitMQ, which asks for them. */
const LOGIN = 'login:guest\npasscode:guest\n';

function stomp(login = ''): Manner {
  const subscribe = (channel: string) =>
    `SUBSCRIBE\nid:sub-0\ndestination:${channel}\nreceipt:ready\n\n\0`;
  const connect = `CONNECT\naccept-version:1.2\nhost:/\nheart-beat:0,0\n${login}\n\0`;
  return {
    protocols: ['v12.stomp'],
    greeted: false,
    url: (base) => base,
    greeting: (channel, role) => (role === 'member' ? [connect, subscribe(channel)] : [connect]),
    speech: (channel, body) => `SEND\ndestination:${channel}\n\n${body}\0`,
    numbers: messagesIn,
  };
}

export const MANNERS: Readonly<Record<PeerName, Manner>> = {
  bare: BARE,
  socketio: SOCKET_IO,
  memory: stomp(),
  lmdb: stomp(),
  rabbitmq: stomp(LOGIN),
};

const NUL = 0;
const BLANK_LINE = Buffer.from('\n\n');

/** Bodies of the benches hold no NUL. */
function messagesIn(data: Buffer): readonly number[] {
  const numbers: number[] = [];
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(NUL, at);
    const body = data.indexOf(BLANK_LINE, at) + BLANK_LINE.length;
    if (end < body) break;
    numbers.push(numberAt(data, body));
    at = end + 1;
  }
  return numbers;
}

function numberAt(data: Buffer, at: number): number {
  return Number(data.toString('latin1', at, at + NUMBER_DIGITS));
}
