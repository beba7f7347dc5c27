/**
 * A small STOMP client of our own over `ws`: it writes what it is told to, byte for byte, and reads
 * frames by content-length, so that a suite sees the broker and no library's kindness.
 */
import { WebSocket } from 'ws';

export interface Frame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Closed {
  readonly code: number;
}

/** One WebSocket. What arrives waits in a list until a `next` takes it. */
export interface Peer {
  readonly protocol: string;
  sendText(text: string): void;
  /** A frame with its NUL. Header values are written as they are. */
  send(command: string, headers: Readonly<Record<string, string>>, body?: string): void;
  /** The next STOMP frame, in order of arrival. Rejects at once where none can come any more. */
  frame(milliseconds?: number): Promise<Frame>;
  /** The next whole WebSocket message. */
  text(milliseconds?: number): Promise<string>;
  closed(milliseconds?: number): Promise<Closed>;
  /** Close handshake. */
  close(): void;
  /** Cuts the socket without a word. */
  cut(): void;
}

const PATIENCE_MILLISECONDS = 10_000;
/** What came before the thing that did not, in its words. */
const HEARD_SHOWN = 4;

/** Rejects with `status` when the handshake is refused. */
export function openPeer(
  url: string,
  protocols: readonly string[] = [],
  patience = PATIENCE_MILLISECONDS,
  headers: Readonly<Record<string, string>> = {},
): Promise<Peer> {
  const socket = new WebSocket(url, [...protocols], { perMessageDeflate: false, headers });
  const heard: string[] = [];
  const behind = () => `, behind ${heard.join(', ') || 'nothing'}`;
  const texts = waitingList<string>(behind);
  const endings = waitingList<Closed>(behind);
  socket.on('message', (data) => {
    const text = String(data);
    heard.push(text.trimStart().slice(0, 40).split('\n', 1).join());
    if (heard.length > HEARD_SHOWN) heard.shift();
    texts.push(text);
  });
  socket.on('close', (code) => {
    endings.push({ code });
    texts.end(`the connection closed with ${code}`);
  });
  let rest = '';
  const frames: Frame[] = [];
  const peer: Peer = {
    get protocol() {
      return socket.protocol;
    },
    sendText: (text) => socket.send(text),
    send: (command, headers, body = '') => socket.send(write(command, headers, body)),
    frame: async (milliseconds = patience) => {
      for (;;) {
        const found = frames.shift();
        if (found !== undefined) return found;
        rest = read(rest + (await texts.next(milliseconds, 'a frame')), frames);
      }
    },
    text: (milliseconds = patience) => texts.next(milliseconds, 'a text'),
    closed: (milliseconds = patience) => endings.next(milliseconds, 'the close'),
    close: () => socket.close(1000),
    cut: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(peer));
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(new Refused(response.statusCode ?? 0));
    });
    socket.once('error', reject);
  });
}

/** A handshake answered with a status other than 101. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number) {
    super(`the handshake was refused with ${status}`);
    this.status = status;
  }
}

export function write(
  command: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join('')}\n${body}\0`;
}

/** Moves every whole frame of `text` to `frames`; returns what is left. */
function read(text: string, frames: Frame[]): string {
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[\r\n]+/, '');
    const headEnd = rest.indexOf('\n\n');
    if (headEnd < 0) return rest;
    const [command = '', ...lines] = rest.slice(0, headEnd).split('\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon)] ??= unescaped(line.slice(colon + 1));
    }
    const bytes = Buffer.from(rest.slice(headEnd + 2));
    const end =
      headers['content-length'] === undefined
        ? bytes.indexOf(0)
        : Number(headers['content-length']);
    if (end < 0 || bytes.length <= end) return rest;
    if (bytes[end] !== 0) throw new Error(`no NUL behind ${end} octets of ${command}`);
    frames.push({ command, headers, body: bytes.subarray(0, end).toString() });
    rest = bytes.subarray(end + 1).toString();
  }
}

function unescaped(value: string): string {
  return value.replace(/\\([rnc\\])/g, (_, letter: string) => ESCAPES[letter] ?? '');
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', c: ':', '\\': '\\' };

interface WaitingList<T> {
  push(item: T): void;
  /** Nothing more will be pushed. */
  end(why: string): void;
  next(milliseconds: number, what: string): Promise<T>;
}

interface Waiting<T> {
  readonly take: (item: T) => void;
  readonly giveUp: () => void;
}

/** `behind`: what came before, for the words on what did not. */
function waitingList<T>(behind: () => string): WaitingList<T> {
  const items: T[] = [];
  const waiting: Waiting<T>[] = [];
  let ended = '';
  const wait = (milliseconds: number, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${what} did not come${why}${behind()}`));
      if (ended !== '') return fail(`: ${ended}`);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        end();
      };
      const one: Waiting<T> = {
        take: (item) => settle(() => resolve(item)),
        giveUp: () => settle(() => fail(`: ${ended}`)),
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(one), 1);
        fail(` within ${milliseconds} ms`);
      }, milliseconds);
      // Waiting alone keeps no process alive: the socket does, while it is open.
      timer.unref();
      waiting.push(one);
    });
  return {
    push: (item) => {
      const first = waiting.shift();
      if (first === undefined) items.push(item);
      else first.take(item);
    },
    end: (why) => {
      ended = why;
      for (const { giveUp } of waiting.splice(0)) giveUp();
    },
    next: async (milliseconds, what) => {
      const [item] = items.splice(0, 1);
      return item ?? wait(milliseconds, what);
    },
  };
}
