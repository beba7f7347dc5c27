/**
 * HTTP requests of this port as the handlers know them. Here, other than behind Lambda, a client
 * that goes away is noticed at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpHandler, HttpRequest, Reply } from '../lambda/exchange.ts';
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
      await handler(requestOf(incoming, body), replyOf(response));
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

function replyOf(response: ServerResponse): Reply {
  // Only who holds the request asks for it, and making one costs as much as the rest of the answer.
  let gone: AbortController | undefined;
  const left = (): boolean => response.closed && !response.writableFinished;
  response.on('close', () => {
    if (left()) gone?.abort();
  });
  // What is said in one turn leaves in one: an answer that ends in it has a length, and one write.
  let head: Head | undefined;
  let first: string | Uint8Array | undefined;
  const flush = (): void => {
    if (head === undefined || response.headersSent) return;
    response.writeHead(head.status, head.headers);
    head = undefined;
    if (first !== undefined) response.write(first);
  };
  return {
    get gone() {
      gone ??= new AbortController();
      if (left()) gone.abort();
      return gone.signal;
    },
    start(status, headers) {
      head = { status, headers };
    },
    write(chunk) {
      if (head !== undefined && first === undefined) {
        first = chunk;
        process.nextTick(flush);
        return Promise.resolve();
      }
      flush();
      if (response.destroyed || response.write(chunk)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          response.off('drain', done);
          response.off('close', done);
          resolve();
        };
        response.on('drain', done);
        response.on('close', done);
      });
    },
    end() {
      if (head === undefined) return void response.end();
      const { status, headers } = head;
      head = undefined;
      response.writeHead(status, sized(status, headers, first)).end(first);
    },
  };
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
  return { ...headers, 'Content-Length': String(length) };
}
