/** A store whose audiences come page by page, in the order of DynamoDB's keys. */
import type { Subscriber } from '../../broker/model.ts';
import type { Store } from '../../broker/ports.ts';
import { placeOf } from '../../broker/slice.ts';

/** A page begins behind the last key of the one before, whoever has come or gone meanwhile. */
export function paged(store: Store, rowsMax: number): Store {
  return {
    ...store,
    async subscribers(destination, from, slice) {
      const { subscribers: all } = await store.subscribers(destination, undefined, slice);
      const keyed = all
        .map((subscriber) => ({ key: keyOf(subscriber), subscriber }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const left = keyed.filter(({ key }) => from === undefined || key > from);
      const page = left.slice(0, rowsMax);
      const subscribers = page.map(({ subscriber }) => subscriber);
      const next = page.at(-1)?.key;
      if (left.length <= rowsMax || next === undefined) return { subscribers };
      const about = from === undefined && slice === undefined ? { about: all.length } : {};
      return { subscribers, next, ...about };
    },
  };
}

function keyOf({ connectionId, subscriptionId }: Subscriber): string {
  const place = String(placeOf(connectionId)).padStart(4, '0');
  return `${place} ${connectionId} ${subscriptionId}`;
}
