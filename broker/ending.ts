/**
 * The end of a connection: the rooms it was in hear of it, then its records go. Done again it
 * finishes what a crash left; a leave told twice counts once.
 */
import { parseDestination } from './destination.ts';
import type { Connection, Ended, Membership, Position, Subscription } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import { noteLoss, type Places } from './recovery-record.ts';

/** As `Store.end`, and the logs get their `leave` first. Unknown or over already: no effect. */
export async function endConnection(
  connectionId: string,
  ended: Ended,
  ports: Ports,
): Promise<void> {
  const { logs, store, directory } = ports;
  if (logs !== undefined || directory !== undefined) {
    const found = await store.find(connectionId);
    if (found !== undefined && logs !== undefined) {
      const places = await leaveAll(found.connection, ended, ports, logs);
      if (ended === 'lost') await noteLoss(found.connection, places, ports, logs);
    }
    if (found !== undefined) await directory?.leave(found.connection);
  }
  await store.end(connectionId, ended);
}

/** What is subscribed while leaves are being told has to leave as well: so often it is looked again. */
const LOOKS_MAX = 4;

async function leaveAll(
  connection: Connection,
  ended: Ended,
  ports: Ports,
  logs: Logs,
): Promise<Places> {
  const told = new Set<string>();
  const places: Places[number][] = [];
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const all = await ports.store.subscriptions(connection.id);
    const subscriptions = all.filter(
      (one) => !told.has(one.stamp) && logOf(one, ports, logs) !== undefined,
    );
    if (looks === 0) {
      places.push(...all.filter((one) => !subscriptions.includes(one)).map(nowhere));
    }
    if (subscriptions.length === 0) break;
    const left = await Promise.all(
      subscriptions.map((one) => leave(connection, one, ended, ports, logs)),
    );
    places.push(...subscriptions.map((one, index) => [one, left[index]] as const));
    for (const { stamp } of subscriptions) told.add(stamp);
  }
  return places;
}

function nowhere(subscription: Subscription): Places[number] {
  return [subscription, undefined];
}

/** Tells the subscription's log, if it has one, that it is over: where, is returned. */
export async function leave(
  connection: Connection,
  subscription: Subscription,
  how: Ended,
  ports: Ports,
  logs: Logs,
): Promise<Position | undefined> {
  const log = logOf(subscription, ports, logs);
  if (log === undefined) return undefined;
  const membership = membershipOf(connection, subscription);
  return logs.journal.append(log, [{ type: 'leave', membership, how }]);
}

/** The same of a durable subscription that is given up; on a topic its log hears of that alone. */
export async function giveUp(
  connection: Connection,
  subscription: Subscription,
  { limits }: Ports,
  { journal, policies }: Logs,
): Promise<void> {
  const destination = parseDestination(subscription.destination, limits);
  if (destination.pattern || !policies(destination).logged) return;
  const membership = membershipOf(connection, subscription);
  const entry = { type: 'leave', membership, how: 'left', gaveUp: true } as const;
  await journal.append(destination.canonical, [entry]);
}

/** The log that must hear of its end: of a room, or of a queue. */
function logOf(
  { destination: spelt }: Subscription,
  { limits }: Ports,
  { policies }: Logs,
): string | undefined {
  const destination = parseDestination(spelt, limits);
  const hears = destination.kind === 'room' || destination.kind === 'queue';
  return hears && policies(destination).logged ? destination.canonical : undefined;
}

export function membershipOf(connection: Connection, { id, stamp }: Subscription): Membership {
  const session = connection.session ?? '';
  return {
    connectionId: connection.id,
    subscriptionId: id,
    stamp,
    session,
    member: connection.member ?? session,
  };
}
