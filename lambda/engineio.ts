/**
 * Engine.IO 4 by long polling (Engine.IO protocol, "HTTP long-polling"). Sessions are mailboxes, so
 * no request needs the process that served the one before it. A poll is never answered by nothing and
 * never by another status than 200 while the session lives: either would end its client.
 */
import type { Mailbox } from '../broker/ports.ts';
import { readPayload, SEPARATOR } from '../protocol/engineio/packet.ts';
import {
  type EngineFault,
  engineFaultText,
  readEngineRequest,
} from '../protocol/engineio/request.ts';
import { crossOrigin, type HeaderMap, preflight } from '../protocol/sockjs/headers.ts';
import { engineOpening, engineSessionName } from './engineio-sessions.ts';
import { answer, type HttpHandler, type HttpRequest, joinHeaders, type Reply } from './exchange.ts';
import type { Form } from './receiver.ts';
import type { Attached, Sessions, SessionWorld } from './sessions.ts';

interface Visit {
  readonly request: HttpRequest;
  readonly reply: Reply;
  /** Of every answer. */
  readonly headers: HeaderMap;
  readonly sessions: Sessions;
  readonly world: SessionWorld;
}

const OVER = { code: 1000, reason: 'Closed' };
const BROKEN = { code: 1002, reason: 'Protocol error' };
const NOT_STORED = { 'Cache-Control': 'no-store' };
const METHODS = ['OPTIONS', 'GET', 'POST'];

export function engineHandler(world: SessionWorld, sessions: Sessions): HttpHandler {
  return async (request, reply) => {
    const headers = joinHeaders(NOT_STORED, crossOrigin(request.headers));
    if (request.method === 'OPTIONS') {
      return answer(reply, 204, preflight(request.headers, METHODS, world.clock.now()));
    }
    const visit = { request, reply, headers, sessions, world };
    const asked = readEngineRequest(new URLSearchParams(request.query), request.method, false);
    if (typeof asked === 'string') return fault(visit, asked);
    if (asked.sid === undefined) return open(visit);
    const session = engineSessionName(asked.sid);
    const mailbox = await sessions.find(session);
    const wrong = faultOf(mailbox, request.method);
    if (mailbox === undefined || wrong !== undefined) return fault(visit, wrong ?? 'session');
    return request.method === 'POST' ? receive(visit, mailbox) : poll(visit, session);
  };
}

function faultOf(mailbox: Mailbox | undefined, method: string): EngineFault | undefined {
  if (mailbox === undefined) return 'session';
  if (mailbox.socket !== undefined) return 'request';
  return method === 'GET' || method === 'POST' ? undefined : 'method';
}

function fault({ reply, headers }: Visit, wrong: EngineFault): Promise<void> {
  return answer(
    reply,
    400,
    { 'Content-Type': 'application/json', ...headers },
    engineFaultText(wrong),
  );
}

const TEXT = { 'Content-Type': 'text/plain; charset=UTF-8' };

async function open({ reply, headers, sessions, world }: Visit): Promise<void> {
  const sid = world.ids.random();
  const attached = await sessions.attach(engineSessionName(sid), false);
  if (attached === 'busy') throw new Error('a new session has a receiver');
  await sessions.release(attached);
  const opening = engineOpening(world, sid, ['websocket']);
  await answer(reply, 200, { ...TEXT, ...headers }, opening);
}

const FORM: Form = {
  posts: (posts) => posts.map((post) => Buffer.from(post).toString()).join(SEPARATOR),
  closed: () => '1',
  beat: '2',
};
/** Who is changing over shall ask no more, and needs no ping. */
const PROBED: Form = { ...FORM, beat: '6' };

async function poll(visit: Visit, session: string): Promise<void> {
  const { reply, headers, sessions, world } = visit;
  const attached = await sessions.attach(session, false);
  if (attached === 'busy' || attached.fresh) return doubled(visit, session);
  if (attached.socket !== undefined) return fault(visit, 'request');
  if (attached.closed !== undefined) return last(visit, attached);
  reply.start(200, joinHeaders(TEXT, headers));
  const probed = (attached.probedUntil ?? 0) > world.clock.now();
  await sessions.hold(attached, {
    reply,
    form: probed ? PROBED : FORM,
    streaming: false,
    bytesMax: 0,
    bytes: 0,
    ...(probed ? { holdMilliseconds: world.limits.engineProbeMilliseconds } : {}),
  });
  reply.end();
}

/** Two polls at once: no client does so, and whose is whose cannot be told. */
async function doubled(visit: Visit, session: string): Promise<void> {
  const mailbox = await visit.sessions.find(session);
  if (mailbox !== undefined) await end(visit, mailbox, BROKEN);
  return fault(visit, 'request');
}

/** What waits when a session is closed is still told, once. */
async function last(visit: Visit, { session, receiver }: Attached): Promise<void> {
  const { reply, headers, world } = visit;
  const taken = await world.mailboxes.take(session, receiver);
  if (taken === 'lost' || taken.posts.length === 0) return fault(visit, 'session');
  await answer(reply, 200, { ...TEXT, ...headers }, String(FORM.posts(taken.posts)));
}

async function end(
  { sessions }: Visit,
  { connectionId }: Mailbox,
  closed: typeof OVER,
): Promise<void> {
  await sessions.close(connectionId, closed);
  await sessions.service.lost(connectionId);
}

/** Nothing of a payload counts in which one packet is none, or not a client's to send. */
async function receive(visit: Visit, mailbox: Mailbox): Promise<void> {
  const { request, reply, headers, sessions, world } = visit;
  if (request.oversized || request.body.length > world.limits.enginePayloadBytesMax) {
    return answer(reply, 413, { ...TEXT, ...headers });
  }
  if (mailbox.closed !== undefined) return fault(visit, 'session');
  const { buffer, byteOffset, byteLength } = request.body;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString();
  const packets = readPayload(text);
  if (packets === undefined || packets.some(({ type }) => !FROM_CLIENT.has(type))) {
    await end(visit, mailbox, BROKEN);
    return fault(visit, 'request');
  }
  const said = text.split(SEPARATOR).filter((packet) => /^[4b]/.test(packet));
  if (said.length > 0) await sessions.service.heard(mailbox.connectionId, said);
  if (packets.some(({ type }) => type === 'close')) await end(visit, mailbox, OVER);
  await answer(reply, 200, { 'Content-Type': 'text/html', ...headers }, 'ok');
}

const FROM_CLIENT: ReadonlySet<string> = new Set(['close', 'pong', 'message', 'binary']);
