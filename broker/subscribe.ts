/**
 * SUBSCRIBE and UNSUBSCRIBE. Both first publish what the connection sent before them, so that the
 * frames of one client take effect in its order.
 */
import { authorize, userOf } from './authorize.ts';
import { consult } from './consult.ts';
import { type Destination, parseDestination } from './destination.ts';
import { giveUp, leave, membershipOf } from './ending.ts';
import { BrokerError } from './errors.ts';
import type { SubscribeCommand, Subscription, UnsubscribeCommand } from './model.ts';
import { asksPast, assertNoPast } from './past.ts';
import type { Logs } from './ports.ts';
import { forgetJoin, noteJoin } from './recovery-record.ts';
import { answer, type Place, publishPending, type Session } from './session.ts';
import { ownName } from './temporary.ts';
import { ownUserDestination } from './user.ts';
import { isDurable, notDurable, selectorOf, type Wish, wishOf } from './wish.ts';

/** Once the receipt is out, every message published later to the destination reaches it. */
export async function subscribe(
  command: SubscribeCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const { ports } = session;
  const spelt = parseDestination(command.destination, ports.limits);
  assertServed(spelt, ports.logs);
  const destination = ownDestination(spelt, session);
  authorizeSubscription(command, destination, session);
  await consult('subscribe', { target: destination, ...command }, session, place);
  // CONNECTED must be out before a message can be: another invocation may publish at once.
  if (session.publications.length > 0 || session.greeting) await publishPending(session);
  if (session.ended !== undefined) return;
  const logs =
    ports.logs !== undefined && isLogged(destination, ports.logs) ? ports.logs : undefined;
  // Asked before anything is written: a malformed header leaves no trace.
  const wish = askedOf(command, destination, session, logs);
  const { id, ack, receipt } = command;
  await assertFewRooms(id, destination, session);
  const selector = selectorOf(command.headers);
  const subscription: Subscription = {
    connectionId: session.connection.id,
    id,
    destination: command.destination,
    ack,
    ...(selector === undefined ? {} : { selector }),
    stamp: place.stamp,
  };
  session.subscriptions = undefined;
  const outcome = await (logs === undefined
    ? ports.store.subscribe(session.connection, subscription, destination)
    : logs.held.hold(session.connection, subscription, destination));
  if (outcome === 'exists') {
    if (command.again !== true) throw taken(id);
    if (receipt !== undefined) answer(session, { type: 'receipt', receipt });
  }
  if (outcome === 'full') throw full(ports.limits.subscriptionsPerConnectionMax);
  if (outcome === 'ended') session.ended = 'lost';
  if (outcome !== 'done') return;
  if (logs !== undefined)
    return begin(
      subscription,
      destination,
      { ...wish, ...(receipt === undefined ? {} : { receipt }) },
      session,
      logs,
      place,
    );
  if (receipt !== undefined) answer(session, { type: 'receipt', receipt });
}

/** Throws where a destination without a log is asked for what only a log has. */
function askedOf(
  command: SubscribeCommand,
  destination: Destination,
  session: Session,
  logs: Logs | undefined,
): Wish {
  const { headers, resume } = command;
  if (logs === undefined) {
    if (isDurable(headers)) throw notDurable();
    assertNoPast(headers);
    return {};
  }
  if (resume === undefined) return wishOf(command, destination, session);
  return { past: { from: 'since', position: resume, whole: true } };
}

/** By the operator's bound alone: it reads what the connection holds. */
async function assertFewRooms(
  id: string,
  { kind }: Destination,
  { connection, ports }: Session,
): Promise<void> {
  const most = ports.rates?.roomsPerConnection;
  if (most === undefined || kind !== 'room') return;
  const all = await ports.store.subscriptions(connection.id);
  const rooms = all.filter((one) => one.id !== id && one.destination.startsWith('/room/'));
  if (rooms.length < most) return;
  throw new BrokerError(
    'too-many-subscriptions',
    `A connection may be in ${most} rooms`,
    'UNSUBSCRIBE from one of them first, or open another connection.',
  );
}

/** What only the owner hears goes by a name that is the owner's alone. */
function ownDestination(spelt: Destination, session: Session): Destination {
  const { limits } = session.ports;
  if (spelt.kind === 'temp-queue') return parseDestination(ownName(spelt, session), limits);
  return spelt.kind === 'user' ? ownUserDestination(spelt, userOf(session), limits) : spelt;
}

/** Throws `forbidden`. What is one's own is always allowed. */
function authorizeSubscription(
  { headers }: SubscribeCommand,
  destination: Destination,
  session: Session,
): void {
  const { limits } = session.ports;
  switch (destination.kind) {
    case 'temp-queue':
    case 'user':
      return;
    case 'queue':
      authorize('consume', destination, session);
      return;
    case 'presence':
      authorize('presence', parseDestination(roomOf(destination), limits), session);
      return;
    default:
      authorize('subscribe', destination, session);
      if (asksPast(headers) || isDurable(headers)) authorize('history', destination, session);
  }
}

/**
 * The subscription becomes an entry of the log, which says where it begins; `deliver` answers when it
 * reaches it, so that what is replayed and what follows cannot swap.
 */
async function begin(
  subscription: Subscription,
  destination: Destination,
  wish: Wish,
  { connection, dialect }: Session,
  logs: Logs,
  { repeated }: Place,
): Promise<void> {
  const { journal } = logs;
  const membership = membershipOf(connection, subscription);
  if (destination.kind === 'presence') {
    await journal.append(roomOf(destination), [{ type: 'watch', membership, ...wish }]);
    return;
  }
  const position = await journal.append(destination.canonical, [
    { type: 'join', membership, ...wish },
  ]);
  if (!dialect?.recovers?.(subscription.id) || destination.kind !== 'room') return;
  const { past } = wish;
  const asked = past === undefined ? position : past.from === 'since' ? past.position : undefined;
  // The first of two joins may have stood long before this one.
  await noteJoin(connection, subscription.id, repeated ? undefined : asked, logs);
}

/** Presence is logged with its room; a pattern hears logged topics without a place in any log. */
function isLogged(destination: Destination, { policies }: Logs): boolean {
  if (destination.kind === 'presence') return true;
  return !destination.pattern && policies(destination).logged;
}

/** `/presence/room/x` is about `/room/x`. */
function roomOf({ segments }: Destination): string {
  return `/${segments.join('/')}`;
}

/** Once the receipt is out, nothing published later is delivered to it. */
export async function unsubscribe(
  command: UnsubscribeCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const { ports, connection, dialect } = session;
  session.subscriptions = undefined;
  if (session.publications.length > 0) await publishPending(session);
  const id = command.id ?? (await idOf(command.destination, session));
  if (ports.logs !== undefined) {
    const all = await ports.store.subscriptions(connection.id);
    // A repeat must not end the SUBSCRIBE that followed it under the same id.
    const mine = all.find((one) => one.id === id && one.stamp < place.stamp);
    if (mine !== undefined && isDurable(command.headers)) {
      await giveUp(connection, mine, ports, ports.logs);
    } else if (mine !== undefined) {
      await leave(connection, mine, 'left', ports, ports.logs);
      if (dialect?.recovers?.(mine.id)) await forgetJoin(connection, mine.id, ports.logs);
    }
  }
  const outcome =
    id === undefined ? 'unknown' : await ports.store.unsubscribe(connection.id, id, place.stamp);
  if (outcome === 'unknown') {
    throw new BrokerError(
      'subscription-unknown',
      'There is no such subscription',
      'UNSUBSCRIBE names the id given in SUBSCRIBE, on the same connection.',
    );
  }
  if (command.receipt !== undefined) {
    answer(session, { type: 'receipt', receipt: command.receipt });
  }
}

/** STOMP 1.0 "UNSUBSCRIBE": the destination may stand in for the id. */
async function idOf(spelt: string | undefined, session: Session): Promise<string | undefined> {
  if (spelt === undefined) return undefined;
  const { ports, connection } = session;
  const wanted = parseDestination(spelt, ports.limits).canonical;
  const all = await ports.store.subscriptions(connection.id);
  return all.find(
    ({ destination }) => parseDestination(destination, ports.limits).canonical === wanted,
  )?.id;
}

/** Refuses destinations that parse but lead nowhere yet. */
const DIRECT_KINDS: ReadonlySet<string> = new Set(['topic', 'temp-queue', 'user']);
const LOGGED_KINDS: ReadonlySet<string> = new Set(['room', 'queue', 'presence']);

export function assertServed({ kind }: Destination, logs: Logs | undefined): void {
  if (DIRECT_KINDS.has(kind) || (logs !== undefined && LOGGED_KINDS.has(kind))) return;
  throw new BrokerError('not-supported', `/${kind}/ is not served yet`, 'Try /topic/greetings.');
}

function taken(id: string): BrokerError {
  return new BrokerError(
    'subscription-exists',
    `The subscription id ${id.length > 40 ? `${id.slice(0, 39)}…` : id} is in use`,
    'Give every subscription of a connection its own id, or UNSUBSCRIBE the first.',
  );
}

function full(most: number): BrokerError {
  return new BrokerError(
    'too-many-subscriptions',
    `A connection may hold ${most} subscriptions`,
    'Subscribe to a pattern (/topic/orders.*), or open another connection.',
  );
}
