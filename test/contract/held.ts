/** The contract of the `Held` port: subscriptions that begin where their log says so. */
import { parseDestination } from '../../broker/destination.ts';
import type { Connection, Subscriber } from '../../broker/model.ts';
import type { Held, Store } from '../../broker/ports.ts';
import {
  at,
  onStage,
  type Stage,
  type StoreWorld,
  SUBSCRIPTIONS_MAX,
  subscriptionOf,
  type Wish,
} from './store-world.ts';

/** Makes an empty store that reads this clock and keeps these limits. */
export type MakeHeld = (world: StoreWorld) => Promise<{
  readonly store: Store & { readonly held: Held };
  close(): Promise<void>;
}>;

interface HeldStage extends Stage {
  readonly store: Store & { readonly held: Held };
  hold(connection: Connection, wish: Wish): ReturnType<Held['hold']>;
  enlist(connection: Connection, wish: Wish): Promise<Subscriber | undefined>;
}

const X: Wish = { id: '1', to: '/room/x', at: at(1) };

function onHeld(make: MakeHeld, body: (stage: HeldStage) => Promise<void>): () => Promise<void> {
  let store: HeldStage['store'];
  return onStage(
    async (world) => {
      const open = await make(world);
      store = open.store;
      return open;
    },
    (stage) =>
      body({
        ...stage,
        store,
        hold: (connection, wish) =>
          store.held.hold(
            connection,
            subscriptionOf(connection.id, wish),
            parseDestination(wish.to, stage.limits),
          ),
        enlist: ({ id }, wish) =>
          store.held.enlist(id, wish.id, wish.at, parseDestination(wish.to, stage.limits)),
      }),
  );
}

export function heldContract(name: string, make: MakeHeld): void {
  describe(`${name} keeps the promises of held subscriptions`, () => {
    holding(make);
    enlisting(make);
    ending(make);
    sideBySide(make);
  });
}

function holding(make: MakeHeld): void {
  test(
    'a held subscription is in no audience until it is enlisted, and is its connection’s at once',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      const a = await opened('a');
      expect(await hold(a, X)).toBe('done');
      expect(await audience('/room/x')).toEqual([]);
      expect(await store.subscriptions('a')).toEqual([subscriptionOf('a', X)]);
      expect(await enlist(a, X)).toBeDefined();
      expect(await audience('/room/x')).toEqual(['a|1']);
      expect(await store.subscriptions('a')).toEqual([subscriptionOf('a', X)]);
    }),
  );

  test(
    'holding again is done, and takes nobody out of the audience',
    onHeld(make, async ({ opened, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, X);
      expect(await hold(a, X)).toBe('done');
      expect(await audience('/room/x')).toEqual([]);
      await enlist(a, X);
      expect(await hold(a, X)).toBe('done');
      expect(await audience('/room/x')).toEqual(['a|1']);
    }),
  );

  test(
    'an id in use exists already, held or not',
    onHeld(make, async ({ opened, subscribe, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, X);
      expect(await hold(a, { ...X, to: '/room/y', at: at(2) })).toBe('exists');
      expect(await subscribe(a, { ...X, to: '/topic/y', at: at(2) })).toBe('exists');
      await subscribe(a, { id: '2', to: '/topic/x', at: at(3) });
      expect(await hold(a, { ...X, id: '2', at: at(4) })).toBe('exists');
      expect(await enlist(a, X)).toBeDefined();
      expect(await audience('/room/x')).toEqual(['a|1']);
    }),
  );

  test(
    'held ones count, and one too many is full',
    onHeld(make, async ({ store, opened, subscribe, hold, enlist }) => {
      const a = await opened('a');
      for (let n = 1; n <= SUBSCRIPTIONS_MAX; n++) {
        const wish = { id: `${n}`, to: n % 2 ? '/room/x' : '/topic/x', at: at(n) };
        expect(await (n % 2 ? hold(a, wish) : subscribe(a, wish))).toBe('done');
      }
      const more = { id: 'more', to: '/room/x', at: at(9) };
      expect(await hold(a, more)).toBe('full');
      expect(await enlist(a, more)).toBeUndefined();
      expect(await subscribe(a, { ...more, to: '/topic/x', at: at(10) })).toBe('full');
      expect(await store.unsubscribe('a', '1', at(11))).toBe('done');
      expect(await hold(a, { ...more, at: at(12) })).toBe('done');
    }),
  );

  test(
    'an older hold is stale where its id was given up, and nothing comes of it',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, { ...X, at: at(5) });
      await store.unsubscribe('a', '1', at(6));
      expect(await hold(a, { ...X, at: at(4) })).toBe('stale');
      expect(await enlist(a, { ...X, at: at(4) })).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
      expect(await hold(a, { ...X, at: at(7) })).toBe('done');
    }),
  );

  test(
    'neither a closed, an expired nor an unknown connection can hold',
    onHeld(make, async ({ store, opened, fresh, hold, enlist, audience, pass, limits }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await store.end('a', 'lost');
      pass(1000);
      for (const connection of [a, fresh('c')]) {
        expect(await hold(connection, X)).toBe('ended');
        expect(await enlist(connection, X)).toBeUndefined();
      }
      pass(limits.connectionSecondsMax * 1000);
      expect(await hold(b, X)).toBe('ended');
      expect(await enlist(b, X)).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
      expect(await store.subscriptions('b')).toEqual([]);
    }),
  );
}

function enlisting(make: MakeHeld): void {
  test(
    'enlist gives the subscriber as the audience has it, all that fan-out needs',
    onHeld(make, async ({ store, opened, hold, enlist, entries }) => {
      const { id } = await opened('a');
      await store.update(id, { version: '1.1', session: 's', member: 'Zoë' }, at(1));
      const { connection } = (await store.find(id)) ?? {};
      if (connection === undefined) throw new Error('the connection is not found');
      await hold(connection, { ...X, at: at(2) });
      const { connectedAt, expiresAt } = connection;
      const subscriber = {
        connectionId: 'a',
        subscriptionId: '1',
        carrier: 'raw',
        dialect: 'stomp',
        version: '1.1',
        session: 's',
        member: 'Zoë',
        connectedAt,
        expiresAt,
      };
      expect(await enlist(connection, { ...X, at: at(2) })).toEqual(subscriber);
      expect(await entries('/room/x')).toEqual([subscriber]);
    }),
  );

  test(
    'who acknowledges is told an ack with each message, whether it was held or not',
    onHeld(make, async ({ store, opened, enlist, subscribe, entries, limits }) => {
      const a = await opened('a');
      const wish = { ...subscriptionOf('a', X), ack: 'client' } as const;
      const destination = parseDestination('/room/x', limits);
      expect(await store.held.hold(a, wish, destination)).toBe('done');
      expect(await enlist(a, X)).toMatchObject({ subscriptionId: '1', acks: true });
      await store.subscribe(a, { ...wish, id: '2', ack: 'client-individual' }, destination);
      await subscribe(a, { ...X, id: '3' });
      const acks = (await entries('/room/x')).map((one) => [one.subscriptionId, one.acks]);
      expect(acks.sort()).toEqual([
        ['1', true],
        ['2', true],
        ['3', undefined],
      ]);
    }),
  );

  test(
    'enlisting again answers the same and is one entry still',
    onHeld(make, async ({ opened, hold, enlist, entries }) => {
      const a = await opened('a');
      await hold(a, X);
      const first = await enlist(a, X);
      expect(await enlist(a, X)).toEqual(first);
      expect(await entries('/room/x')).toEqual([first]);
    }),
  );

  test.each<[what: string, wish: Wish]>([
    ['a newer stamp', { ...X, at: at(2) }],
    ['an older stamp', { ...X, at: at(0) }],
    ['another id', { ...X, id: '2' }],
    ['another destination', { ...X, to: '/room/y' }],
  ])('%s than the one held enlists nobody', (_, wish) =>
    onHeld(make, async ({ opened, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, X);
      expect(await enlist(a, wish)).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
      expect(await audience('/room/y')).toEqual([]);
      expect(await enlist(a, X)).toBeDefined();
      expect(await audience('/room/x')).toEqual(['a|1']);
    })(),
  );

  test(
    'another destination or an older stamp leaves who is enlisted in the audience',
    onHeld(make, async ({ opened, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, X);
      await enlist(a, X);
      expect(await enlist(a, { ...X, at: at(0) })).toBeUndefined();
      expect(await enlist(a, { ...X, to: '/room/y' })).toBeUndefined();
      expect(await audience('/room/x')).toEqual(['a|1']);
    }),
  );
}

function ending(make: MakeHeld): void {
  test(
    'what was given up or ended before its log reached it is not enlisted',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await hold(a, X);
      await hold(b, X);
      expect(await store.unsubscribe('a', '1', at(2))).toBe('done');
      await store.end('b', 'lost');
      expect(await enlist(a, X)).toBeUndefined();
      expect(await enlist(b, X)).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
      expect(await store.subscriptions('a')).toEqual([]);
    }),
  );

  test(
    'an id given up and held anew is enlisted by the new one alone',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      const a = await opened('a');
      await hold(a, X);
      await store.unsubscribe('a', '1', at(2));
      await hold(a, { ...X, at: at(3) });
      expect(await enlist(a, X)).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
      expect(await enlist(a, { ...X, at: at(3) })).toBeDefined();
      expect(await enlist(a, X)).toBeUndefined();
      expect(await audience('/room/x')).toEqual(['a|1']);
    }),
  );

  test(
    'unsubscribing and the end take an enlisted one out of its audience',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      for (const name of ['a', 'b', 'c']) {
        const connection = await opened(name);
        await hold(connection, X);
        await enlist(connection, X);
      }
      await store.unsubscribe('a', '1', at(2));
      expect(await audience('/room/x')).toEqual(['b|1', 'c|1']);
      await store.end('b', 'left');
      expect(await audience('/room/x')).toEqual(['c|1']);
      expect(await store.subscriptions('b')).toEqual([]);
    }),
  );

  test(
    'an expired connection is enlisted no more, and is in no audience',
    onHeld(make, async ({ opened, hold, enlist, audience, pass, limits }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await hold(a, X);
      await hold(b, X);
      await enlist(a, X);
      pass(limits.connectionSecondsMax * 1000 + 1000);
      expect(await enlist(b, X)).toBeUndefined();
      expect(await audience('/room/x')).toEqual([]);
    }),
  );
}

function sideBySide(make: MakeHeld): void {
  test(
    'many held and enlisted side by side are all in the audience',
    onHeld(make, async ({ opened, hold, enlist, audience }) => {
      const names = Array.from({ length: 12 }, (_, index) => `c${10 + index}`);
      await Promise.all(
        names.map(async (name) => {
          const connection = await opened(name);
          await hold(connection, X);
          await enlist(connection, X);
        }),
      );
      expect(await audience('/room/x')).toEqual(names.map((name) => `${name}|1`));
    }),
  );

  test(
    'enlisting beside UNSUBSCRIBE or the end leaves nobody behind',
    onHeld(make, async ({ store, opened, hold, enlist, audience }) => {
      for (let round = 0; round < 6; round++) {
        const connection = await opened(`c${round}`);
        await hold(connection, X);
        await Promise.all([
          enlist(connection, X),
          round % 2
            ? store.end(connection.id, 'lost')
            : store.unsubscribe(connection.id, '1', at(2)),
        ]);
        expect([round, await audience('/room/x')]).toEqual([round, []]);
      }
    }),
  );
}
