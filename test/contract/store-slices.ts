/** The store contract: an audience in slices, by the digest of each connection's id. */
import { parseDestination } from '../../broker/destination.ts';
import type { Slice } from '../../broker/slice.ts';
import { at, type MakeStore, onStage, type Stage } from './store-world.ts';

const NAMES = Array.from({ length: 40 }, (_, index) => `conn-${index * 7919}`);

export function storeSlices(makeStore: MakeStore): void {
  test(
    'slices of an audience are disjoint, and together all of it, patterns included',
    onStage(makeStore, async (stage) => {
      for (const [index, name] of NAMES.entries()) {
        const connection = await stage.opened(name);
        const to = index % 3 === 0 ? '/topic/x.*' : '/topic/x.y';
        await stage.subscribe(connection, { id: 's', to, at: at(1) });
      }
      const slices = await Promise.all(
        [0, 1, 2, 3].map((index) => members(stage, { index, of: 4 })),
      );
      expect(slices.every((slice) => slice.length > 2)).toBe(true);
      expect(slices.flat().sort()).toEqual([...NAMES].sort());
    }),
  );

  test(
    'a connection is in the same slice whatever destination it hears',
    onStage(makeStore, async (stage) => {
      for (const name of NAMES) {
        const connection = await stage.opened(name);
        await stage.subscribe(connection, { id: 's', to: '/topic/x.y', at: at(1) });
        await stage.subscribe(connection, { id: 't', to: '/room/x', at: at(2) });
      }
      const slice = { index: 1, of: 2 };
      expect(await members(stage, slice)).toEqual(await members(stage, slice, '/room/x'));
    }),
  );

  test(
    'who has unsubscribed is in no slice',
    onStage(makeStore, async (stage) => {
      const connection = await stage.opened('a');
      await stage.subscribe(connection, { id: 's', to: '/topic/x.y', at: at(1) });
      await stage.store.unsubscribe('a', 's', at(2));
      expect(await members(stage, { index: 0, of: 1 })).toEqual([]);
    }),
  );
}

async function members(
  { store, limits }: Stage,
  slice: Slice,
  to = '/topic/x.y',
): Promise<readonly string[]> {
  const found: string[] = [];
  let from: string | undefined;
  do {
    const page = await store.subscribers(parseDestination(to, limits), from, slice);
    found.push(...page.subscribers.map(({ connectionId }) => connectionId));
    from = page.next;
  } while (from !== undefined);
  return found.sort();
}
