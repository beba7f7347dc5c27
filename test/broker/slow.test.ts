/** Slow consumers of the direct lane: what a full buffer does not take waits, by the rules. */
import { jest } from '@jest/globals';
import type { Outbox, Ports, Shelf, Slow, Store } from '../../broker/ports.ts';
import type { Rule } from '../../broker/rules.ts';
import { makeSlow } from '../../broker/slow.ts';
import { taskHandler } from '../../lambda/work.ts';
import { type JobQueue, jobQueue, subscribed } from './crowd.ts';
import { frames } from './frames.ts';
import { CONNECT, frame, makeWorld, type World, type WorldOptions } from './world.ts';

interface Stage {
  readonly world: World;
  readonly jobs: JobQueue;
  readonly logged: readonly { readonly event: string; readonly count: unknown }[];
  publish(body: string, headers?: readonly string[], to?: string): Promise<void>;
  /** Does all jobs, and those that were put off when their time has come. */
  settle(): Promise<void>;
}

const FULL = { status: 429, reason: 'buffer' } as const;

async function stage(rules: readonly Rule[] = [], options: WorldOptions = {}): Promise<Stage> {
  const jobs = jobQueue();
  const logged: { event: string; count: unknown }[] = [];
  const extend = (ports: Ports): Ports => ({
    slow: makeSlow(),
    ...(options.extend?.(ports) ?? ports),
    jobs,
    log: {
      ...ports.log,
      info: (event, fields) => void logged.push({ event, count: fields?.['count'] }),
    },
  });
  const world = makeWorld({ rooms: true, rules, ...options, extend });
  const client = await world.client('publisher');
  await client.send(CONNECT);
  return {
    world,
    jobs,
    logged,
    publish: (body, headers = [], to = '/topic/x') =>
      client.send(frame('SEND', [`destination:${to}`, ...headers], body)),
    async settle() {
      for (;;) {
        await jobs.work(world.ports);
        const next = world.tasks.sort((a, b) => a.at - b.at).shift();
        if (next === undefined) return;
        world.pass(Math.max(0, next.at - world.ports.clock.now()));
        await taskHandler(world.ports)(next.task);
      }
    },
  };
}

function full(world: World, id: string, times: number): void {
  world.answers.set(
    id,
    Array.from({ length: times }, () => FULL),
  );
}

const heard = (world: World, id: string) =>
  (world.posts.get(id) ?? []).flatMap((post) => frames(post));

const bodies = (world: World, id: string) => heard(world, id).map(({ body }) => body);

const counted = ({ logged }: Stage, name: string) =>
  logged.filter(({ event }) => event === name).reduce((sum, { count }) => sum + Number(count), 0);

test('what a full buffer does not take waits, and comes in order once it does', async () => {
  const { world, publish, settle } = await stage();
  await subscribed(world, 'slow', { to: '/topic/x' });
  full(world, 'slow', 4);
  for (const body of ['one', 'two', 'three']) await publish(body);
  expect(bodies(world, 'slow')).toEqual([]);
  await settle();
  expect(bodies(world, 'slow')).toEqual(['one', 'two', 'three']);
});

test('what comes meanwhile goes behind what waits, though there is room again', async () => {
  const { world, publish, settle } = await stage();
  await subscribed(world, 'slow', { to: '/topic/x' });
  full(world, 'slow', 1);
  await publish('one');
  await publish('two');
  expect(bodies(world, 'slow')).toEqual([]);
  await settle();
  await publish('three');
  expect(bodies(world, 'slow')).toEqual(['one', 'two', 'three']);
});

test('an environment that remembers a slow client asks the store whether it still is', async () => {
  const { world, publish, settle } = await stage();
  await subscribed(world, 'slow', { to: '/topic/x' });
  full(world, 'slow', 1);
  await publish('one');
  world.pass(60_000);
  await publish('two');
  expect(bodies(world, 'slow')).toEqual([]);
  await settle();
  expect(bodies(world, 'slow')).toEqual(['one', 'two']);
});

/** Two environments that share a store and a queue, and each remembers by itself. */
function environments(): {
  readonly extend: (ports: Ports) => Ports;
  readonly marked: Map<string, number>;
  turnTo(which: 0 | 1): void;
} {
  const marked = new Map<string, number>();
  const nameOf = (connectionId: string, id: string) => `${connectionId} ${id}`;
  const marks = {
    mark: async (connectionId: string, id: string, until: number) =>
      void marked.set(nameOf(connectionId, id), until),
  };
  const both = [makeSlow(marks), makeSlow(marks)] as const;
  let current = both[0];
  const slow: Slow = {
    among: (...given) => current.among(...given),
    hold: (...given) => current.hold(...given),
    drain: (...given) => current.drain(...given),
  };
  return {
    marked,
    extend: (ports) => ({ ...ports, slow, store: reading(ports.store) }),
    turnTo: (which) => {
      current = both[which];
    },
  };

  function reading(store: Store): Store {
    const subscribers: Store['subscribers'] = async (...given) => {
      const page = await store.subscribers(...given);
      const found = page.subscribers.map((one) => {
        const slowUntil = marked.get(nameOf(one.connectionId, one.subscriptionId));
        return slowUntil === undefined ? one : { ...one, slowUntil };
      });
      return { ...page, subscribers: found };
    };
    return { ...store, subscribers };
  }
}

test('another environment, which has not met the full buffer, puts its messages behind those that wait', async () => {
  const { extend, marked, turnTo } = environments();
  const { world, publish, settle } = await stage([], { extend });
  for (const id of ['slow', 'quick']) await subscribed(world, id, { to: '/topic/x' });
  full(world, 'slow', 1);
  await publish('one');
  turnTo(1);
  await publish('two');
  expect([bodies(world, 'slow'), bodies(world, 'quick')]).toEqual([[], ['one', 'two']]);
  await settle();
  // It asks, and nothing waits any more.
  await publish('three');
  expect(bodies(world, 'slow')).toEqual(['one', 'two', 'three']);
  expect([...marked.keys()]).toEqual(['slow 1']);
});

test('a mark that is old asks nothing of the store', async () => {
  const { extend, marked, turnTo } = environments();
  const { world, publish } = await stage([], { extend });
  await subscribed(world, 'slow', { to: '/topic/x' });
  marked.set('slow 1', world.ports.clock.now() - 1);
  turnTo(1);
  const read = jest.spyOn(world.ports.logs?.shelf ?? { read: async () => [] }, 'read');
  await publish('one');
  expect([bodies(world, 'slow'), read.mock.calls]).toEqual([['one'], []]);
});

test.each(['1', '2'])(
  'an old mark of subscription %s hides no newer one of the other',
  async (old) => {
    const { extend, marked, turnTo } = environments();
    const { world, publish } = await stage([], { extend });
    const client = await world.client('slow');
    await client.send(CONNECT);
    for (const id of ['1', '2']) {
      await client.send(frame('SUBSCRIBE', [`id:${id}`, 'destination:/topic/x']));
    }
    client.heard();
    full(world, 'slow', 1);
    await publish('one');
    marked.set(`slow ${old}`, world.ports.clock.now() - 1);
    turnTo(1);
    await publish('two');
    expect(bodies(world, 'slow')).toEqual([]);
  },
);

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Writes that take until `done`; how many of them were under way at once. */
function slowShelf(done: () => Promise<void> = turn) {
  const under = { now: 0, most: 0 };
  const extend = (ports: Ports): Ports => {
    if (ports.logs === undefined) return ports;
    const write: Shelf['write'] = async (...given) => {
      under.most = Math.max(under.most, ++under.now);
      await done();
      under.now--;
      return ports.logs?.shelf.write(...given);
    };
    return { ...ports, logs: { ...ports.logs, shelf: { ...ports.logs.shelf, write } } };
  };
  return { under, extend };
}

test('what is published while the first begins to wait goes behind it', async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { under, extend } = slowShelf(() => gate);
  const { world, publish, settle } = await stage([], { extend });
  await subscribed(world, 'slow', { to: '/topic/x' });
  const other = await world.client('other');
  await other.send(CONNECT);
  full(world, 'slow', 1);
  const first = publish('one');
  while (under.now < 1) await turn();
  const second = other.send(frame('SEND', ['destination:/topic/x'], 'two'));
  for (let turns = 0; turns < 20; turns++) await turn();
  open();
  await Promise.all([first, second]);
  await settle();
  expect(bodies(world, 'slow')).toEqual(['one', 'two']);
});

test('many that begin to be slow are put aside side by side, within a bound', async () => {
  const { under, extend } = slowShelf();
  const { world, publish, settle } = await stage([], { extend, limits: { slowAtOnceMax: 8 } });
  const ids = Array.from({ length: 30 }, (_, index) => `slow-${index}`);
  for (const id of ids) {
    await subscribed(world, id, { to: '/topic/x' });
    full(world, id, 1);
  }
  await publish('one');
  expect(under.most).toBe(8);
  await settle();
  for (const id of ids) expect(bodies(world, id)).toEqual(['one']);
});

test('drop-oldest: beyond the bound the oldest go, and are counted', async () => {
  const one = await stage([], { limits: { slowMessagesMax: 5 } });
  await subscribed(one.world, 'slow', { to: '/topic/x' });
  full(one.world, 'slow', 3);
  for (let count = 0; count < 12; count++) await one.publish(`m${count}`);
  await one.settle();
  expect(bodies(one.world, 'slow')).toEqual(['m7', 'm8', 'm9', 'm10', 'm11']);
  expect(counted(one, 'slow-held')).toBe(12);
  expect(counted(one, 'slow-dropped')).toBe(7);
});

test('the bound is of octets too, and the largest message fits', async () => {
  const { world, publish, settle } = await stage();
  await subscribed(world, 'slow', { to: '/topic/x' });
  full(world, 'slow', 2);
  for (const body of ['a', 'b', 'c']) await publish(body.repeat(100 * 1024));
  await settle();
  expect(bodies(world, 'slow').map((body) => [body[0], body.length])).toEqual([['c', 100 * 1024]]);
});

test.each<[Rule['slow'], readonly string[]]>([
  ['keep-last', ['red 3']],
  [{ keepLast: 'colour' }, ['blue 2', 'red 3']],
])('keep-last %j: of what waits the last of each key comes', async (slow, expected) => {
  const one = await stage([{ pattern: '/topic/**', slow: slow ?? 'keep-last' }]);
  await subscribed(one.world, 'slow', { to: '/topic/x' });
  full(one.world, 'slow', 2);
  for (const body of ['red 1', 'blue 1', 'red 2', 'blue 2', 'red 3']) {
    await one.publish(body, [`colour:${body.split(' ')[0]}`]);
  }
  await one.settle();
  expect(bodies(one.world, 'slow')).toEqual(expected);
  expect(counted(one, 'slow-dropped')).toBe(5 - expected.length);
});

test('disconnect: the connection is cut and forgotten, and counted', async () => {
  const one = await stage([{ pattern: '/topic/x', slow: 'disconnect' }]);
  await subscribed(one.world, 'slow', { to: '/topic/x' });
  full(one.world, 'slow', 1);
  await one.publish('one');
  expect(one.world.closed).toContain('slow');
  expect(heard(one.world, 'slow').map(({ headers }) => headers['code'])).toEqual(['too-slow']);
  expect(await one.world.ports.store.subscriptions('slow')).toEqual([]);
  expect(counted(one, 'slow-disconnected')).toBe(1);
});

test('a connection that never takes anything is cut in the end', async () => {
  const one = await stage();
  await subscribed(one.world, 'slow', { to: '/topic/x' });
  full(one.world, 'slow', 1000);
  await one.publish('one');
  const since = one.world.ports.clock.now();
  await one.settle();
  expect(one.world.closed).toContain('slow');
  expect(one.world.ports.clock.now() - since).toBeGreaterThan(60_000);
  expect(one.world.ports.clock.now() - since).toBeLessThan(300_000);
});

test('one that is gone while something waits is forgotten', async () => {
  const { world, publish, settle } = await stage();
  await subscribed(world, 'slow', { to: '/topic/x' });
  full(world, 'slow', 1);
  await publish('one');
  world.closed.add('slow');
  await settle();
  expect(await world.ports.store.subscriptions('slow')).toEqual([]);
});

test('one slow among many costs the others nothing, and them alone a post', async () => {
  const { world, publish, settle } = await stage();
  const ids = Array.from({ length: 100 }, (_, index) => `c-${index}`);
  for (const id of ids) await subscribed(world, id, { to: '/topic/x' });
  full(world, 'c-7', 2);
  await publish('one');
  expect(ids.filter((id) => bodies(world, id).length === 1)).toHaveLength(99);
  await settle();
  expect(ids.every((id) => bodies(world, id).length === 1)).toBe(true);
});

test.each([1, 10, 100])(
  'a SEND to %i that are not slow calls the shelf, jobs and later never',
  async (count) => {
    let calls = 0;
    const counting = <Port extends object>(port: Port) =>
      new Proxy(port, {
        get(target, name) {
          calls++;
          return Reflect.get(target, name);
        },
      });
    const { world, publish, jobs } = await stage([], {
      extend: (ports) =>
        ports.logs === undefined
          ? ports
          : {
              ...ports,
              logs: {
                ...ports.logs,
                shelf: counting(ports.logs.shelf),
                later: counting(ports.logs.later),
              },
            },
    });
    for (let one = 0; one < count; one++) await subscribed(world, `c-${one}`, { to: '/topic/x' });
    calls = 0;
    await publish('one');
    expect([calls, jobs.sent]).toEqual([0, 0]);
  },
);

describe.each(['before', 'after'] as const)('killed %s any call while it drains', (moment) => {
  test('nothing is lost, and what comes again has the same id and its place', async () => {
    let kills = 0;
    for (let at = 0; at < 100; at++) {
      const reaper = { calls: 0, at: Number.POSITIVE_INFINITY };
      const mortal = <Port extends object>(port: Port): Port =>
        new Proxy(port, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (typeof value !== 'function') return value;
            return async (...given: readonly unknown[]) => {
              if (reaper.calls++ !== reaper.at) return Reflect.apply(value, target, given);
              if (moment === 'after') await Reflect.apply(value, target, given);
              throw new Error('killed');
            };
          },
        });
      const { world, publish, settle, jobs } = await stage([], {
        wrapOutbox: (outbox: Outbox) => mortal(outbox),
        extend: (ports) =>
          ports.logs === undefined
            ? ports
            : { ...ports, logs: { ...ports.logs, shelf: mortal<Shelf>(ports.logs.shelf) } },
      });
      await subscribed(world, 'slow', { to: '/topic/x' });
      full(world, 'slow', 3);
      const large = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(20_000));
      for (const body of large) await publish(body);
      reaper.calls = 0;
      reaper.at = at;
      const failed = await jobs.work(world.ports);
      await settle();
      const ids = heard(world, 'slow').map(({ headers }) => headers['message-id'] ?? '');
      expect(new Set(ids).size).toBe(4);
      const firsts = [...new Set(ids)].map(
        (id) => heard(world, 'slow').find(({ headers }) => headers['message-id'] === id)?.body[0],
      );
      expect(firsts).toEqual(['a', 'b', 'c', 'd']);
      if (failed === 0 && reaper.calls <= at) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(3);
  });
});
