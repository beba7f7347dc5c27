/**
 * A DynamoDB table in memory that counts read and write units as DynamoDB bills them ("Capacity unit
 * consumption" in its developer guide): a write by the larger of the item before and after, per
 * begun 1 KB; a consistent read per begun 4 KB, a Query by the sum of what it passed over; a
 * transaction double; a refused condition as a write of what stood there. It answers what the store
 * sends and throws at anything else: test/bench/ holds it to the store's contract.
 */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { Key, Row } from '../../adapters/dynamodb/schema.ts';
import { unitsOf } from '../bill.ts';
import { holds, type Names, updated } from './expression.ts';
import { itemBytes } from './item-size.ts';

const WRITE_BYTES = 1024;
const READ_BYTES = 4096;
/** A Query stops after so many octets and says where. */
const PAGE_BYTES_MAX = 1024 * 1024;

interface Guarded extends Names {
  readonly ConditionExpression?: string | undefined;
}

export interface Put extends Guarded {
  readonly Item: Row | undefined;
}

export interface Update extends Guarded {
  readonly Key: Row | undefined;
  readonly UpdateExpression?: string | undefined;
}

export interface Delete extends Guarded {
  readonly Key: Row | undefined;
}

export interface Query extends Names {
  readonly KeyConditionExpression?: string | undefined;
  readonly ExclusiveStartKey?: Row | undefined;
  readonly Limit?: number | undefined;
  readonly ScanIndexForward?: boolean | undefined;
  readonly ConsistentRead?: boolean | undefined;
}

export interface TransactItem {
  readonly Put?: Put | undefined;
  readonly Update?: Update | undefined;
  readonly Delete?: Delete | undefined;
}

export interface MeteredTable {
  /** Units so far. */
  readonly meter: { readonly readUnits: number; readonly writeUnits: number };
  get(key: Row | undefined): Row | undefined;
  put(put: Put): void;
  /** Returns the row as it now is. */
  update(update: Update): Row;
  remove(remove: Delete): void;
  query(query: Query): {
    readonly Items: Row[];
    readonly LastEvaluatedKey?: Record<string, string>;
  };
  /** All or nothing. */
  transact(items: readonly TransactItem[]): void;
}

/** `written` hears of each row as it now is, as the table's stream does. */
export function meteredTable(written: (key: Key, row: Row) => void = () => {}): MeteredTable {
  const meter = { readUnits: 0, writeUnits: 0 };
  const collections = new Map<string, Map<string, Row>>();
  const find = ({ pk, sk }: Key): Row | undefined => collections.get(pk)?.get(sk);

  function store({ pk, sk }: Key, row: Row | undefined): void {
    const collection = collections.get(pk) ?? new Map<string, Row>();
    collections.set(pk, collection);
    if (row === undefined) collection.delete(sk);
    else collection.set(sk, row);
  }

  /** Bills the write, and makes it if its condition holds. */
  function write(item: TransactItem, factor: number): Row | undefined {
    const { key, next, guard } = prepared(item, find);
    const old = find(key);
    const bytes = Math.max(size(old), size(next));
    const condition = guard.ConditionExpression;
    if (condition !== undefined && !holds(condition, old, guard)) {
      meter.writeUnits += factor * unitsOf(size(old), WRITE_BYTES);
      throw refusal(old);
    }
    meter.writeUnits += factor * unitsOf(bytes, WRITE_BYTES);
    store(key, next);
    if (next !== undefined) written(key, next);
    return next;
  }

  return {
    meter,
    get(key) {
      const row = find(keyOf(key));
      meter.readUnits += unitsOf(size(row), READ_BYTES);
      return row;
    },
    put: (put) => void write({ Put: put }, 1),
    update: (update) => write({ Update: update }, 1) ?? {},
    remove: (remove) => void write({ Delete: remove }, 1),
    query(query) {
      const pk = query.ExpressionAttributeValues?.[':pk'];
      const page = pageOf([...(collections.get(text(pk))?.values() ?? [])], query);
      // One that may be a moment behind costs half.
      const share = query.ConsistentRead ? 1 : 0.5;
      meter.readUnits += share * unitsOf(page.bytes, READ_BYTES);
      return {
        Items: page.rows,
        ...(page.next !== undefined && { LastEvaluatedKey: { ...page.next } }),
      };
    },
    transact(items) {
      const refused = items.map((item) => {
        const { key, guard } = prepared(item, find);
        const condition = guard.ConditionExpression;
        return condition !== undefined && !holds(condition, find(key), guard);
      });
      if (!refused.includes(true)) {
        for (const item of items) write(item, 2);
        return;
      }
      meter.writeUnits += 2 * items.length;
      throw new TransactionCanceledException({
        $metadata: {},
        message: 'Transaction cancelled',
        CancellationReasons: refused.map((one) => ({
          Code: one ? 'ConditionalCheckFailed' : 'None',
        })),
      });
    },
  };
}

interface Prepared {
  readonly key: Key;
  /** Undefined: the row goes. */
  readonly next: Row | undefined;
  readonly guard: Guarded;
}

function prepared(
  { Put: put, Update: update, Delete: remove }: TransactItem,
  find: (key: Key) => Row | undefined,
): Prepared {
  if (put !== undefined) return { key: keyOf(put.Item), next: { ...put.Item }, guard: put };
  if (update !== undefined) {
    const key = keyOf(update.Key);
    const next = updated(update.UpdateExpression ?? '', find(key) ?? { ...key }, update);
    return { key, next, guard: update };
  }
  if (remove !== undefined) return { key: keyOf(remove.Key), next: undefined, guard: remove };
  throw new TypeError('not known in a transaction');
}

interface PageRead {
  readonly rows: Row[];
  readonly bytes: number;
  readonly next?: Key;
}

function pageOf(collection: readonly Row[], query: Query): PageRead {
  const condition = (query.KeyConditionExpression ?? '').replace(
    /(#\w+) BETWEEN (:\w+) AND (:\w+)/,
    '$1 >= $2 AND $1 <= $3',
  );
  const direction = query.ScanIndexForward === false ? -1 : 1;
  const from = query.ExclusiveStartKey && keyOf(query.ExclusiveStartKey).sk;
  const matching = collection
    .filter((row) => holds(condition, row, query))
    .sort((a, b) => direction * order(keyOf(a).sk, keyOf(b).sk))
    .filter((row) => from === undefined || direction * order(keyOf(row).sk, from) > 0);
  let bytes = 0;
  const rows: Row[] = [];
  for (const row of matching) {
    const full = rows.length === query.Limit || bytes + itemBytes(row) > PAGE_BYTES_MAX;
    const last = rows.at(-1);
    if (full && last !== undefined) return { rows, bytes, next: keyOf(last) };
    rows.push(row);
    bytes += itemBytes(row);
  }
  return { rows, bytes };
}

/** DynamoDB orders texts by their octets. */
function order(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function size(row: Row | undefined): number {
  return row === undefined ? 0 : itemBytes(row);
}

function keyOf(row: Row | undefined): Key {
  return { pk: text(row?.['pk']), sk: text(row?.['sk']) };
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('a key is a text');
}

/** With the row that stood in the way, as the client of the SDK gets it: marshalled. */
function refusal(old: Row | undefined): ConditionalCheckFailedException {
  return new ConditionalCheckFailedException({
    $metadata: {},
    message: 'The conditional request failed',
    ...(old !== undefined && { Item: marshalled(old) }),
  });
}

export function marshalled(row: Row): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, marshalledValue(value)]),
  );
}

function marshalledValue(value: unknown): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value instanceof Uint8Array) return { B: value };
  if (value instanceof Set) return { SS: [...value].map(text) };
  if (Array.isArray(value)) return { L: value.map(marshalledValue) };
  if (typeof value === 'object' && value !== null) return { M: marshalled({ ...value }) };
  throw new TypeError(`DynamoDB has no ${typeof value}`);
}
