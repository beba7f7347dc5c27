/**
 * Liveness checks in the one table, by the minute they are due in: what is due is found without a
 * scan. A few shards share a minute, so that no partition takes all. A connection has one row a
 * minute at most; it looks back only so far, for a check nobody has come to by then is stale.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Limits } from '../../broker/limits.ts';
import type { Checks } from '../../broker/ports.ts';
import { number, text } from './attributes.ts';
import { expiry } from './rows.ts';
import { checkKey, type Key } from './schema.ts';
import { dynamoTable, type Page, type Table } from './table.ts';

export interface DynamoChecksOptions {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly limits: Limits;
}

const MINUTE = 60_000;

export function dynamoChecks({ client, tableName, limits }: DynamoChecksOptions): Checks {
  const table = dynamoTable(client, tableName);
  const { checkShards, checkLookBackMinutes } = limits;

  function keyOf(connectionId: string, at: number): Key {
    const shard = shardOf(connectionId, checkShards);
    return checkKey(Math.floor(at / MINUTE), shard, connectionId);
  }

  return {
    /** 1 WRU. The first of a minute stands. */
    async enroll(connectionId, at) {
      const until = at + 2 * checkLookBackMinutes * MINUTE;
      const row = { ...keyOf(connectionId, at), at, ...expiry(until) };
      await table.put(row, { when: 'attribute_not_exists(#pk)' });
    },

    /** ½ RRU for each shard and minute looked back upon, and for each 4 KB, some 50, read there. */
    async due(now, most) {
      const minute = Math.floor(now / MINUTE);
      const places = Array.from({ length: (checkLookBackMinutes + 1) * checkShards }, (_, index) =>
        checkKey(minute - Math.floor(index / checkShards), index % checkShards, ''),
      );
      const found = await Promise.all(places.map(({ pk }) => dueAt(table, pk, { now, most })));
      return found
        .flat()
        .sort((a, b) => a.at - b.at)
        .slice(0, most);
    },

    /** 1 WRU. */
    async settle(connectionId, at) {
      await table.remove(keyOf(connectionId, at), { when: '#at = :at', values: { at } });
    },
  };
}

/** Only of the minute under way may some not be due yet; those are passed over. */
async function dueAt(
  table: Table,
  pk: string,
  { now, most }: { readonly now: number; readonly most: number },
) {
  const asked = { pk, attributes: ['sk', 'at'], eventually: true, rowsMax: Math.max(1, most) };
  const due: { readonly connectionId: string; readonly at: number }[] = [];
  let page: Page | undefined;
  do {
    page = await table.query({ ...asked, ...(page?.next && { from: page.next }) });
    const found = page.rows.map((row) => ({
      connectionId: text(row, 'sk'),
      at: number(row, 'at'),
    }));
    due.push(...found.filter(({ at }) => at <= now));
  } while (page.next !== undefined && due.length < most);
  return due;
}

/** Even enough: ids are random. */
function shardOf(connectionId: string, shards: number): number {
  let sum = 0;
  for (const octet of Buffer.from(connectionId)) sum = (sum * 31 + octet) % 65_521;
  return sum % shards;
}
