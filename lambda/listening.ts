/**
 * Listening by HTTP: `GET` of a destination, as an EventSource or as a long poll. Either is a
 * connection with one subscription, whose posts wait in a mailbox while no request is there. Its
 * token, told to the client, is all it takes to go on, wherever the next request is served.
 */
import { sessionName } from '../broker/address.ts';
import { parseDestination } from '../broker/destination.ts';
import { endConnection } from '../broker/ending.ts';
import { BrokerError } from '../broker/errors.ts';
import type { Connection, Headers, Principal } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { flush, openSession } from '../broker/session.ts';
import { subscribe } from '../broker/subscribe.ts';
import { makeTurn } from '../broker/turn.ts';
import { EVENT_BEAT, eventText } from '../protocol/http/events.ts';
import { crossOrigin, NOT_CACHED } from '../protocol/sockjs/headers.ts';
import type { HttpRequest, Reply } from './exchange.ts';
import type { Form } from './receiver.ts';
import type { Attached, Sessions } from './sessions.ts';

export interface Listening {
  readonly destination: string;
  readonly request: HttpRequest;
  readonly reply: Reply;
  /** Undefined where nobody is asked who he is. */
  readonly principal: Principal | undefined;
}

interface World {
  readonly ports: Ports;
  readonly sessions: Sessions;
}

/** What is asked of the past, and which session goes on. */
interface Asked {
  readonly token: string;
  readonly resumes: boolean;
  /** `since`, `last`, `after` of a SUBSCRIBE. */
  readonly past: Headers;
}

/** Throws BrokerError while nothing is answered yet. */
export async function events(listening: Listening, world: World): Promise<void> {
  const { request, reply } = listening;
  const asked = askedOf(request, request.headers['last-event-id'], world.ports);
  const headers = {
    'Content-Type': 'text/event-stream; charset=utf-8',
    ...NOT_CACHED,
    'X-Accel-Buffering': 'no',
    ...crossOrigin(request.headers),
  };
  const attached = await attach(listening, asked, 'events', world);
  reply.start(200, headers);
  if (attached === 'busy') {
    // Any status but 200 would make a browser give up for good.
    await reply.write('retry: 2000\n\n');
  } else {
    await world.sessions.hold(attached, {
      reply,
      streaming: true,
      // A cut would be felt by nobody but would cost a request.
      bytesMax: Number.POSITIVE_INFINITY,
      bytes: 0,
      form: EVENTS,
    });
  }
  reply.end();
}

const EVENTS: Form = {
  posts: (posts) => Buffer.concat(posts),
  closed: (closed) => eventText({ name: 'closed', data: JSON.stringify(closed) }),
  beat: EVENT_BEAT,
};

/** Answers with what has come, or after the hold with nothing; `next` is where to ask again. */
export async function poll(listening: Listening, world: World): Promise<void> {
  const { request, reply } = listening;
  const asked = askedOf(request, new URLSearchParams(request.query).get('session'), world.ports);
  const attached = await attach(listening, asked, 'json', world);
  const headers = {
    'Content-Type': 'application/json',
    ...NOT_CACHED,
    ...crossOrigin(request.headers),
  };
  if (attached === 'busy') throw busy();
  reply.start(200, headers);
  const next = `${request.path}?session=${encodeURIComponent(asked.token)}`;
  const form = polled({ next, resumed: !attached.fresh });
  await world.sessions.hold(attached, { reply, streaming: false, bytesMax: 0, bytes: 0, form });
  reply.end();
}

function polled(place: { readonly next: string; readonly resumed: boolean }): Form {
  const tail = JSON.stringify(place).slice(1);
  const text = (messages: string) => `{"messages":[${messages}],${tail}\n`;
  return {
    posts: (posts) => text(posts.map((post) => Buffer.from(post).toString()).join(',')),
    closed: (closed) => `{"messages":[],"closed":${JSON.stringify(closed)},${tail}\n`,
    beat: text(''),
  };
}

/** Makes this request the receiver; the first of a session subscribes. */
async function attach(
  { destination, principal }: Listening,
  asked: Asked,
  dialect: 'events' | 'json',
  { ports, sessions }: World,
): Promise<Attached | 'busy'> {
  const { kind } = parseDestination(destination, ports.limits);
  if (kind === 'queue') throw notByGet();
  const attached = await sessions.attach(sessionName('http', asked.token), dialect === 'events');
  if (attached === 'busy') return attached;
  if (!attached.fresh) {
    try {
      await assertSame(attached.connectionId, principal, ports);
    } catch (cause) {
      await sessions.release(attached);
      throw cause;
    }
    return attached;
  }
  try {
    await begin(attached.connectionId, { destination, asked, dialect, principal }, ports);
    return attached;
  } catch (cause) {
    const gone = { code: 1008, reason: 'Refused' };
    await sessions.close(attached.connectionId, gone);
    await endConnection(attached.connectionId, 'refused', ports);
    throw cause;
  }
}

interface Beginning {
  readonly destination: string;
  readonly asked: Asked;
  readonly dialect: 'events' | 'json';
  readonly principal: Principal | undefined;
}

async function begin(
  connectionId: string,
  { destination, asked, dialect, principal }: Beginning,
  ports: Ports,
): Promise<void> {
  const now = ports.clock.now();
  const name = ports.ids.random();
  const connection: Connection = {
    id: connectionId,
    carrier: 'raw',
    dialect,
    version: dialect === 'events' ? '1' : '1.2',
    session: name,
    member: principal?.user ?? name,
    ...(principal === undefined ? {} : { principal }),
    connectedAt: now,
    expiresAt: now + ports.limits.connectionSecondsMax * 1000,
    stamp: `${String(now).padStart(13, '0')}-`,
  };
  await ports.store.open(connection);
  await ports.directory?.enter(connection);
  const turn = makeTurn(ports);
  const session = openSession(connection, { ports, turn, ordered: false });
  const leave = turn.enter();
  try {
    const stamp = `${connection.stamp}0`;
    const place = { stamp, messageId: name, epoch: now, repeated: false };
    const receipt = dialect === 'events' ? { receipt: `~${asked.token}` } : {};
    await subscribe(
      { type: 'subscribe', id: '0', destination, ack: 'auto', headers: asked.past, ...receipt },
      session,
      place,
    );
    await flush(session);
  } finally {
    leave();
  }
}

/** A session is of whoever opened it: to know its token is not enough. */
async function assertSame(
  connectionId: string,
  principal: Principal | undefined,
  { identity, store }: Ports,
): Promise<void> {
  if (identity === undefined) return;
  const found = await store.find(connectionId);
  if (found === undefined || found.connection.principal?.user === principal?.user) return;
  throw new BrokerError(
    'forbidden',
    'This session is of another user',
    'Begin one of your own: leave session and Last-Event-ID out.',
  );
}

/** A client that goes on says its token, after a `~`, or a position of a log. */
function askedOf(request: HttpRequest, said: string | null | undefined, { ids }: Ports): Asked {
  const query = new URLSearchParams(request.query);
  const last = said ?? query.get('last-event-id') ?? '';
  const given = last.replace(/^~/, '');
  const resumes = /^[0-9A-Za-z-]{20,64}$/.test(given);
  const token = resumes ? given : ids.random();
  const past: [string, string][] = [];
  for (const name of ['since', 'last', 'after']) {
    const value = query.get(name);
    if (value !== null) past.push([name, value]);
  }
  // Where the client has got to beats what its URL asked at first.
  if (/^[0-9a-z]{1,32}:\d{1,15}$/.test(last)) return { token, resumes, past: [['since', last]] };
  return { token, resumes, past };
}

function notByGet(): BrokerError {
  return new BrokerError(
    'not-supported',
    'A queue is not to be read by GET',
    'A GET may be repeated by anybody on the way, and each would take messages: consume over STOMP or JSON.',
  );
}

function busy(): BrokerError {
  return new BrokerError(
    'subscription-exists',
    'Another request is polling this session',
    'Poll again once that has been answered.',
  );
}
