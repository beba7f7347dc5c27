/**
 * Subscriptions: three rows that must agree, without a transaction.
 *
 * SUBSCRIBE writes `S#` (who has the id?), then the subscriber row, looks whether `S#` is still its
 * own, and last enters the id in the connection's `ids` (ended? full?). UNSUBSCRIBE turns `S#` into
 * a tombstone, deletes the subscriber row, then the id. However the two interleave, either the look
 * sees the tombstone or the delete sees the row. The end of a connection marks `C` before it lists
 * `S#…`: a SUBSCRIBE which that list misses is refused at `C` and takes its rows back. Each may
 * stop anywhere and be done again, or be finished by the end.
 *
 * A SUBSCRIBE and an UNSUBSCRIBE of one id in the very same moment may leave the count, and so
 * `full`, one off; never an audience.
 */
import type { Destination } from '../../broker/destination.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Connection, Stamp, Subscription } from '../../broker/model.ts';
import type { Clock, Store } from '../../broker/ports.ts';
import { OPEN } from './connections.ts';
import {
  expiry,
  isGone,
  isLive,
  isOpen,
  isSubscription,
  readStamp,
  readSubscriberKey,
  readSubscription,
  subscriberRow,
  subscriptionRow,
} from './rows.ts';
import {
  audience,
  connectionKey,
  RANGES,
  type Row,
  subscriberKey,
  subscriptionKey,
} from './schema.ts';
import type { Table } from './table.ts';

/** All that is read to list subscriptions. */
const LISTED = ['pk', 'sk', 'destination', 'ack', 'stamp', 'expiresAt', 'gone', 'ended'];

/** A row that can be written over, whoever wrote it. */
const FREE = 'attribute_not_exists(#pk) OR #expiresAt <= :now';

type Subscriptions = Pick<Store, 'subscribe' | 'unsubscribe' | 'subscriptions'>;

export interface World {
  readonly table: Table;
  readonly clock: Clock;
  readonly limits: Limits;
}

export function subscriptions(world: World): Subscriptions {
  return {
    subscribe: (connection, subscription, destination) =>
      subscribe(world, { connection, subscription, destination, listed: true }),
    unsubscribe: (connectionId, id, stamp) => unsubscribe(world, { connectionId, id, stamp }),
    subscriptions: (connectionId) => list(world, connectionId),
  };
}

interface Asked {
  readonly connection: Connection;
  readonly subscription: Subscription;
  readonly destination: Destination;
  /** Whether its audience hears of it now: held.ts enlists it later. */
  readonly listed: boolean;
}

/** 3 WRU and 1 RRU; 2 WRU if it is not listed. */
export async function subscribe(world: World, asked: Asked) {
  const { connection, subscription, destination, listed } = asked;
  const { table, clock } = world;
  const { connectionId, id, stamp } = subscription;
  const at = audience(destination);
  const key = subscriptionKey(connectionId, id);
  const values = { stamp, now: clock.now() };
  const taken = await table.put(subscriptionRow(subscription, at, connection.expiresAt), {
    when: `${FREE} OR #stamp = :stamp OR (attribute_exists(#gone) AND #stamp < :stamp)`,
    values,
  });
  if (!taken.done) return refusal(world, connectionId, taken.row);
  if (listed) await enter(world, asked);
  const standing = await table.get(key);
  const mine = standing && !isGone(standing) && readStamp(standing) === stamp;
  const outcome = mine ? await admit(world, subscription) : 'stale';
  if (outcome !== 'done') await takeBack(world, subscription, at);
  return outcome;
}

/** Writes the subscriber row, unless a newer one stands there. 1 WRU. */
export async function enter(
  { table, clock }: World,
  { connection, subscription, destination }: Omit<Asked, 'listed'>,
): Promise<void> {
  await table.put(subscriberRow(connection, subscription, destination), {
    when: `${FREE} OR #stamp <= :stamp`,
    values: { stamp: subscription.stamp, now: clock.now() },
  });
}

/** Why an id cannot be taken: one read more, paid by those who are refused. */
async function refusal({ table, clock }: World, connectionId: string, standing: Row | undefined) {
  const row = await table.get(connectionKey(connectionId));
  if (!isOpen(row, clock.now())) return 'ended';
  return standing !== undefined && isGone(standing) ? 'stale' : 'exists';
}

/** Whether the connection still is, and has room; `ids` holds the id once if it has. */
async function admit({ table, clock, limits }: World, { connectionId, id }: Subscription) {
  const now = clock.now();
  const { done, row } = await table.update(connectionKey(connectionId), {
    set: 'ADD #ids :ids',
    when: `${OPEN} AND (attribute_not_exists(#ids) OR contains(#ids, :id) OR size(#ids) < :max)`,
    values: { ids: new Set([id]), id, max: limits.subscriptionsPerConnectionMax, now },
  });
  if (done) return 'done';
  return isOpen(row, now) ? 'full' : 'ended';
}

/**
 * Of a SUBSCRIBE refused or overtaken: what it wrote, and nothing newer. A tombstone stays, since
 * it may have written over one.
 */
async function takeBack(
  world: World,
  { connectionId, id, stamp }: Subscription,
  at: string,
): Promise<void> {
  const mine = { when: '#stamp = :stamp', values: { stamp } };
  await world.table.remove(subscriberKey(at, connectionId, id), mine);
  await world.table.update(subscriptionKey(connectionId, id), {
    set: 'SET #gone = :gone, #expiresAt = :expiresAt, #expires = :expires',
    when: mine.when,
    values: { ...mine.values, gone: true, ...tombstoneExpiry(world) },
  });
}

interface Given {
  readonly connectionId: string;
  readonly id: string;
  readonly stamp: Stamp;
}

/** 3 WRU; 1 for an unknown id. */
async function unsubscribe(world: World, { connectionId, id, stamp }: Given) {
  const { table, clock } = world;
  const now = clock.now();
  const { done, row } = await table.update(subscriptionKey(connectionId, id), {
    set: 'SET #gone = :gone, #stamp = :stamp, #expiresAt = :expiresAt, #expires = :expires',
    when: [
      'attribute_exists(#pk) AND attribute_not_exists(#gone)',
      '#expiresAt > :now AND #stamp < :stamp',
    ].join(' AND '),
    values: { gone: true, stamp, now, ...tombstoneExpiry(world) },
  });
  if (row === undefined || (!done && !isLive(row, now))) return 'unknown';
  const standing = readStamp(row);
  if (standing < stamp) return 'unknown';
  // A repeat of an UNSUBSCRIBE after which more has happened: it answers as it did then.
  if (standing > stamp) return 'done';
  await table.remove(readSubscriberKey(row), { when: '#stamp < :stamp', values: { stamp } });
  await table.update(connectionKey(connectionId), {
    set: 'DELETE #ids :ids',
    when: 'attribute_exists(#pk)',
    values: { ids: new Set([id]) },
  });
  return 'done';
}

/** 1 RRU for each 4 KB: some 20 subscriptions. */
async function list({ table, clock, limits }: World, connectionId: string) {
  const { pk } = connectionKey(connectionId);
  const range = RANGES.connectionAndSubscriptions;
  const rows = await table.queryAll({ pk, range, attributes: LISTED });
  const now = clock.now();
  const connection = rows.find(({ sk }) => sk === 'C');
  if (!isOpen(connection, now)) return [];
  return rows
    .filter((row) => isSubscription(row) && !isGone(row) && isLive(row, now))
    .map(readSubscription)
    .slice(0, limits.subscriptionsPerConnectionMax);
}

function tombstoneExpiry({ clock, limits }: World) {
  return expiry(clock.now() + limits.tombstoneSeconds * 1000);
}
