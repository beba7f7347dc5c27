/** The store contract: the half frame kept for a connection. */
import { at, half, type MakeStore, onStage } from './store-world.ts';

export function storeHalves(makeStore: MakeStore): void {
  test(
    'a half frame is found with its connection, replaced, and forgotten',
    onStage(makeStore, async ({ store, opened }) => {
      const connection = await opened('a');
      await store.keepHalf('a', half('SEN', at(1)), at(1));
      const found = await store.find('a');
      expect(found?.connection).toEqual(connection);
      expect(Buffer.from(found?.half?.bytes ?? []).toString()).toBe('SEN');
      expect(found?.half).toMatchObject({ since: 2_000_000_000_000, pieces: 1, stamp: at(1) });
      await store.keepHalf('a', { ...half('SEND\n', at(2)), pieces: 2 }, at(2));
      const second = (await store.find('a'))?.half;
      expect(Buffer.from(second?.bytes ?? []).toString()).toBe('SEND\n');
      expect(second?.pieces).toBe(2);
      await store.keepHalf('a', undefined, at(3));
      expect((await store.find('a'))?.half).toBeUndefined();
    }),
  );

  test(
    'an older half frame loses against a newer one, and against its being forgotten',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      await store.keepHalf('a', half('new', at(5)), at(5));
      await store.keepHalf('a', half('old', at(4)), at(4));
      await store.keepHalf('a', undefined, at(3));
      const kept = (await store.find('a'))?.half;
      expect(Buffer.from(kept?.bytes ?? []).toString()).toBe('new');
      await store.keepHalf('a', undefined, at(6));
      await store.keepHalf('a', half('new', at(5)), at(5));
      expect((await store.find('a'))?.half).toBeUndefined();
      await store.keepHalf('a', half('next', at(7)), at(7));
      expect((await store.find('a'))?.half?.stamp).toBe(at(7));
    }),
  );

  test(
    'the end of a connection forgets its half frame and no one else’s',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      await opened('b');
      await store.keepHalf('a', half('SEN', at(1)), at(1));
      await store.keepHalf('b', half('SEN', at(1)), at(1));
      await store.end('a', 'left');
      expect((await store.find('a'))?.half).toBeUndefined();
      expect((await store.find('b'))?.half).toBeDefined();
    }),
  );

  test(
    'a half frame keeps every byte, in any number',
    onStage(makeStore, async ({ store, opened, limits }) => {
      await opened('a');
      const bytes = Uint8Array.from({ length: limits.halfBytesMax }, (_, index) => index % 256);
      await store.keepHalf('a', { ...half('', at(1)), bytes }, at(1));
      const kept = (await store.find('a'))?.half?.bytes ?? new Uint8Array();
      expect(Buffer.compare(bytes, kept)).toBe(0);
    }),
  );
}
