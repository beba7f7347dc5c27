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
  audience,
  connectionKey,
  expiry,
  isGone,
  isLive,
  isOpen,
  isSubscription,
  RANGES,
  type Row,
  readStamp,
  readSubscriberKey,
  readSubscription,
  subscriberKey,
  subscriberRow,
  subscriptionKey,
  subscriptionRow,
} from './schema.ts';
import type { Table } from './table.ts';

/** All that is read to list subscriptions. */
const LISTED = ['pk', 'sk', 'destination', 'ack', 'stamp', 'expiresAt', 'gone', 'ended'];

type Subscriptions = Pick<Store, 'subscribe' | 'unsubscribe' | 'subscriptions'>;

export function subscriptions(
  table: Table,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): Subscriptions {
  /** Whether the connection still is, and has room; `ids` holds the id once if it has. */
  async function admit({ connectionId, id }: Subscription): Promise<'done' | 'full' | 'ended'> {
    const now = clock.now();
    const { done, row } = await table.update(connectionKey(connectionId), {
      set: 'ADD #ids :ids',
      when: `${OPEN} AND (attribute_not_exists(#ids) OR contains(#ids, :id) OR size(#ids) < :max)`,
      values: { ids: new Set([id]), id, max: limits.subscriptionsPerConnectionMax, now },
    });
    if (done) return 'done';
    return isOpen(row, now) ? 'full' : 'ended';
  }

  /** Why an id cannot be taken: 2 more calls, paid by those who are refused. */
  async function refusal(connectionId: string, standing: Row | undefined) {
    const row = await table.get(connectionKey(connectionId));
    if (!isOpen(row, clock.now())) return 'ended';
    return standing !== undefined && isGone(standing) ? 'stale' : 'exists';
  }

  /** Of a SUBSCRIBE refused or overtaken: what it wrote, and nothing newer. */
  async function takeBack({ connectionId, id, stamp }: Subscription, at: string): Promise<void> {
    const mine = { when: '#stamp = :stamp', values: { stamp } };
    await table.remove(subscriberKey(at, connectionId, id), mine);
    await table.update(subscriptionKey(connectionId, id), {
      set: 'SET #gone = :gone, #expiresAt = :expiresAt, #expires = :expires',
      when: mine.when,
      values: { ...mine.values, gone: true, ...tombstoneExpiry() },
    });
  }

  function tombstoneExpiry() {
    return expiry(clock.now() + limits.tombstoneSeconds * 1000);
  }

  return {
    /** 3 WRU and 1 RRU. */
    async subscribe(connection: Connection, subscription: Subscription, destination: Destination) {
      const { connectionId, id, stamp } = subscription;
      const at = audience(destination);
      const key = subscriptionKey(connectionId, id);
      const values = { stamp, now: clock.now() };
      const free = 'attribute_not_exists(#pk) OR #expiresAt <= :now';
      const taken = await table.put(subscriptionRow(subscription, at, connection.expiresAt), {
        when: `${free} OR #stamp = :stamp OR (attribute_exists(#gone) AND #stamp < :stamp)`,
        values,
      });
      if (!taken.done) return refusal(connectionId, taken.row);
      await table.put(subscriberRow(connection, subscription, destination), {
        when: `${free} OR #stamp <= :stamp`,
        values,
      });
      const standing = await table.get(key);
      const mine = standing && !isGone(standing) && readStamp(standing) === stamp;
      const outcome = mine ? await admit(subscription) : 'stale';
      if (outcome !== 'done') await takeBack(subscription, at);
      return outcome;
    },

    /** 3 WRU; 1 for an unknown id. */
    async unsubscribe(connectionId: string, id: string, stamp: Stamp) {
      const now = clock.now();
      const { done, row } = await table.update(subscriptionKey(connectionId, id), {
        set: 'SET #gone = :gone, #stamp = :stamp, #expiresAt = :expiresAt, #expires = :expires',
        when: `attribute_exists(#pk) AND attribute_not_exists(#gone) AND #expiresAt > :now
          AND #stamp < :stamp`,
        values: { gone: true, stamp, now, ...tombstoneExpiry() },
      });
      if (row === undefined || (!done && !isLive(row, now))) return 'unknown';
      const standing = readStamp(row);
      if (standing < stamp) return 'unknown';
      if (standing > stamp) return 'done';
      await table.remove(readSubscriberKey(row), { when: '#stamp < :stamp', values: { stamp } });
      await table.update(connectionKey(connectionId), {
        set: 'DELETE #ids :ids',
        when: 'attribute_exists(#pk)',
        values: { ids: new Set([id]) },
      });
      return 'done';
    },

    /** 1 RRU for each 4 KB: some 20 subscriptions. */
    async subscriptions(connectionId: string) {
      const { pk } = connectionKey(connectionId);
      const range = RANGES.connectionAndSubscriptions;
      const rows = await table.queryAll({ pk, range, attributes: LISTED });
      const now = clock.now();
      if (
        !isOpen(
          rows.find(({ sk }) => sk === 'C'),
          now,
        )
      )
        return [];
      return rows
        .filter((row) => isSubscription(row) && !isGone(row) && isLive(row, now))
        .map(readSubscription)
        .slice(0, limits.subscriptionsPerConnectionMax);
    },
  };
}
