/**
 * The end of a connection: the rooms it was in hear of it, then its records go. Done again it
 * finishes what a crash left; a leave told twice counts once.
 */
import { parseDestination } from './destination.ts';
import type { Connection, Ended, Membership, Subscription } from './model.ts';
import type { Logs, Ports } from './ports.ts';

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
      await leaveAll(found.connection, ended, ports, logs);
    }
    if (found !== undefined) await directory?.leave(found.connection);
  }
  await store.end(connectionId, ended);
}

async function leaveAll(
  connection: Connection,
  ended: Ended,
  ports: Ports,
  logs: Logs,
): Promise<void> {
  const subscriptions = await ports.store.subscriptions(connection.id);
  await Promise.all(
    subscriptions.map((subscription) =>
      leave(connection, subscription, ended === 'left' ? 'left' : 'lost', ports, logs),
    ),
  );
}

/** Tells the subscription's log, if it has one, that it is over. */
export async function leave(
  connection: Connection,
  subscription: Subscription,
  how: 'left' | 'lost',
  { limits }: Ports,
  { journal, policies }: Logs,
): Promise<void> {
  const destination = parseDestination(subscription.destination, limits);
  const hears = destination.kind === 'room' || destination.kind === 'queue';
  if (!hears || !policies(destination).logged) return;
  const membership = membershipOf(connection, subscription);
  await journal.append(destination.canonical, [{ type: 'leave', membership, how }]);
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
