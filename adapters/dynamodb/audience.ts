/**
 * Who gets a message: the rows of its destination, and those of each literal beginning that a
 * pattern may hang on, read side by side. A page is one round of these reads; where one of them had
 * more, `next` says from where.
 */
import { type Destination, matches } from '../../broker/destination.ts';
import type { Subscriber } from '../../broker/model.ts';
import type { Clock, Store } from '../../broker/ports.ts';
import { isLive, readPattern, readSubscriber, SUBSCRIBER_ATTRIBUTES } from './rows.ts';
import { audiences, type Key, portionUpTo, type Row, sliceRange } from './schema.ts';
import type { Page, Table } from './table.ts';

interface Reading {
  readonly clock: Clock;
  /** Rows of one read; 1 MB, some 6,000 of them, if undefined. */
  readonly rowsMax?: number;
}

/**
 * Depth + 2 reads a page under `/topic`, one elsewhere: 1 RRU each, and one for each further 4 KB,
 * some 25 subscribers. Rows of patterns that begin alike and do not match are read as well.
 */
export function subscribers(table: Table, { clock, rowsMax }: Reading): Store['subscribers'] {
  return async (destination, from, slice) => {
    const starts = from === undefined ? beginning(destination) : resume(from, destination);
    const pages = await Promise.all(
      starts.map(({ pk, sk }) =>
        table.query({
          pk,
          attributes: SUBSCRIBER_ATTRIBUTES,
          ...(slice !== undefined && { range: sliceRange(slice) }),
          ...(sk !== undefined && { from: { pk, sk } }),
          ...(rowsMax !== undefined && { rowsMax }),
        }),
      ),
    );
    const now = clock.now();
    const found = pages.flatMap(({ rows }) => heard(rows, destination, now));
    const next = nextOf(pages);
    if (next === undefined) return { subscribers: found };
    const about = from === undefined && slice === undefined ? { about: estimate(pages) } : {};
    return { subscribers: found, next, ...about };
  };
}

/** Places are even: what a page covers of them tells how many rows there are. */
function estimate(pages: readonly Page[]): number {
  const each = pages.map(({ rows, next }) =>
    next === undefined ? rows.length : rows.length / portionUpTo(next.sk),
  );
  return Math.round(each.reduce((sum, rows) => sum + rows, 0));
}

function heard(rows: readonly Row[], { segments }: Destination, now: number): Subscriber[] {
  return rows
    .filter((row) => {
      if (!isLive(row, now)) return false;
      const pattern = readPattern(row);
      return pattern === undefined || matches(pattern, segments);
    })
    .map(readSubscriber);
}

/** A read to make: from the first row, or from behind `sk`. */
type Start = Pick<Key, 'pk'> & Partial<Key>;

function beginning(destination: Destination): readonly Start[] {
  return audiences(destination).map((pk) => ({ pk }));
}

function nextOf(pages: readonly Page[]): string | undefined {
  const more = pages.flatMap(({ next }) => (next ? [[next.pk, next.sk]] : []));
  return more.length === 0 ? undefined : Buffer.from(JSON.stringify(more)).toString('base64url');
}

/** Throws on what `nextOf` did not write, or wrote for another destination. */
function resume(from: string, destination: Destination): readonly Start[] {
  const known = audiences(destination);
  const keys: unknown = JSON.parse(Buffer.from(from, 'base64url').toString());
  if (!Array.isArray(keys)) throw new Error('A page of subscribers begins nowhere');
  return keys.map((key: unknown) => {
    const [pk, sk] = Array.isArray(key) ? (key as readonly unknown[]) : [];
    if (typeof pk !== 'string' || typeof sk !== 'string' || !known.includes(pk)) {
      throw new Error('A page of subscribers begins at a key of another destination');
    }
    return { pk, sk };
  });
}
