/**
 * Who a target means: the union of its rooms without those excepted, each connection once (LANES 3).
 * Cost: the subscribers' reads of each room. Who is named by `socket.id`, or by none at all, is found
 * by the records that recovery keeps, with one more read each.
 */
import { parseDestination } from '../broker/destination.ts';
import type { Connection, Subscriber } from '../broker/model.ts';
import type { Logs, Ports } from '../broker/ports.ts';
import { knownSessions, readRecord } from '../broker/recovery-record.ts';
import { standingOf } from '../broker/standing.ts';
import {
  namespacesOf,
  roomOf,
  SUBSCRIBED,
  subscriptionId,
} from '../protocol/socketio/namespace.ts';
import type { Target } from './operation.ts';

/** A receiver, and the room it is addressed by. */
export interface Receiver {
  readonly subscriber: Subscriber;
  readonly destination: string;
}

/** Records read side by side. */
const READS_AT_ONCE = 25;
/** Random ids are longer than this; a room's name may be, too, and then is tried as both. */
const ID_LENGTH_MIN = 20;

export async function audienceOf(
  { namespace, rooms, except }: Target,
  ports: Ports & { readonly logs: Logs },
): Promise<readonly Receiver[]> {
  const over: string[] = [];
  const stands = await standingOf(ports, over);
  const found = new Map<string, Receiver>();
  const add = (one: Receiver): void => {
    const { connectionId, expiresAt } = one.subscriber;
    if (expiresAt > ports.clock.now() && stands?.(one.subscriber) !== false) {
      if (!found.has(connectionId)) found.set(connectionId, one);
    }
  };
  if (rooms.length === 0) for (const one of await everybody(namespace, ports)) add(one);
  for (const name of new Set(rooms)) {
    for (const one of await named(name, namespace, ports)) add(one);
  }
  for (const name of new Set(except)) {
    for (const { subscriber } of await named(name, namespace, ports)) {
      found.delete(subscriber.connectionId);
    }
  }
  return [...found.values()];
}

async function named(
  name: string,
  namespace: string,
  ports: Ports & { readonly logs: Logs },
): Promise<readonly Receiver[]> {
  const destination = roomOf(namespace, name);
  const parsed = parseDestination(destination, ports.limits);
  const all: Receiver[] = [];
  let from: string | undefined;
  do {
    const page = await ports.store.subscribers(parsed, from);
    all.push(...page.subscribers.map((subscriber) => ({ subscriber, destination })));
    from = page.next;
  } while (from !== undefined);
  if (name.length < ID_LENGTH_MIN) return all;
  // A `socket.id` of another namespace ends with its name.
  const session = name.endsWith(namespace) ? name.slice(0, -namespace.length) : name;
  const record = await readRecord(session, ports.logs);
  const own = record && (await receiverOf(record.connectionId, session, namespace, ports));
  return own === undefined ? all : [...all, own];
}

async function everybody(
  namespace: string,
  ports: Ports & { readonly logs: Logs },
): Promise<readonly Receiver[]> {
  const all: Receiver[] = [];
  let some: Promise<Receiver | undefined>[] = [];
  const settle = async (): Promise<void> => {
    for (const one of await Promise.all(some)) if (one !== undefined) all.push(one);
    some = [];
  };
  for await (const { session, connectionId } of knownSessions(ports.logs, 100)) {
    some.push(receiverOf(connectionId, session, namespace, ports));
    if (some.length >= READS_AT_ONCE) await settle();
  }
  await settle();
  return all;
}

async function receiverOf(
  connectionId: string,
  session: string,
  namespace: string,
  { store }: Ports,
): Promise<Receiver | undefined> {
  const connection = (await store.find(connectionId))?.connection;
  if (connection?.ended !== undefined || connection?.session !== session) return undefined;
  const subscriber = asSubscriber(connection, namespace);
  return subscriber && { subscriber, destination: `/socket/${session}` };
}

/** As if it had subscribed to itself; undefined before it has connected to the namespace. */
function asSubscriber(connection: Connection, namespace: string): Subscriber | undefined {
  const { id, carrier, dialect, version, session, member, connectedAt, expiresAt } = connection;
  if (dialect === undefined || version === undefined) return undefined;
  if (!namespacesOf(version).includes(namespace)) return undefined;
  const { user, tokenId, expiresAt: tokenExpiresAt, policy } = connection.principal ?? {};
  return {
    connectionId: id,
    subscriptionId: subscriptionId(SUBSCRIBED, namespace, ''),
    carrier,
    dialect,
    version,
    ...(session === undefined ? {} : { session }),
    ...(member === undefined ? {} : { member }),
    ...(user === undefined ? {} : { user }),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(tokenExpiresAt === undefined ? {} : { tokenExpiresAt }),
    ...(policy === undefined ? {} : { policy }),
    connectedAt,
    expiresAt,
  };
}
