/** Connections and their half frames: rows `C` and `B` of a connection, written one at a time. */
import type { Limits } from '../../broker/limits.ts';
import type { Ended, Principal, Stamp } from '../../broker/model.ts';
import type { Clock, Found, SessionChange, Store } from '../../broker/ports.ts';
import {
  connectionRow,
  expiry,
  FOUND_ATTRIBUTES,
  halfRow,
  isGone,
  isLive,
  isOpen,
  isSubscription,
  readConnection,
  readHalf,
  readIds,
  readKey,
  readStamp,
  readSubscriberKey,
  readSubscriptionId,
} from './rows.ts';
import { connectionKey, halfKey, RANGES, type Row } from './schema.ts';
import type { Table } from './table.ts';

/** Deletes of one ending connection under way at once: well within the client's 50 sockets. */
const DELETES_AT_ONCE = 25;

/** A connection can change, and be subscribed to something, only while this holds. */
export const OPEN = 'attribute_exists(#pk) AND attribute_not_exists(#ended) AND #expiresAt > :now';

type Connections = Pick<Store, 'open' | 'find' | 'update' | 'end' | 'keepHalf'>;

interface World {
  readonly table: Table;
  readonly clock: Clock;
  readonly limits: Limits;
}

export function connections(world: World): Connections {
  const { table, clock, limits } = world;
  return {
    /** 1 WRU. */
    async open(connection) {
      await table.put(connectionRow(connection), {
        when: 'attribute_not_exists(#pk) OR #expiresAt <= :now',
        values: { now: clock.now() },
      });
    },
    find: (connectionId) => find(world, connectionId),
    update: (connectionId, change, stamp) => update(world, { connectionId, change, stamp }),
    end: (connectionId, ended) => end(world, connectionId, ended),

    /** 1 WRU for each KB of the larger of the old and the new. */
    async keepHalf(connectionId, half, stamp) {
      const now = clock.now();
      const expiresAt = now + limits.connectionSecondsMax * 1000;
      await table.put(halfRow(connectionId, half, stamp, expiresAt), {
        when: 'attribute_not_exists(#pk) OR #expiresAt <= :now OR #stamp < :stamp',
        values: { stamp, now },
      });
    },
  };
}

/** 1 RRU, and one for each further 4 KB of a half frame: the one read of every message. */
async function find({ table, clock }: World, connectionId: string): Promise<Found | undefined> {
  const { pk } = connectionKey(connectionId);
  const range = RANGES.halfAndConnection;
  const { rows } = await table.query({ pk, range, attributes: FOUND_ATTRIBUTES });
  const row = rows.find(({ sk }) => sk === 'C');
  if (row === undefined || !isLive(row, clock.now())) return undefined;
  const connection = readConnection(row);
  const kept = rows.find(({ sk }) => sk === 'B');
  const half = kept && !connection.ended ? readHalf(kept) : undefined;
  return { connection, ...(half && { half }) };
}

interface Change {
  readonly connectionId: string;
  readonly change: SessionChange;
  readonly stamp: Stamp;
}

/** 1 WRU; with a principal and subscriptions 1 RRU, and 1 WRU for each of these. */
async function update(world: World, { connectionId, change, stamp }: Change) {
  const { table, clock } = world;
  const now = clock.now();
  const changes = Object.entries({ ...change, stamp }).filter(([, value]) => value !== undefined);
  const { done, row } = await table.update(connectionKey(connectionId), {
    set: `SET ${changes.map(([name]) => `#${name} = :${name}`).join(', ')}`,
    when: `${OPEN} AND #stamp < :stamp`,
    values: { ...Object.fromEntries(changes), now },
  });
  if (row === undefined || (!done && !isOpen(row, now))) return 'ended';
  if (!done && readStamp(row) !== stamp) return 'stale';
  // Also of a repeat: the first may have died before.
  if (change.principal !== undefined && readIds(row).size > 0) {
    await renew(table, connectionId, change.principal);
  }
  return 'done';
}

/** Writes what subscriber rows hold of the principal anew, where they stand. */
async function renew(
  table: Table,
  connectionId: string,
  { user, tokenId, expiresAt, policy }: Principal,
): Promise<void> {
  const { pk } = connectionKey(connectionId);
  const attributes = ['pk', 'sk', 'audience', 'gone', 'stamp'];
  const rows = await table.queryAll({ pk, range: RANGES.everything, attributes });
  const copied = Object.entries({ user, tokenId, tokenExpiresAt: expiresAt, policy });
  const set = copied.filter(([, value]) => value !== undefined);
  const unset = copied.filter(([, value]) => value === undefined).map(([name]) => `#${name}`);
  const change = `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}`;
  const standing = rows.filter((row) => isSubscription(row) && !isGone(row));
  for (const row of standing) {
    await table.update(readSubscriberKey(row), {
      set: unset.length === 0 ? change : `${change} REMOVE ${unset.join(', ')}`,
      when: 'attribute_exists(#pk) AND #stamp = :stamp',
      values: { ...Object.fromEntries(set), stamp: readStamp(row) },
    });
  }
}

/** 1 WRU (2 where a worse end overrules) and 1 RRU, and 2 WRU a subscription. */
async function end(world: World, connectionId: string, ended: Ended): Promise<void> {
  const { table, clock, limits } = world;
  const now = clock.now();
  const tombstone = expiry(now + limits.tombstoneSeconds * 1000);
  const key = connectionKey(connectionId);
  const { done, row } = await table.update(key, {
    set: 'SET #ended = :ended, #expiresAt = :expiresAt, #expires = :expires',
    when: OPEN,
    values: { ended, ...tombstone, now },
  });
  if (row === undefined || (!done && !isLive(row, now))) return;
  if (!done && ended !== 'lost') {
    await table.update(key, {
      set: 'SET #ended = :ended',
      when: '#ended = :lost',
      values: { ended, lost: 'lost' },
    });
  }
  await clear(table, connectionId, readIds(row));
}

/**
 * Removes the half frame and every subscription, each subscriber row before the row that it is
 * found by. A tombstone still named in `ids` belongs to an UNSUBSCRIBE that was broken off.
 */
async function clear(table: Table, connectionId: string, ids: ReadonlySet<string>): Promise<void> {
  const { pk } = connectionKey(connectionId);
  const attributes = ['pk', 'sk', 'audience', 'gone'];
  const rows = await table.queryAll({ pk, range: RANGES.everything, attributes });
  if (rows.some(({ sk }) => sk === 'B')) await table.remove(halfKey(connectionId));
  const held = rows.filter(
    (row) => isSubscription(row) && (!isGone(row) || ids.has(readSubscriptionId(row))),
  );
  for (let from = 0; from < held.length; from += DELETES_AT_ONCE) {
    const some = held.slice(from, from + DELETES_AT_ONCE);
    await Promise.all(some.map((row) => removeSubscription(table, row)));
  }
}

async function removeSubscription(table: Table, row: Row): Promise<void> {
  await table.remove(readSubscriberKey(row));
  if (!isGone(row)) await table.remove(readKey(row));
}
