/**
 * Connected users, by hand: who is there, ending connections, shutting users and tokens out, a word
 * to one user. Behind an administrator's key alone; pages of a browser are given nothing (no CORS).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { authorization, isRevoked, shutOut } from '../broker/authenticate.ts';
import { parseTarget } from '../broker/destination.ts';
import { durablesOf } from '../broker/durable.ts';
import { BrokerError, internalError } from '../broker/errors.ts';
import { expel, expelHolders } from '../broker/expel.ts';
import { ACTIONS, type Connection, type Principal } from '../broker/model.ts';
import { formatPosition } from '../broker/past.ts';
import type { Ports } from '../broker/ports.ts';
import { parseTime } from '../broker/rules.ts';
import { replyText } from '../protocol/json/reply.ts';
import { answer, type HttpHandler, type HttpRequest } from './exchange.ts';
import { publish } from './publishing.ts';

/** Connections on one page. */
const PAGE_MAX = 100;
const HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** `keys`: SHA-256 of each administrator's key, hexadecimal. */
export function administrationHandler(ports: Ports, keys: readonly string[]): HttpHandler {
  return async (request, reply) => {
    try {
      if (!isAdministrator(request.headers['authorization'] ?? '', keys)) throw unknownKey();
      const { status, body } = await route(request, ports);
      await answer(reply, status, HEADERS, `${JSON.stringify(body)}\n`);
    } catch (cause) {
      const error = cause instanceof BrokerError ? cause : internalError();
      if (error !== cause) ports.log.error('administration-failed', cause);
      await answer(reply, error.status, HEADERS, `${replyText({ type: 'error', error })}\n`);
    }
  };
}

/** Whether the header shows one of these keys. All are compared, each in constant time. */
export function isAdministrator(header: string, keys: readonly string[]): boolean {
  const { token } = authorization(header);
  const digest = createHash('sha256').update(token).digest();
  return keys.filter((key) => timingSafeEqual(digest, Buffer.from(key, 'hex'))).length > 0;
}

async function route(request: HttpRequest, ports: Ports): Promise<Answer> {
  const [, kind, name = '', ...rest] = request.path.split('/').map(decoded);
  const query = new URLSearchParams(request.query);
  const { method } = request;
  if (kind === 'connections' && method === 'GET' && name === '') return list(query, ports);
  if (kind === 'connections' && method === 'DELETE' && name !== '') return end(name, ports);
  if (kind === 'durables' && method === 'GET') return durables(query.get('client-id'), ports);
  if (kind === 'users' && method === 'POST' && rest.length > 0) return say(request, ports);
  if (kind === 'users' && method === 'DELETE' && name !== '') {
    return shut({ user: name }, query.get('ban'), ports);
  }
  if (kind === 'tokens' && method === 'DELETE' && name !== '') {
    return shut({ tokenId: name }, query.get('ban') ?? 'default', ports);
  }
  throw new BrokerError(
    'unknown-command',
    'There is no such request',
    'GET /connections?user=&destination=&after=, DELETE /connections/{id}, DELETE /users/{name}?ban=2h, DELETE /tokens/{id}, GET /durables?client-id=, POST /users/{name}/queue/…',
  );
}

/** By destination: those who hear it. By user, or without either: from the directory. */
async function list(query: URLSearchParams, ports: Ports): Promise<Answer> {
  const { store, directory, limits } = ports;
  const [user, destination] = [query.get('user'), query.get('destination')];
  const after = query.get('after') ?? undefined;
  if (destination !== null) {
    const page = await store.subscribers(parseTarget(destination, limits), after);
    const ids = [...new Set(page.subscribers.map(({ connectionId }) => connectionId))];
    const all = await known(ids, ports);
    const mine = user === null ? all : all.filter((one) => one.user === user);
    return { status: 200, body: { connections: mine, ...(page.next && { next: page.next }) } };
  }
  if (directory === undefined) throw notKept();
  const ids = await directory.connections(user === null ? 'all' : { user }, after, PAGE_MAX);
  const next = ids.length < PAGE_MAX ? {} : { next: ids.at(-1) };
  return { status: 200, body: { connections: await known(ids, ports), ...next } };
}

/** What a client's durable subscriptions have got to, whether or not it is there. */
async function durables(client: string | null, ports: Ports): Promise<Answer> {
  const { logs } = ports;
  if (logs === undefined) throw noLogs();
  if (client === null || client === '') throw unnamed();
  const all = await durablesOf(client, ports, logs);
  const shown = all.map(async ({ destination, subscriptionId, position }) => {
    const head = await logs.journal.head(destination);
    const same = head?.epoch === position.epoch;
    return {
      destination,
      subscription: subscriptionId,
      position: formatPosition(position),
      ...(same ? { behind: head.seq - position.seq } : {}),
    };
  });
  return { status: 200, body: { durables: await Promise.all(shown) } };
}

async function known(ids: readonly string[], { store }: Ports) {
  const shown: ReturnType<typeof show>[] = [];
  for (let from = 0; from < ids.length; from += PAGE_MAX) {
    const some = await Promise.all(ids.slice(from, from + PAGE_MAX).map((id) => store.find(id)));
    for (const one of some) {
      if (one !== undefined && one.connection.ended === undefined) shown.push(show(one.connection));
    }
  }
  return shown;
}

/** Nothing that would let its reader act as somebody. */
function show({ id, principal, dialect, carrier, connectedAt }: Connection) {
  const { user, tokenId, expiresAt } = principal ?? {};
  const since = new Date(connectedAt).toISOString();
  const until = expiresAt === undefined ? {} : { tokenExpires: new Date(expiresAt).toISOString() };
  return { id, user, tokenId, dialect, carrier, since, ...until };
}

async function end(id: string, ports: Ports): Promise<Answer> {
  if (await expel(id, shutOut(), ports)) return { status: 200, body: { ended: 1 } };
  throw new BrokerError('subscription-unknown', 'There is no such connection', 'It may be over.');
}

type Who = { readonly user: string } | { readonly tokenId: string };

/** With `ban` also who comes later is refused, until then; `off` lifts it. */
async function shut(who: Who, ban: string | null, ports: Ports): Promise<Answer> {
  const { revocations, clock, limits } = ports;
  if (revocations === undefined) throw notKept();
  if (ban === 'off') {
    await revocations.pardon(who);
    return { status: 200, body: { ended: 0 } };
  }
  const time = ban === 'default' ? limits.banSecondsDefault * 1000 : parseTime(ban ?? '');
  if (ban !== null && time === undefined) {
    throw new BrokerError(
      'header-malformed',
      'ban is no time',
      'Write ban=30m, ban=2h or ban=off.',
    );
  }
  if (time !== undefined) {
    const { users, tokenIds } = await revocations.current();
    const full = users.size + tokenIds.size >= limits.bansMax;
    if (full && !isRevoked(who, { users, tokenIds })) throw tooMany(limits.bansMax);
    await revocations.ban(who, clock.now() + time);
  }
  return { status: 200, body: { ended: await expelHolders(who, shutOut(), ports) } };
}

/** As the administrator: to anybody. */
async function say(request: HttpRequest, ports: Ports): Promise<Answer> {
  const destination = request.path
    .replace(/^\/users\//, '/user/')
    .split('/')
    .map(decoded)
    .join('/');
  const principal: Principal = {
    grants: [{ pattern: '/**', actions: ACTIONS }],
    policy: ports.identity?.policy ?? '',
  };
  return { status: 200, body: { ids: await publish({ destination, request }, principal, ports) } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function unknownKey(): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'This needs an administrator’s key',
    'Authorization: Bearer …, with a key whose SHA-256 stands in administration.keys.',
  );
}

function notKept(): BrokerError {
  return new BrokerError(
    'not-supported',
    'Without identity nobody is known by name',
    'Configure identity; by destination connections can be listed all the same.',
  );
}

function unnamed(): BrokerError {
  return new BrokerError(
    'header-missing',
    'Whose durable subscriptions?',
    'GET /durables?client-id=…, the client-id of CONNECT or the user.',
  );
}

function noLogs(): BrokerError {
  return new BrokerError(
    'not-supported',
    'Nothing is logged here',
    'Durable subscriptions live beside the logs of rooms and logged topics.',
  );
}

function tooMany(most: number): BrokerError {
  return new BrokerError('rate-limited', `There are ${most} bans already`, 'Lift some of them.');
}
