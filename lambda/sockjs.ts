/**
 * SockJS over HTTP, below one base path (SockJS protocol 0.3.3, section by section). It knows nothing
 * of what is said inside: a service stands behind it. No request needs the process that served the
 * one before it.
 */
import { createHash } from 'node:crypto';
import { sessionName } from '../broker/address.ts';
import {
  CLOSINGS,
  closeFrame,
  HEARTBEAT,
  joinFrames,
  OPEN,
  readMessages,
} from '../protocol/sockjs/frames.ts';
import {
  cachedForAYear,
  crossOrigin,
  type HeaderMap,
  NOT_CACHED,
  preflight,
  sessionCookie,
} from '../protocol/sockjs/headers.ts';
import { GREETING, iframePage, infoText } from '../protocol/sockjs/pages.ts';
import { methodsOf, type Place, placeOf, type Transport } from '../protocol/sockjs/paths.ts';
import {
  callbackOf,
  EVENT_SOURCE,
  htmlFile,
  jsonp,
  type Receiving,
  XHR,
  XHR_STREAMING,
} from '../protocol/sockjs/receiving.ts';
import { answer, type HttpHandler, type HttpRequest, joinHeaders, type Reply } from './exchange.ts';
import type { Attached, Hold, Sessions, SessionWorld } from './sessions.ts';

export interface SockjsOptions {
  /** Begins with `/`, does not end with one. */
  readonly prefix: string;
  /** Told in `/info`: false where no WebSocket can be had at `…/websocket`. */
  readonly websocket: boolean;
  /** Sets JSESSIONID on session URLs, for balancers that stick by it. @default false */
  readonly cookieNeeded?: boolean;
  /** Where the iframe page loads the client from. */
  readonly clientUrl: string;
  /** `/info` takes at least so long: a client waits for its greeting in proportion. @default 0 */
  readonly infoMilliseconds?: number;
}

const TEXT = { 'Content-Type': 'text/plain; charset=UTF-8' };

export function sockjsHandler(
  world: SessionWorld,
  sessions: Sessions,
  options: SockjsOptions,
): HttpHandler {
  const { prefix, cookieNeeded = false } = options;
  return async (request, reply) => {
    const place = placeOf(request.path.slice(prefix.length));
    if (place === undefined) return answer(reply, 404, TEXT, 'Not found\n');
    const methods = methodsOf(place);
    if (!methods.includes(request.method)) {
      return answer(reply, 405, { Allow: methods.join(', ') });
    }
    if (request.method === 'OPTIONS') {
      const cookie = cookieNeeded && place.type === 'session' ? sessionCookie(request.headers) : {};
      const allowed = preflight(request.headers, methods, world.clock.now());
      return answer(reply, 204, { ...allowed, ...cookie });
    }
    if (place.type === 'session') {
      const cookie = cookieNeeded ? sessionCookie(request.headers) : {};
      const headers = joinHeaders(NOT_CACHED, crossOrigin(request.headers), cookie);
      const session = sessionName(prefix, decoded(place.session));
      return served(place.transport, { request, reply, headers, session, sessions, world });
    }
    return page(place, request, reply, world, options);
  };
}

async function page(
  place: Exclude<Place, { type: 'session' }>,
  request: HttpRequest,
  reply: Reply,
  world: SessionWorld,
  options: SockjsOptions,
): Promise<void> {
  switch (place.type) {
    case 'greeting':
      return answer(reply, 200, TEXT, GREETING);
    case 'raw-websocket':
      return answer(reply, 400, TEXT, 'Not a valid websocket request');
    case 'info': {
      await world.timer.sleep(options.infoMilliseconds ?? 0);
      const { websocket, cookieNeeded = false } = options;
      const json = { 'Content-Type': 'application/json; charset=UTF-8' };
      const headers = { ...json, ...NOT_CACHED, ...crossOrigin(request.headers) };
      const entropy = entropyOf(world.ids.random());
      return answer(reply, 200, headers, infoText({ websocket, cookieNeeded, entropy }));
    }
    case 'iframe': {
      const html = iframePage(options.clientUrl);
      const tag = `"${createHash('sha256').update(html).digest('hex').slice(0, 32)}"`;
      if (request.headers['if-none-match'] === tag) return answer(reply, 304, { ETag: tag });
      const type = { 'Content-Type': 'text/html; charset=UTF-8', ETag: tag };
      return answer(reply, 200, { ...type, ...cachedForAYear(world.clock.now()) }, html);
    }
    default:
      place.type satisfies never;
  }
}

/** A request on a session's URL. */
interface Visit {
  readonly request: HttpRequest;
  readonly reply: Reply;
  /** All that its answer carries, whatever it is. */
  readonly headers: HeaderMap;
  readonly session: string;
  readonly sessions: Sessions;
  readonly world: SessionWorld;
}

async function served(transport: Transport, visit: Visit): Promise<void> {
  const { request, reply, headers } = visit;
  switch (transport) {
    case 'xhr':
      return receiving(XHR, visit);
    case 'xhr_streaming':
      return receiving(XHR_STREAMING, visit);
    case 'eventsource':
      return receiving(EVENT_SOURCE, visit);
    case 'htmlfile':
    case 'jsonp': {
      const callback = callbackOf(new URLSearchParams(request.query));
      if ('refusal' in callback) {
        return answer(reply, 500, { ...TEXT, ...headers }, callback.refusal);
      }
      return receiving((transport === 'jsonp' ? jsonp : htmlFile)(callback.name), visit);
    }
    case 'xhr_send':
      return sending(textOf(request.body), { status: 204, body: '' }, visit);
    case 'jsonp_send':
      return sending(formData(request), { status: 200, body: 'ok' }, visit);
    case 'websocket':
      return answer(reply, 400, TEXT, 'Not a valid websocket request');
    default:
      transport satisfies never;
  }
}

/** One receiving request: `o` to the first of a session, then what waits for it. */
async function receiving(receiving: Receiving, visit: Visit): Promise<void> {
  const { reply, headers, sessions, session } = visit;
  const attached = await sessions.attach(session, receiving.streaming);
  reply.start(200, joinHeaders(receiving.headers, headers));
  if (receiving.prelude !== '') await reply.write(receiving.prelude);
  if (attached === 'busy') {
    await reply.write(receiving.frame(closeFrame(CLOSINGS.another)));
  } else {
    await frames(attached, receiving, visit);
  }
  reply.end();
}

async function frames(
  attached: Attached,
  { frame, streaming }: Receiving,
  { reply, sessions, world }: Visit,
): Promise<void> {
  const open = frame(OPEN);
  if (attached.fresh) await reply.write(open);
  if (attached.fresh && !streaming) return sessions.release(attached);
  const hold: Hold = {
    reply,
    streaming,
    bytesMax: world.limits.streamBytesMax,
    bytes: attached.fresh ? open.length : 0,
    form: {
      posts: (posts) => frame(joinFrames(posts)),
      closed: (closed) => frame(closeFrame(closed)),
      beat: frame(HEARTBEAT),
    },
  };
  await sessions.hold(attached, hold);
}

/** The refusals are words that clients' tests know; after each the session goes on. */
async function sending(
  body: string,
  good: { readonly status: number; readonly body: string },
  { request, reply, headers, sessions, session }: Visit,
): Promise<void> {
  const plain = joinHeaders(TEXT, headers);
  if (request.oversized) return answer(reply, 413, plain, 'The body is too large.\n');
  const texts = readMessages(body);
  if (texts === 'no-payload') return answer(reply, 500, plain, 'Payload expected.');
  if (texts === 'broken') return answer(reply, 500, plain, 'Broken JSON encoding.');
  const mailbox = await sessions.find(session);
  if (mailbox === undefined) return answer(reply, 404, plain);
  if (mailbox.closed === undefined && texts.length > 0) {
    await sessions.service.heard(mailbox.connectionId, texts);
  }
  return answer(reply, good.status, plain, good.body);
}

/** `d=` of a form; any other content type is the payload itself. */
function formData({ headers, body }: HttpRequest): string {
  const type = headers['content-type'] ?? '';
  const text = textOf(body);
  if (!type.startsWith('application/x-www-form-urlencoded')) return text;
  return new URLSearchParams(text).get('d') ?? '';
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** 32 of the random bits of an id. */
function entropyOf(random: string): number {
  return createHash('sha256').update(random).digest().readUInt32BE(0);
}
