/** The store contract: subscribing and unsubscribing, one connection and many. */
import { parseDestination } from '../../broker/destination.ts';
import { at, type MakeStore, onStage, SUBSCRIPTIONS_MAX, subscriptionOf } from './store-world.ts';

export function storeSubscriptions(makeStore: MakeStore): void {
  subscribing(makeStore);
  refusing(makeStore);
  unsubscribing(makeStore);
  sideBySide(makeStore);
}

function subscribing(makeStore: MakeStore): void {
  test(
    'a subscriber carries what fan-out needs, from the record the caller found',
    onStage(makeStore, async ({ opened, subscribe, entries }) => {
      const found = { ...(await opened('a')), carrier: 'sockjs', dialect: 'json', version: '1' };
      expect(await subscribe(found, { id: 's', to: '/topic/x', at: at(1) })).toBe('done');
      const { connectedAt, expiresAt } = found;
      expect(await entries('/topic/x')).toEqual([
        {
          connectionId: 'a',
          subscriptionId: 's',
          carrier: 'sockjs',
          dialect: 'json',
          version: '1',
          session: 'session-of-a',
          connectedAt,
          expiresAt,
        },
      ]);
    }),
  );

  test(
    'a connection’s subscriptions are listed as they were made',
    onStage(makeStore, async ({ store, opened, limits, subscribe }) => {
      const a = await opened('a');
      await opened('b');
      const asked = {
        ...subscriptionOf('a', { id: '1', to: '/topic/x/y', at: at(1) }),
        ack: 'client',
      } as const;
      await store.subscribe(a, asked, parseDestination('/topic/x/y', limits));
      await subscribe(a, { id: '2', to: '/topic/x/*', at: at(2) });
      const listed = [...(await store.subscriptions('a'))].sort((x, y) => (x.id < y.id ? -1 : 1));
      expect(listed).toEqual([
        asked,
        subscriptionOf('a', { id: '2', to: '/topic/x/*', at: at(2) }),
      ]);
      expect(await store.subscriptions('b')).toEqual([]);
      expect(await store.subscriptions('nobody')).toEqual([]);
    }),
  );

  test(
    'several subscriptions of one connection to one destination are several entries',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      const a = await opened('a');
      await subscribe(a, { id: '1', to: '/topic/x', at: at(1) });
      await subscribe(a, { id: '2', to: '/topic/x', at: at(2) });
      await subscribe(a, { id: '3', to: '/topic/other', at: at(3) });
      expect(await audience('/topic/x')).toEqual(['a|1', 'a|2']);
      expect(await audience('/topic/nobody')).toEqual([]);
    }),
  );

  test(
    'a repeated SUBSCRIBE is done again and is still one subscription',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const a = await opened('a');
      for (const to of ['/topic/x', '/topic/x.*']) {
        const wish = { id: to, to, at: at(1) };
        expect(await subscribe(a, wish)).toBe('done');
        expect(await subscribe(a, wish)).toBe('done');
      }
      expect(await audience('/topic/x')).toEqual(['a|/topic/x']);
      expect(await audience('/topic/x.y')).toEqual(['a|/topic/x.*']);
      expect(await store.subscriptions('a')).toHaveLength(2);
      for (let n = 2; n < SUBSCRIPTIONS_MAX; n++) {
        const answer = await subscribe(a, { id: `${n}`, to: '/topic/x', at: at(n) });
        expect(answer).toBe('done');
      }
    }),
  );

  test(
    'an expired connection has no subscriptions and is in no audience',
    onStage(makeStore, async ({ store, opened, subscribe, audience, pass, limits }) => {
      const a = await opened('a');
      await subscribe(a, { id: '1', to: '/topic/x.y', at: at(1) });
      await subscribe(a, { id: '2', to: '/topic/*.y', at: at(2) });
      pass(3_600_000);
      await subscribe(await opened('b'), { id: '1', to: '/topic/x.y', at: at(1) });
      expect(await audience('/topic/x.y')).toEqual(['a|1', 'a|2', 'b|1']);
      pass(limits.connectionSecondsMax * 1000 - 3_600_000 + 1000);
      expect(await audience('/topic/x.y')).toEqual(['b|1']);
      expect(await store.subscriptions('a')).toEqual([]);
      expect(await store.subscriptions('b')).toHaveLength(1);
    }),
  );
}

function refusing(makeStore: MakeStore): void {
  test(
    'an id in use by another SUBSCRIBE exists already, and the first stands',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await subscribe(a, { id: '1', to: '/topic/x', at: at(1) });
      expect(await subscribe(a, { id: '1', to: '/topic/y', at: at(2) })).toBe('exists');
      expect(await subscribe(a, { id: '1', to: '/topic/x', at: at(2) })).toBe('exists');
      expect(await subscribe(b, { id: '1', to: '/topic/y', at: at(2) })).toBe('done');
      expect(await audience('/topic/x')).toEqual(['a|1']);
      expect(await audience('/topic/y')).toEqual(['b|1']);
    }),
  );

  test(
    'one subscription too many is full, until one of them is given up',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const a = await opened('a');
      for (let n = 1; n <= SUBSCRIPTIONS_MAX; n++) {
        expect(await subscribe(a, { id: `${n}`, to: '/topic/x', at: at(n) })).toBe('done');
      }
      expect(await subscribe(a, { id: 'more', to: '/topic/x', at: at(10) })).toBe('full');
      expect(await subscribe(a, { id: '1', to: '/topic/x', at: at(1) })).toBe('done');
      expect(await subscribe(a, { id: '1', to: '/topic/x', at: at(11) })).toBe('exists');
      expect(await audience('/topic/x')).toHaveLength(SUBSCRIPTIONS_MAX);
      expect(await store.subscriptions('a')).toHaveLength(SUBSCRIPTIONS_MAX);
      await store.unsubscribe('a', '2', at(12));
      expect(await subscribe(a, { id: 'more', to: '/topic/x', at: at(13) })).toBe('done');
      expect(await subscribe(a, { id: 'even more', to: '/topic/x', at: at(14) })).toBe('full');
    }),
  );

  test(
    'a connection that is over, expired or unknown cannot subscribe',
    onStage(makeStore, async ({ store, opened, fresh, subscribe, audience, pass, limits }) => {
      const wish = { id: '1', to: '/topic/x', at: at(1) };
      const a = await opened('a');
      await store.end('a', 'lost');
      expect(await subscribe(a, wish)).toBe('ended');
      expect(await subscribe(fresh('unknown'), wish)).toBe('ended');
      const late = await opened('late');
      pass(limits.connectionSecondsMax * 1000 + 1000);
      expect(await subscribe(late, wish)).toBe('ended');
      expect(await audience('/topic/x')).toEqual([]);
    }),
  );
}

function unsubscribing(makeStore: MakeStore): void {
  test(
    'UNSUBSCRIBE removes that subscription alone, and done again it is done',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const a = await opened('a');
      await subscribe(a, { id: '1', to: '/topic/x.y', at: at(1) });
      await subscribe(a, { id: '2', to: '/topic/x.*', at: at(2) });
      await subscribe(a, { id: '3', to: '/topic/x.y', at: at(3) });
      expect(await store.unsubscribe('a', '2', at(4))).toBe('done');
      expect(await audience('/topic/x.y')).toEqual(['a|1', 'a|3']);
      expect(await store.unsubscribe('a', '1', at(5))).toBe('done');
      expect(await audience('/topic/x.y')).toEqual(['a|3']);
      expect(await store.unsubscribe('a', '1', at(5))).toBe('done');
      expect((await store.subscriptions('a')).map((one) => one.id)).toEqual(['3']);
    }),
  );

  test(
    'an id that is not subscribed is unknown',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      await subscribe(await opened('a'), { id: '1', to: '/topic/x', at: at(1) });
      await opened('b');
      expect(await store.unsubscribe('a', '2', at(2))).toBe('unknown');
      expect(await store.unsubscribe('b', '1', at(2))).toBe('unknown');
      expect(await store.unsubscribe('nobody', '1', at(2))).toBe('unknown');
      expect(await audience('/topic/x')).toEqual(['a|1']);
      await store.unsubscribe('a', '1', at(3));
      expect(await store.unsubscribe('a', '1', at(4))).toBe('unknown');
    }),
  );

  test(
    'a SUBSCRIBE older than the UNSUBSCRIBE of its id is stale, for the tombstone’s time',
    onStage(makeStore, async ({ store, opened, subscribe, audience, pass, limits }) => {
      const a = await opened('a');
      const wish = { id: '1', to: '/topic/x', at: at(1) };
      await subscribe(a, wish);
      await store.unsubscribe('a', '1', at(5));
      expect(await subscribe(a, wish)).toBe('stale');
      expect(await subscribe(a, { ...wish, at: at(4) })).toBe('stale');
      pass(limits.tombstoneSeconds * 1000 - 1000);
      expect(await subscribe(a, wish)).toBe('stale');
      expect(await audience('/topic/x')).toEqual([]);
      pass(2000);
      expect(await subscribe(a, wish)).toBe('done');
      expect(await audience('/topic/x')).toEqual(['a|1']);
    }),
  );

  test(
    'an id given up can be taken again, elsewhere, and an old UNSUBSCRIBE leaves it alone',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const a = await opened('a');
      await subscribe(a, { id: '1', to: '/topic/x', at: at(1) });
      await store.unsubscribe('a', '1', at(2));
      expect(await subscribe(a, { id: '1', to: '/topic/y.*', at: at(3) })).toBe('done');
      expect(await audience('/topic/x')).toEqual([]);
      expect(await audience('/topic/y.z')).toEqual(['a|1']);
      await store.unsubscribe('a', '1', at(2));
      expect(await audience('/topic/y.z')).toEqual(['a|1']);
      expect(await store.unsubscribe('a', '1', at(4))).toBe('done');
      expect(await audience('/topic/y.z')).toEqual([]);
    }),
  );
}

function sideBySide(makeStore: MakeStore): void {
  test(
    'twenty connections subscribing side by side are all seen',
    onStage(makeStore, async ({ opened, subscribe, audience }) => {
      const ids = Array.from({ length: 20 }, (_, n) => `c${String(n).padStart(2, '0')}`);
      const connections = await Promise.all(ids.map(opened));
      const answers = await Promise.all(
        connections.flatMap((one) => [
          subscribe(one, { id: 'e', to: '/topic/x.y', at: at(1) }),
          subscribe(one, { id: 'p', to: '/topic/x.*', at: at(2) }),
        ]),
      );
      expect(new Set(answers)).toEqual(new Set(['done']));
      const expected = ids.flatMap((id) => [`${id}|e`, `${id}|p`]);
      expect(await audience('/topic/x.y')).toEqual(expected);
    }),
  );

  test(
    'SUBSCRIBEs of one connection side by side keep the limit, and one of an id wins',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      const answers = await Promise.all(
        Array.from({ length: SUBSCRIPTIONS_MAX + 3 }, (_, n) =>
          subscribe(a, { id: `${n}`, to: '/topic/x', at: at(n + 1) }),
        ),
      );
      expect(answers.filter((one) => one === 'done')).toHaveLength(SUBSCRIPTIONS_MAX);
      expect(answers.filter((one) => one === 'full')).toHaveLength(3);
      expect(await store.subscriptions('a')).toHaveLength(SUBSCRIPTIONS_MAX);
      const rivals = await Promise.all(
        [1, 2, 3].map((n) => subscribe(b, { id: 'one', to: `/topic/y${n}`, at: at(n) })),
      );
      expect(rivals.filter((one) => one === 'done')).toHaveLength(1);
      for (const one of rivals) expect(['done', 'exists', 'stale']).toContain(one);
      const heard = await Promise.all([1, 2, 3].map((n) => audience(`/topic/y${n}`)));
      expect(heard.flat()).toEqual(['b|one']);
    }),
  );
}
