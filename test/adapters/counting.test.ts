import { countingStore } from '../../adapters/counting.ts';
import { memoryStore } from '../../adapters/memory/store.ts';
import { type ContractOptions, storeContract } from '../contract/store.ts';
import { at, onStage } from '../contract/store-world.ts';

const few: ContractOptions = { runs: 20 };
storeContract(
  'a counting store',
  async (world) => ({ store: countingStore(memoryStore(world)).store, close: async () => {} }),
  few,
);

test(
  'calls are counted by method, entries of audiences by number, until reset',
  onStage(
    async (world) => ({ store: memoryStore(world), close: async () => {} }),
    async ({ store: inner, opened, subscribe }) => {
      const { store, counts, reset } = countingStore(inner);
      await subscribe(await opened('a'), { id: '1', to: '/topic/x', at: at(1) });
      await subscribe(await opened('b'), { id: '1', to: '/topic/x', at: at(1) });
      await store.find('a');
      await store.find('b');
      const x = { kind: 'topic', canonical: '/topic/x', segments: ['x'], pattern: false } as const;
      await store.subscribers(x);
      const { calls, pages, rows } = counts();
      expect(calls).toMatchObject({ open: 0, find: 2, subscribers: 1, subscribe: 0 });
      expect([pages, rows]).toEqual([1, 2]);
      reset();
      expect(counts()).toMatchObject({ calls: { find: 0 }, pages: 0, rows: 0 });
    },
  ),
);
