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

export async function readBody(
  incoming: IncomingMessage,
  max: number,
): Promise<Buffer | 'large' | 'gone'> {
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
  const headers = Object.entries(incoming.headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: Object.fromEntries(headers),
    body: body === 'large' ? new Uint8Array(0) : body,
    oversized: body === 'large',
  };
}

function replyOf(response: ServerResponse): Reply {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return {
    gone: gone.signal,
    start(status, headers) {
      response.writeHead(status, headers);
    },
    write(chunk) {
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
      response.end();
    },
  };
}
