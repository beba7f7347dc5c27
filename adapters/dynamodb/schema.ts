/**
 * The one table: its definition and the keys of its rows; what the rows hold is rows.ts.
 *
 * | pk         | sk        | row                                                                  |
 * |------------|-----------|----------------------------------------------------------------------|
 * | `C#conn`   | `B`       | half a frame; without `bytes` only the stamp of its being forgotten  |
 * | `C#conn`   | `C`       | connection, later its tombstone; `ids` are its subscriptions' names  |
 * | `C#conn`   | `S#id`    | subscription, with the `pk` of its subscriber row; `gone`: tombstone |
 * | `D#dest`   | `conn#id` | subscriber of exactly this destination                               |
 * | `P#prefix` | `conn#id` | subscriber of a pattern whose literal beginning is `prefix`          |
 *
 * `B` and `C` are neighbours so that one Query finds both. A connection id never holds `#`, a
 * subscription id or a pattern may; so a pattern's segments are an attribute, no part of the key.
 */
import { type Destination, literalPrefix, prefixesOf } from '../../broker/destination.ts';

/** What CreateTable and the template must agree on; on demand, no index. */
export const tableDefinition = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} as const;

/** The table's TTL attribute: seconds since 1970, rounded up. Reads go by `expiresAt` instead. */
export const timeToLiveAttribute = 'expires';

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** A row as lib-dynamodb reads it, before anything is believed about it. */
export type Row = Readonly<Record<string, unknown>>;

export function connectionKey(connectionId: string): Key {
  return { pk: `C#${connectionId}`, sk: 'C' };
}

export function halfKey(connectionId: string): Key {
  return { pk: `C#${connectionId}`, sk: 'B' };
}

export function subscriptionKey(connectionId: string, id: string): Key {
  return { pk: `C#${connectionId}`, sk: `S#${id}` };
}

/** Ranges of `sk` under a connection: `$` follows `#`, so that the last takes in every `S#…`. */
export const RANGES = {
  halfAndConnection: ['B', 'C'],
  connectionAndSubscriptions: ['C', 'S$'],
  everything: ['B', 'S$'],
} as const;

/** `pk` under which the subscribers of this destination, or pattern, are kept. */
export function audience(destination: Destination): string {
  return destination.pattern
    ? `P#${literalPrefix(destination.segments)}`
    : `D#${destination.canonical}`;
}

/** Every `pk` a publish to `destination` must read. Patterns are known under `/topic` alone. */
export function audiences(destination: Destination): readonly string[] {
  const exact = `D#${destination.canonical}`;
  if (destination.kind !== 'topic') return [exact];
  return [exact, ...prefixesOf(destination.segments).map((prefix) => `P#${prefix}`)];
}

export function subscriberKey(pk: string, connectionId: string, id: string): Key {
  return { pk, sk: `${connectionId}#${id}` };
}
