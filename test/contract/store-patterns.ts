/** The store contract: who hears what, by patterns. */
import { at, type MakeStore, onStage } from './store-world.ts';

export function storePatterns(makeStore: MakeStore): void {
  test.each<[pattern: string, hears: readonly string[], deaf: readonly string[]]>([
    ['/topic/*', ['/topic/a'], ['/topic/a.b', '/room/a', '/queue/a']],
    ['/topic/**', ['/topic/a', '/topic/a.b', '/topic/a.b.c.d.e.f.g.h'], ['/room/a', '/user/a/b']],
    ['/topic/a.*', ['/topic/a.b', '/topic/a/b'], ['/topic/a', '/topic/a.b.c', '/topic/b.b']],
    ['/topic/a/**', ['/topic/a', '/topic/a.b', '/topic/a.b.c'], ['/topic/ab', '/topic/b.a']],
    ['/topic/a.#', ['/topic/a', '/topic/a.b.c'], ['/topic/b']],
    ['/topic/a.>', ['/topic/a', '/topic/a.b.c'], ['/topic/b']],
    ['/topic/*.b', ['/topic/a.b', '/topic/x.b'], ['/topic/b', '/topic/a.c', '/topic/a.a.b']],
    ['/topic/a.*.c', ['/topic/a.b.c', '/topic/a.x.c'], ['/topic/a.c', '/topic/a.b.b.c']],
    ['/topic/a.**.c', ['/topic/a.c', '/topic/a.b.c', '/topic/a.b.b.c'], ['/topic/a', '/topic/c']],
    ['/topic/**.c', ['/topic/c', '/topic/a.c', '/topic/a.b.c'], ['/topic/c.a']],
    ['/topic/*.*', ['/topic/a.b'], ['/topic/a', '/topic/a.b.c']],
    ['/topic/a.b.c.d.e.f.g.**', ['/topic/a.b.c.d.e.f.g', '/topic/a.b.c.d.e.f.g.h'], ['/topic/a.b']],
  ])('a subscriber to %s hears what it matches and nothing else', (pattern, hears, deaf) =>
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      expect(await subscribe(await opened('a'), { id: 'p', to: pattern, at: at(1) })).toBe('done');
      for (const destination of hears) {
        expect([destination, await audience(destination)]).toEqual([destination, ['a|p']]);
      }
      for (const destination of deaf) {
        expect([destination, await audience(destination)]).toEqual([destination, []]);
      }
      expect(await store.unsubscribe('a', 'p', at(2))).toBe('done');
      for (const destination of hears) expect(await audience(destination)).toEqual([]);
    })(),
  );

  test(
    'exact and pattern subscribers are one audience, an entry a subscription',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await subscribe(a, { id: '1', to: '/topic/x.y', at: at(1) });
      await subscribe(a, { id: '2', to: '/topic/x.*', at: at(2) });
      await subscribe(a, { id: '3', to: '/topic/**', at: at(3) });
      await subscribe(a, { id: '4', to: '/topic/x.y.**', at: at(4) });
      await subscribe(b, { id: '1', to: '/topic/*.y', at: at(1) });
      await subscribe(b, { id: '2', to: '/topic/x.z', at: at(2) });
      expect(await audience('/topic/x.y')).toEqual(['a|1', 'a|2', 'a|3', 'a|4', 'b|1']);
      expect(await audience('/topic/x.z')).toEqual(['a|2', 'a|3', 'b|2']);
    }),
  );

  test(
    'outside /topic a * is a name like any other',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      await subscribe(await opened('a'), { id: '1', to: '/queue/*', at: at(1) });
      await subscribe(await opened('b'), { id: '1', to: '/queue/r', at: at(1) });
      expect(await audience('/queue/r')).toEqual(['b|1']);
      expect(await audience('/queue/*')).toEqual(['a|1']);
    }),
  );

  test(
    'an audience of hundreds comes whole, each once, over however many pages',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      const ids = Array.from({ length: 150 }, (_, n) => `c${String(n).padStart(3, '0')}`);
      for (let from = 0; from < ids.length; from += 25) {
        await Promise.all(
          ids.slice(from, from + 25).map(async (id) => {
            const connection = await opened(id);
            await subscribe(connection, { id: 'e', to: '/topic/big.one', at: at(1) });
            await subscribe(connection, { id: 'p', to: '/topic/big.*', at: at(2) });
          }),
        );
      }
      expect(await audience('/topic/big.one')).toEqual(ids.flatMap((id) => [`${id}|e`, `${id}|p`]));
      expect(await audience('/topic/big.two')).toEqual(ids.map((id) => `${id}|p`));
    }),
  );
}
