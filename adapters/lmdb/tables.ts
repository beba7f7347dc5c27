/**
 * What lies where in the LMDB folder. The tables bear the letters of the key schema that the
 * DynamoDB adapter keeps in one table (docs/architecture.md); `V` and `X` are this adapter's own.
 *
 * Keys are arrays, whose parts LMDB's encoding keeps apart whatever octets they hold. The longest,
 * a pattern of 512 octets with a subscription id of 256, stays below LMDB's 1,978 even if every
 * octet must be escaped.
 */
import { type Key, open, type RootDatabase } from 'lmdb';
import { type Destination, literalPrefix } from '../../broker/destination.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Connection, Half, Stamp, Subscriber, Subscription } from '../../broker/model.ts';

export interface ConnectionRow {
  readonly connection: Connection;
  /** How many subscriptions it has. */
  readonly members: number;
  /** Of the last half frame, or of its being forgotten. */
  readonly halfStamp: Stamp;
  /** Whether there is a row in `halves`. */
  readonly half: boolean;
}

export interface MemberRow {
  readonly type: 'member';
  readonly subscription: Subscription;
  readonly destination: Destination;
}

/** An id given up: older SUBSCRIBEs of it are stale until then. */
export interface GraveRow {
  readonly type: 'grave';
  readonly stamp: Stamp;
  readonly until: number;
}

/** Plain maps: a row is read and written faster than with its shape described beside it. */
const ENCODING = { encoding: 'msgpack', useRecords: false } as const;

export function openTables({
  path,
  durable,
}: {
  readonly path: string;
  readonly durable: boolean;
}) {
  const root: RootDatabase<unknown, Key> = open({
    path,
    noSubdir: false,
    // A commit is in the page cache when it returns, which outlives the process. With `durable`
    // it is on the disk.
    noSync: !durable,
    overlappingSync: false,
    maxDbs: 32,
  });
  const table = <Row, RowKey extends Key>(name: string) => root.openDB<Row, RowKey>(name, ENCODING);
  return {
    root,
    /** C: connection id. */
    connections: table<ConnectionRow, [string]>('C'),
    /** B: connection id. */
    halves: table<Half, [string]>('B'),
    /** S: connection id, subscription id. */
    members: table<MemberRow | GraveRow, [string, string]>('S'),
    /** D: canonical destination, connection id, subscription id. */
    exact: table<Subscriber, string[]>('D'),
    /** P: literal prefix, rest of the pattern, connection id, subscription id. */
    patterns: table<Subscriber, string[]>('P'),
    /**
     * V: how new audiences are. `CHANGES`: a number that grows with every change of any; `D` and a
     * destination, `P` and a prefix: that number at its own last change; absent for nobody.
     */
    versions: table<number, string[]>('V'),
    /** X: when a record can be dropped, connection id, subscription id if it is a grave. */
    expiries: table<number, (number | string)[]>('X'),
  };
}

export const CHANGES = ['changes'];

export type Tables = ReturnType<typeof openTables>;

/** What one transaction works with: the moment is the same for all it does. */
export interface World {
  readonly tables: Tables;
  readonly limits: Limits;
  readonly now: number;
}

/** The record of a connection or of its tombstone, unless its time is over. */
export function rowOf({ tables, now }: World, connectionId: string): ConnectionRow | undefined {
  const row = tables.connections.get([connectionId]);
  return row !== undefined && row.connection.expiresAt > now ? row : undefined;
}

/** After every string: ends the range of the keys that begin alike. */
const LAST = new Uint8Array([0xff]);

/** The range of all keys that begin with these parts. */
export function beginningWith(...parts: readonly (string | number)[]): { start: Key; end: Key } {
  return { start: [...parts], end: [...parts, LAST] };
}

export interface Place {
  readonly table: Tables['exact'];
  /** Key of the audience's version. */
  readonly version: [kind: 'D' | 'P', name: string];
  /** How the audience's keys begin. */
  readonly begins: string[];
}

/** Where the subscribers of a destination, or of a pattern, lie. */
export function placeOf(tables: Tables, destination: Destination): Place {
  const { canonical, pattern, segments } = destination;
  if (!pattern) return { table: tables.exact, version: ['D', canonical], begins: [canonical] };
  const prefix = literalPrefix(segments);
  const depth = prefix === '' ? 0 : prefix.split('.').length;
  const rest = segments.slice(depth).join('.');
  return { table: tables.patterns, version: ['P', prefix], begins: [prefix, rest] };
}
