/**
 * `@connections` over HTTP at `/{stage}/@connections/{id}`, so that an AWS SDK client can be pointed
 * at this process. Signatures are not checked: instead only loopback peers are served, and nothing
 * that a browser sent on behalf of a web page, or a proxy on behalf of anybody. A proxy need not say
 * that it is one, so where identity is configured an administrator's key is asked for besides.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAdministrator } from '../lambda/administration.ts';
import type { Gateway } from './gateway.ts';
import { isLoopback } from './options.ts';

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'BadRequestException',
  403: 'ForbiddenException',
  410: 'GoneException',
  413: 'PayloadTooLargeException',
  429: 'LimitExceededException',
};

/** Whether `url` is for the management side, of this stage or of any other. */
export function isManagement(url: string): boolean {
  return /^\/[^/?]+\/@connections\//.test(url);
}

export interface ManagementSide {
  readonly gateway: Gateway;
  /** SHA-256 of the keys one of which must be shown; undefined: none need be. */
  readonly keys: readonly string[] | undefined;
}

/** Answers in the shape of the API Gateway Management API (2018-11-29). */
export async function manage(
  { gateway, keys }: ManagementSide,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const prefix = `/${gateway.stage}/@connections/`;
  const url = (request.url ?? '').split('?', 1)[0] ?? '';
  if (!url.startsWith(prefix) || !isTrusted(request, keys)) {
    fail(response, 403, 'Forbidden');
    return;
  }
  const id = decoded(url.slice(prefix.length));
  if (request.method === 'POST') await post(gateway, id, request, response);
  else if (request.method === 'DELETE') answer(response, gateway.management.delete(id));
  else if (request.method === 'GET') get(gateway, id, response);
  else fail(response, 403, 'Missing Authentication Token');
}

/** What proxies add, and programs on this machine do not. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const;

/** A program of this machine, or whoever shows one of the keys where there are any. */
export function isTrusted(request: IncomingMessage, keys: ManagementSide['keys']): boolean {
  const { headers } = request;
  const peer = request.socket.remoteAddress ?? '';
  if (!/^(::1|(::ffff:)?127\.)/.test(peer) || headers.origin !== undefined) return false;
  if (FORWARDED.some((name) => headers[name] !== undefined)) return false;
  // A page whose name was made to lead here says its own name.
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(host)) return false;
  return keys === undefined || isAdministrator(headers.authorization ?? '', keys);
}

/** Text that does not decode is no connection's id. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

async function post(
  gateway: Gateway,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > gateway.limits.messageBytesMax) {
      response.setHeader('Connection', 'close');
      fail(response, 413, 'Payload too large');
      return;
    }
    chunks.push(chunk);
  }
  const outcome = await gateway.management.post(id, Buffer.concat(chunks));
  if (typeof outcome === 'number') answer(response, outcome);
  else fail(response, outcome.status, outcome.reason === 'buffer' ? BUFFER_FULL : OVER_RATE);
}

const BUFFER_FULL = 'The client side buffer is full';
const OVER_RATE = 'Too Many Requests';

function get(gateway: Gateway, id: string, response: ServerResponse): void {
  const facts = gateway.management.get(id);
  if (facts === undefined) {
    answer(response, 410);
    return;
  }
  const body = JSON.stringify({
    connectedAt: new Date(facts.connectedAt).toISOString(),
    lastActiveAt: new Date(facts.lastActiveAt).toISOString(),
    identity: facts.identity,
  });
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
}

function answer(response: ServerResponse, status: number): void {
  if (status < 300) response.writeHead(status).end();
  else fail(response, status, status === 410 ? 'Gone' : 'Not accepted');
}

function fail(response: ServerResponse, status: number, message: string): void {
  response
    .writeHead(status, {
      'Content-Type': 'application/json',
      'x-amzn-ErrorType': ERROR_TYPES[status] ?? 'InternalServerException',
    })
    .end(JSON.stringify({ message }));
}
