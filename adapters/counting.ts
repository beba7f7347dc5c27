/**
 * A store that counts what is asked of it, around any other: for tests and benches that hold the
 * core to its cost ("a publish reads its own audience and nothing else").
 */
import type { Store } from '../broker/ports.ts';

export interface StoreCounts {
  /** Calls by method. */
  readonly calls: Readonly<Record<keyof Store, number>>;
  /** Pages of `subscribers` read… */
  readonly pages: number;
  /** …and the entries on them. */
  readonly rows: number;
}

export interface CountingStore {
  readonly store: Store;
  /** So far; a copy that does not change. */
  counts(): StoreCounts;
  reset(): void;
}

export function countingStore(inner: Store): CountingStore {
  let calls = noCalls();
  let rows = 0;
  const counted =
    <Given extends readonly unknown[], Answer>(
      method: keyof Store,
      call: (...given: Given) => Answer,
    ): ((...given: Given) => Answer) =>
    (...given) => {
      calls[method] += 1;
      return call(...given);
    };
  return {
    counts: () => ({ calls: { ...calls }, pages: calls.subscribers, rows }),
    reset() {
      calls = noCalls();
      rows = 0;
    },
    store: {
      open: counted('open', (...given) => inner.open(...given)),
      find: counted('find', (...given) => inner.find(...given)),
      update: counted('update', (...given) => inner.update(...given)),
      end: counted('end', (...given) => inner.end(...given)),
      keepHalf: counted('keepHalf', (...given) => inner.keepHalf(...given)),
      subscribe: counted('subscribe', (...given) => inner.subscribe(...given)),
      unsubscribe: counted('unsubscribe', (...given) => inner.unsubscribe(...given)),
      subscriptions: counted('subscriptions', (...given) => inner.subscriptions(...given)),
      async subscribers(...given) {
        calls.subscribers += 1;
        const page = await inner.subscribers(...given);
        rows += page.subscribers.length;
        return page;
      },
    },
  };
}

function noCalls(): Record<keyof Store, number> {
  return {
    open: 0,
    find: 0,
    update: 0,
    end: 0,
    keepHalf: 0,
    subscribe: 0,
    unsubscribe: 0,
    subscriptions: 0,
    subscribers: 0,
  };
}
