/** What the contract cannot see: that the records of the dead do not pile up, and shared arrays. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { openTables } from '../../adapters/lmdb/tables.ts';
import { memoryStore } from '../../adapters/memory/store.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { at, half, type MakeStore, onStage, type Stage } from '../contract/store-world.ts';
import { collectGarbage } from '../garbage.ts';

const inMemory: MakeStore = async (world) => ({
  store: memoryStore(world),
  close: async () => {},
});

/** A connection with an exact and a pattern subscription, a grave and half a frame. */
async function lived(stage: Stage, id: string): Promise<void> {
  const connection = await stage.opened(id);
  await stage.subscribe(connection, { id: '1', to: '/topic/x.y', at: at(1) });
  await stage.subscribe(connection, { id: '2', to: '/topic/x.*', at: at(2) });
  await stage.subscribe(connection, { id: '3', to: '/topic/x.y', at: at(3) });
  await stage.store.unsubscribe(id, '3', at(4));
  await stage.store.keepHalf(id, half('SEN', at(5)), at(5));
}

test('lmdb drops every record of connections that expired or ended, as new ones come', async () => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const makeStore: MakeStore = async (world) => {
    const store = lmdbStore({ path, ...world });
    return { store, close: () => store.close() };
  };
  await onStage(makeStore, async (stage) => {
    for (let n = 0; n < 20; n++) await lived(stage, `c${n}`);
    for (let n = 0; n < 10; n++) await stage.store.end(`c${n}`, 'left');
    stage.pass(LIMITS.connectionSecondsMax * 1000 + 1000);
    for (let n = 0; n < 20; n++) await stage.opened(`new${n}`);
    const tables = openTables({ path, durable: false });
    const left = Object.entries(tables).flatMap(([name, table]) =>
      name === 'root' ? [] : [[name, table.getKeysCount()]],
    );
    expect(Object.fromEntries(left)).toEqual({
      connections: 20,
      expiries: 20,
      halves: 0,
      members: 0,
      exact: 0,
      patterns: 0,
      // The one that counts all changes.
      versions: 1,
    });
  })();
  rmSync(path, { recursive: true });
});

test(
  'memory lets go of connections that expired or ended, as new ones come',
  onStage(inMemory, async (stage) => {
    const connection = { value: stage.fresh('a') };
    const watched = new WeakRef(connection.value);
    await stage.store.open(connection.value);
    await lived(stage, 'b');
    await stage.store.end('b', 'left');
    connection.value = stage.fresh('other');
    stage.pass(LIMITS.connectionSecondsMax * 1000 + 1000);
    expect(watched.deref()).toBeDefined();
    for (let n = 0; n < 3; n++) await stage.opened(`new${n}`);
    await collectGarbage();
    expect(watched.deref()).toBeUndefined();
  }),
);

test(
  'ids given up one after the other are forgotten beyond the limit, the oldest first',
  onStage(inMemory, async ({ store, opened, subscribe, limits }) => {
    const a = await opened('a');
    const flood = limits.tombstonesPerConnectionMax + 1;
    for (let n = 1; n <= flood; n++) {
      await subscribe(a, { id: `${n}`, to: '/topic/x', at: at(2 * n) });
      await store.unsubscribe('a', `${n}`, at(2 * n + 1));
    }
    expect(await subscribe(a, { id: `${flood}`, to: '/topic/x', at: at(0) })).toBe('stale');
    expect(await subscribe(a, { id: '1', to: '/topic/x', at: at(0) })).toBe('done');
  }),
);

const lmdb: MakeStore = async (world) => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const store = lmdbStore({ path, ...world });
  return {
    store,
    async close() {
      await store.close();
      rmSync(path, { recursive: true });
    },
  };
};

test.each([
  ['memory', inMemory],
  ['lmdb', lmdb],
])('%s hands out the very same array until something changes', (_name, makeStore) =>
  onStage(makeStore, async ({ store, opened, subscribe, limits }) => {
    const read = async (to: string): Promise<unknown> =>
      (await store.subscribers(parseDestination(to, limits))).subscribers;
    const [a, b] = [await opened('a'), await opened('b')];
    await subscribe(a, { id: '1', to: '/topic/x.y', at: at(1) });
    const alone = await read('/topic/x.y');
    expect(await read('/topic/x.y')).toBe(alone);
    await subscribe(b, { id: '1', to: '/topic/z.*', at: at(1) });
    expect(await read('/topic/x.y')).toBe(alone);
    await subscribe(b, { id: '2', to: '/topic/*.y', at: at(2) });
    const both = await read('/topic/x.y');
    expect(both).not.toBe(alone);
    expect(await read('/topic/x.y')).toBe(both);
    await subscribe(b, { id: '3', to: '/topic/x.z', at: at(3) });
    expect(await read('/topic/x.y')).toBe(both);
    await store.unsubscribe('b', '2', at(4));
    expect(await read('/topic/x.y')).toEqual(alone);
  })(),
);
