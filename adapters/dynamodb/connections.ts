/** Connections and their half frames: rows `C` and `B` of a connection, written one at a time. */
import type { Limits } from '../../broker/limits.ts';
import type { Connection, Ended, Half, Stamp } from '../../broker/model.ts';
import type { Clock, Store } from '../../broker/ports.ts';
import {
  connectionKey,
  connectionRow,
  expiry,
  halfKey,
  halfRow,
  isGone,
  isLive,
  isOpen,
  isSubscription,
  RANGES,
  type Row,
  readConnection,
  readHalf,
  readIds,
  readKey,
  readStamp,
  readSubscriberKey,
  readSubscriptionId,
} from './schema.ts';
import type { Table } from './table.ts';

/** All that is read of a connection's rows, half frame included. */
const FOUND = [
  'pk',
  'sk',
  'carrier',
  'dialect',
  'version',
  'session',
  'connectedAt',
  'expiresAt',
  'stamp',
  'ended',
  'bytes',
  'since',
  'pieces',
];

/** Deletes of one ending connection under way at once: well within the client's 50 sockets. */
const DELETES_AT_ONCE = 25;

/** A connection can change, and be subscribed to something, only while this holds. */
export const OPEN = 'attribute_exists(#pk) AND attribute_not_exists(#ended) AND #expiresAt > :now';

type Connections = Pick<Store, 'open' | 'find' | 'update' | 'end' | 'keepHalf'>;

export function connections(
  table: Table,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): Connections {
  const expired = '#expiresAt <= :now';

  return {
    /** 1 WRU. */
    async open(connection: Connection) {
      await table.put(connectionRow(connection), {
        when: `attribute_not_exists(#pk) OR ${expired}`,
        values: { now: clock.now() },
      });
    },

    /** 1 RRU, and one for each further 4 KB of a half frame: the one read of every message. */
    async find(connectionId: string) {
      const { pk } = connectionKey(connectionId);
      const { rows } = await table.query({
        pk,
        range: RANGES.halfAndConnection,
        attributes: FOUND,
      });
      const row = rows.find(({ sk }) => sk === 'C');
      if (row === undefined || !isLive(row, clock.now())) return undefined;
      const connection = readConnection(row);
      const kept = rows.find(({ sk }) => sk === 'B');
      const half = kept && !connection.ended ? readHalf(kept) : undefined;
      return { connection, ...(half && { half }) };
    },

    /** 1 WRU. */
    async update(connectionId, change, stamp) {
      const now = clock.now();
      const changes = Object.entries({ ...change, stamp }).filter(([, value]) => value);
      const { done, row } = await table.update(connectionKey(connectionId), {
        set: `SET ${changes.map(([name]) => `#${name} = :${name}`).join(', ')}`,
        when: `${OPEN} AND #stamp < :stamp`,
        values: { ...Object.fromEntries(changes), now },
      });
      if (done) return 'done';
      if (!isOpen(row, now)) return 'ended';
      return readStamp(row) === stamp ? 'done' : 'stale';
    },

    /** 1 WRU (2 where a worse end overrules) and 1 RRU, and 2 WRU a subscription. */
    async end(connectionId: string, ended: Ended) {
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
    },

    /** 1 WRU for each KB of the larger of the old and the new. */
    async keepHalf(connectionId: string, half: Half | undefined, stamp: Stamp) {
      const now = clock.now();
      const expiresAt = now + limits.connectionSecondsMax * 1000;
      await table.put(halfRow(connectionId, half, stamp, expiresAt), {
        when: `attribute_not_exists(#pk) OR #stamp < :stamp OR ${expired}`,
        values: { stamp, now },
      });
    },
  };
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
