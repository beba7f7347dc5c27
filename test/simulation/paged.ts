/**
 * A store whose audiences come page by page, in the order of DynamoDB's keys, with the marks of those
 * whose buffers were full.
 */
import type { Subscriber } from '../../broker/model.ts';
import type { SlowMarks, Store } from '../../broker/ports.ts';
import { placeOf } from '../../broker/slice.ts';

/** A page begins behind the last key of the one before, whoever has come or gone meanwhile. */
export function paged(store: Store, rowsMax: number, marks: Marks): Store {
  return {
    ...store,
    async subscribers(destination, from, slice) {
      const { subscribers: all } = await store.subscribers(destination, undefined, slice);
      const keyed = all
        .map((subscriber) => ({ key: keyOf(subscriber), subscriber }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const left = keyed.filter(({ key }) => from === undefined || key > from);
      const page = left.slice(0, rowsMax);
      const subscribers = page.map(({ subscriber }) => {
        const slowUntil = marks.until.get(markOf(subscriber));
        return slowUntil === undefined ? subscriber : { ...subscriber, slowUntil };
      });
      const next = page.at(-1)?.key;
      if (left.length <= rowsMax || next === undefined) return { subscribers };
      const about = from === undefined && slice === undefined ? { about: all.length } : {};
      return { subscribers, next, ...about };
    },
  };
}

/** What outlives every invocation. */
export interface Marks extends SlowMarks {
  readonly until: ReadonlyMap<string, number>;
}

export function makeMarks(): Marks {
  const until = new Map<string, number>();
  return {
    until,
    async mark(connectionId, subscriptionId, time) {
      until.set(markOf({ connectionId, subscriptionId }), time);
    },
  };
}

function markOf({
  connectionId,
  subscriptionId,
}: Pick<Subscriber, 'connectionId' | 'subscriptionId'>) {
  return `${connectionId} ${subscriptionId}`;
}

function keyOf({ connectionId, subscriptionId }: Subscriber): string {
  const place = String(placeOf(connectionId)).padStart(4, '0');
  return `${place} ${connectionId} ${subscriptionId}`;
}
