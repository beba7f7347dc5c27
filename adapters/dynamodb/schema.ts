/**
 * The one table: its definition and the keys of its rows; what the rows hold is rows.ts, and for
 * logs entries.ts.
 *
 * | pk         | sk        | row                                                                  |
 * |------------|-----------|----------------------------------------------------------------------|
 * | `C#conn`   | `B`       | half a frame; without `bytes` only the stamp of its being forgotten  |
 * | `C#conn`   | `C`       | connection, later its tombstone; `ids` are its subscriptions' names  |
 * | `C#conn`   | `S#id`    | subscription, with the `pk` of its subscriber row; `gone`: tombstone |
 * | `D#dest`   | `hhconn#id` | subscriber of exactly this destination; `hh`: its place among slices |
 * | `P#prefix` | `hhconn#id` | subscriber of a pattern whose literal beginning is `prefix`      |
 * | `H#dest`   | `H`       | head of a log: its last change, which the table's stream tells       |
 * | `H#dest`   | `P`       | how far `deliver` has got in that log                                |
 * | `L#dest`   | `ep#seq`  | history: one message of the log's epoch `ep`                         |
 * | `B#id`     | `B`       | a body too large for a head, which names it                          |
 * | `I#dest`   | `id`      | a publish id that is taken; `I#` alone: the name of a commit         |
 * | `R#room`   | `member`  | a member of a room, with its subscriptions                           |
 * | `Q#shelf`  | `key`     | a cell of a shelf                                                    |
 * | `M#ses`    | `M`       | mailbox of an HTTP session, with its posts                           |
 * | `N#name`   | `N`       | a number that many processes count together                          |
 * | `X#m#n`    | `conn`    | connection to be asked in minute `m` whether it lives; shard `n`     |
 *
 * `B` and `C` are neighbours so that one Query finds both. A connection id never holds `#`, a
 * subscription id or a pattern may; so a pattern's segments are an attribute, no part of the key.
 */
import { type Destination, literalPrefix, prefixesOf } from '../../broker/destination.ts';
import { PLACES, placeOf, placesOf, type Slice } from '../../broker/slice.ts';

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
  /** The images of heads are the stream of the logs. */
  StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
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

/** An audience is ordered by place, so that a slice of it is a range of keys. */
export function subscriberKey(pk: string, connectionId: string, id: string): Key {
  return { pk, sk: `${digits(placeOf(connectionId))}${connectionId}#${id}` };
}

/** Octets of a subscriber's `sk` before its connection's id. */
export const PLACE_DIGITS = 2;

/** In the order of their octets. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const BEHIND_ALL = '{';

/** First and last `sk` of a slice; no row has the last, for a connection's id follows the place. */
export function sliceRange(slice: Slice): readonly [first: string, last: string] {
  const { first, end } = placesOf(slice);
  return [digits(first), end === PLACES ? BEHIND_ALL : digits(end)];
}

/** Which part of all places lies up to and including this `sk`. */
export function portionUpTo(sk: string): number {
  const [high = '', low = ''] = sk;
  return (ALPHABET.indexOf(high) * 64 + ALPHABET.indexOf(low) + 1) / PLACES;
}

/** Two of 64: every octet of a key is read with each subscriber. */
function digits(place: number): string {
  return `${ALPHABET.charAt(place >> 6)}${ALPHABET.charAt(place & 63)}`;
}

export function headKey(destination: string): Key {
  return { pk: `H#${destination}`, sk: 'H' };
}

/** The log whose head has this key; undefined for any other row. */
export function logOf({ pk, sk }: Key): string | undefined {
  return sk === 'H' && pk.startsWith('H#') ? pk.slice(2) : undefined;
}

export function progressKey(destination: string): Key {
  return { pk: `H#${destination}`, sk: 'P' };
}

/** Digits of a `seq` in a key: any safe integer, so that text order is theirs. */
const SEQ_DIGITS = 16;

export function historyKey(destination: string, epoch: string, seq: number): Key {
  return { pk: `L#${destination}`, sk: `${epoch}#${String(seq).padStart(SEQ_DIGITS, '0')}` };
}

export function bodyKey(id: string): Key {
  return { pk: `B#${id}`, sk: 'B' };
}

export function publishIdKey(destination: string, id: string): Key {
  return { pk: `I#${destination}`, sk: id };
}

export function memberKey(room: string, member: string): Key {
  return { pk: `R#${room}`, sk: member };
}

export function cellKey(shelf: string, key: string): Key {
  return { pk: `Q#${shelf}`, sk: key };
}

export function counterKey(name: string): Key {
  return { pk: `N#${name}`, sk: 'N' };
}

export function checkKey(minute: number, shard: number, connectionId: string): Key {
  return { pk: `X#${minute}#${shard}`, sk: connectionId };
}

export function mailboxKey(session: string): Key {
  return { pk: `M#${session}`, sk: 'M' };
}
