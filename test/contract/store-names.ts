/** The store contract: names that tempt a key schema to mix things up. */
import { at, type MakeStore, onStage } from './store-world.ts';

export function storeNames(makeStore: MakeStore): void {
  const odd = [' ', '', '#', 'a#b', '/', '|', 'S#1', 'C', 'ü😀', '\u0000', 'x'.repeat(256)];

  test.each(odd)('the subscription id %j is like any other', (id) =>
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const a = await opened('L0SM9/+FvHc=');
      expect(await subscribe(a, { id, to: '/topic/x', at: at(1) })).toBe('done');
      expect(await subscribe(a, { id: `${id.slice(1)}~`, to: '/topic/*', at: at(2) })).toBe('done');
      const expected = [`${a.id}|${id}`, `${a.id}|${id.slice(1)}~`].sort();
      expect(await audience('/topic/x')).toEqual(expected);
      expect((await store.find(a.id))?.connection.id).toBe(a.id);
      expect(await store.unsubscribe(a.id, id, at(3))).toBe('done');
      expect((await store.subscriptions(a.id)).map((one) => one.id)).toEqual([`${id.slice(1)}~`]);
      expect(await audience('/topic/x')).toEqual([`${a.id}|${id.slice(1)}~`]);
    })(),
  );

  test(
    'names that read alike when glued together stay apart',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const [c, d] = [await opened('c'), await opened('d')];
      await subscribe(c, { id: 'd#e', to: '/topic/x.*.p', at: at(1) });
      await subscribe(d, { id: 'e', to: '/topic/x.*.p#c', at: at(1) });
      await subscribe(c, { id: 'e', to: '/topic/x', at: at(2) });
      await subscribe(d, { id: 'x', to: '/topic/x#c', at: at(2) });
      expect(await audience('/topic/x.y.p')).toEqual(['c|d#e']);
      expect(await audience('/topic/x.y.p#c')).toEqual(['d|e']);
      expect(await audience('/topic/x')).toEqual(['c|e']);
      await store.end('c', 'left');
      expect(await audience('/topic/x.y.p#c')).toEqual(['d|e']);
      expect(await audience('/topic/x#c')).toEqual(['d|x']);
    }),
  );

  test(
    'the longest destination and the longest id go together',
    onStage(makeStore, async ({ store, opened, subscribe, audience, limits }) => {
      const a = await opened('L0SM9/+FvHc=');
      const name = '😀'.repeat((limits.destinationBytesMax - '/topic/'.length - 5) / 4);
      const id = 'é'.repeat(limits.subscriptionIdBytesMax / 2);
      const to = `/topic/${name}`;
      expect(await subscribe(a, { id, to, at: at(1) })).toBe('done');
      expect(await subscribe(a, { id: `${id.slice(1)}p`, to: `${to}.*`, at: at(2) })).toBe('done');
      expect(await audience(to)).toEqual([`${a.id}|${id}`]);
      expect(await audience(`${to}.z`)).toEqual([`${a.id}|${id.slice(1)}p`]);
      await store.end(a.id, 'left');
      expect(await audience(to)).toEqual([]);
      expect(await audience(`${to}.z`)).toEqual([]);
    }),
  );
}
