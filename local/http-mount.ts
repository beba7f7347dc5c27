/**
 * HTTP requests of this port as the handlers know them. Here, other than behind Lambda, a client
 * that goes away is noticed at once.
 */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type HttpHandler, type HttpRequest, joinHeaders, type Reply } from '../lambda/exchange.ts';
import type { Mount } from './server.ts';

export interface HttpMountOptions {
  readonly prefix: string;
  readonly handler: HttpHandler;
  readonly bodyBytesMax: number;
  readonly upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}

export function httpMount({ prefix, handler, bodyBytesMax, upgrade }: HttpMountOptions): Mount {
  return {
    prefix,
    async request(incoming, response) {
      const body = await readBody(incoming, bodyBytesMax);
      if (body === 'gone') return;
      await handler(requestOf(incoming, body), new ServerReply(response));
    },
    ...(upgrade === undefined ? {} : { upgrade }),
  };
}

/** Discarded of a body too large, so that its sender can read the refusal; then it is cut. */
const DISCARDED_TIMES_MAX = 8;

const NO_BODY = Buffer.alloc(0);

export async function readBody(
  incoming: IncomingMessage,
  max: number,
): Promise<Buffer | 'large' | 'gone'> {
  // A poll has no body: there is nothing to wait for.
  if (incoming.headers['content-length'] === '0') {
    incoming.resume();
    return NO_BODY;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming) {
      bytes += chunk.length;
      if (bytes <= max) chunks.push(chunk);
      else if (bytes > max * DISCARDED_TIMES_MAX) break;
    }
  } catch {
    return 'gone';
  }
  return bytes > max ? 'large' : Buffer.concat(chunks);
}

export function requestOf(incoming: IncomingMessage, body: Buffer | 'large'): HttpRequest {
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const headers: Record<string, string> = {};
  for (const name in incoming.headers) {
    const value = incoming.headers[name];
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers,
    body: body === 'large' ? new Uint8Array(0) : body,
    oversized: body === 'large',
  };
}

/**
 * A class for its accessor: V8 makes a hidden class of its own for every object literal that has
 * one, and each keeps its request alive until the old space is collected.
 */
class ServerReply implements Reply {
  readonly #response: ServerResponse;
  // What is said in one turn leaves in one: an answer that ends in it has a length, and one write.
  #head: Head | undefined;
  #first: string | Uint8Array | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get gone(): AbortSignal {
    return goneOf(this.#response.req.socket);
  }

  start(status: number, headers: Head['headers']): void {
    this.#head = { status, headers };
  }

  write(chunk: string | Uint8Array): Promise<void> {
    if (this.#head !== undefined && this.#first === undefined) {
      this.#first = chunk;
      process.nextTick(() => this.#flush());
      return Promise.resolve();
    }
    this.#flush();
    const response = this.#response;
    // The request's: a response in the line behind another has no socket yet, nor hears of its end.
    const { socket } = response.req;
    if (socket.destroyed || response.write(chunk)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        response.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      response.on('drain', done);
      socket.on('close', done);
    });
  }

  end(): void {
    if (this.#head === undefined) return void this.#response.end();
    const { status, headers } = this.#head;
    this.#head = undefined;
    this.#response.writeHead(status, sized(status, headers, this.#first)).end(this.#first);
  }

  #flush(): void {
    if (this.#head === undefined || this.#response.headersSent) return;
    this.#response.writeHead(this.#head.status, this.#head.headers);
    this.#head = undefined;
    if (this.#first !== undefined) this.#response.write(this.#first);
  }
}

const signals = new WeakMap<Socket, AbortSignal>();

/**
 * Aborted once the client has left. One for all requests of a socket: to make one takes 3.5 µs
 * (docs/decisions.md, "does not begin as a copy").
 */
function goneOf(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known !== undefined) return known;
  if (socket.destroyed) return AbortSignal.abort();
  const left = new AbortController();
  // A client may have any number of requests in flight on it.
  setMaxListeners(Number.POSITIVE_INFINITY, left.signal);
  socket.once('close', () => left.abort());
  signals.set(socket, left.signal);
  return left.signal;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** 204 and 304 have no body, and no length either (RFC 9110 §8.6). */
function sized(
  status: number,
  headers: Head['headers'],
  body: string | Uint8Array = '',
): Head['headers'] {
  if (status === 204 || status === 304 || headers['Content-Length'] !== undefined) return headers;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  return joinHeaders(headers, { 'Content-Length': String(length) });
}
