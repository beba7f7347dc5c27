/** Audiences too large for one invocation: handed over in slices, each posted to by itself. */
import { memoryCounters } from '../../adapters/memory/counters.ts';
import { makeAllowance } from '../../broker/allowance.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Outbox, Ports, Shelf, Store } from '../../broker/ports.ts';
import { postInTurn, postShard } from '../../broker/shard.ts';
import { type JobQueue, jobQueue, subscribed } from './crowd.ts';
import { frames } from './frames.ts';
import { CONNECT, frame, makeWorld, type World, type WorldOptions } from './world.ts';

const SMALL: Partial<Limits> = {
  inlinePostsMax: 20,
  shardPostsMax: 16,
  postsClaimMax: 5,
  youngConnectionSeconds: 10,
};

interface Stage {
  readonly world: World;
  readonly jobs: JobQueue;
}

function stage(options: WorldOptions = {}): Stage {
  const jobs = jobQueue();
  const extend = (ports: Ports): Ports => {
    const more = options.extend?.(ports) ?? ports;
    const allowance = makeAllowance(memoryCounters(ports.clock), ports);
    return { ...more, jobs, allowance };
  };
  const limits = { ...SMALL, ...options.limits };
  return { jobs, world: makeWorld({ rooms: true, ...options, limits, extend }) };
}

async function crowd(world: World, count: number, to = '/topic/big'): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, index) => `listener-${index}`);
  for (const id of ids) await subscribed(world, id, { to });
  return ids;
}

async function publisher(world: World) {
  const client = await world.client('publisher');
  await client.send(CONNECT);
  client.heard();
  return client;
}

const send = (body: string, more: readonly string[] = [], to = '/topic/big') =>
  frame('SEND', [`destination:${to}`, ...more], body);

const heard = (world: World, id: string) =>
  (world.posts.get(id) ?? []).flatMap((post) => frames(post));

test('an audience beyond the bound is handed over, and every subscriber gets the message once', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 100);
  const client = await publisher(world);
  await client.send(send('hello', ['receipt:r', 'colour:a\\cb']));
  expect(frames(client.heard()).map(({ command }) => command)).toEqual(['RECEIPT']);
  expect(jobs.waiting).toHaveLength(8);
  expect(ids.flatMap((id) => heard(world, id))).toEqual([]);
  expect(await jobs.work(world.ports)).toBe(0);
  for (const id of ids) {
    expect(heard(world, id).map(({ body, headers }) => [body, headers['colour']])).toEqual([
      ['hello', 'a:b'],
    ]);
  }
});

test('up to the bound nothing is handed over', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 20);
  const client = await publisher(world);
  await client.send(send('hello'));
  expect(jobs.sent).toBe(0);
  expect(ids.every((id) => heard(world, id).length === 1)).toBe(true);
});

test('of two destinations only the large one is handed over', async () => {
  const { world, jobs } = stage();
  await crowd(world, 19, '/topic/big');
  await subscribed(world, 'few-1', { to: '/topic/small' });
  await subscribed(world, 'few-2', { to: '/topic/small' });
  const client = await publisher(world);
  await client.send(send('large') + send('small', [], '/topic/small'));
  expect(heard(world, 'few-1').map(({ body }) => body)).toEqual(['small']);
  expect(jobs.waiting.every(({ group }) => group.startsWith('/topic/big '))).toBe(true);
  expect(jobs.waiting).toHaveLength(2);
});

test('what one invocation publishes to a large audience leaves in order, in one post', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 30);
  const client = await publisher(world);
  await client.send(send('one') + send('two') + send('three'));
  await jobs.work(world.ports);
  for (const id of ids) {
    expect(world.posts.get(id)).toHaveLength(1);
    expect(heard(world, id).map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  }
});

test('a job fits into a message of SQS, whatever is published, and a group keeps the order', async () => {
  const { world, jobs } = stage();
  const [id = ''] = await crowd(world, 30);
  const client = await publisher(world);
  const large = '\u0001'.repeat(100 * 1024);
  await client.send(send(large, ['content-length:102400']) + send('small'));
  await client.send(send('after'));
  const octets = jobs.waiting.map(({ task }) => Buffer.byteLength(JSON.stringify(task)));
  expect(octets.length).toBeGreaterThan(0);
  await jobs.work(world.ports);
  expect(heard(world, id).map(({ body }) => body.length)).toEqual([100 * 1024, 5, 5]);
});

test('patterns and selectors hold in a slice as they do at once', async () => {
  const { world, jobs } = stage();
  await crowd(world, 30);
  await subscribed(world, 'pattern', { to: '/topic/*' });
  await subscribed(world, 'wants', { to: '/topic/big', selector: "colour = 'red'" });
  await subscribed(world, 'wants-not', { to: '/topic/big', selector: "colour = 'blue'" });
  const client = await publisher(world);
  await client.send(send('hello', ['colour:red']));
  await jobs.work(world.ports);
  expect(['pattern', 'wants', 'wants-not'].map((id) => heard(world, id).length)).toEqual([1, 1, 0]);
});

test('a queue that refuses is told to the sender, as a store that cannot be read is', async () => {
  const { world, jobs } = stage();
  await crowd(world, 30);
  jobs.send = () => Promise.reject(new Error('refused'));
  const client = await publisher(world);
  await client.send(send('hello', ['receipt:r']));
  expect(frames(client.heard()).map(({ headers }) => headers['code'])).toEqual(['internal']);
});

test('who is gone is forgotten, and costs the others nothing', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 40);
  const client = await publisher(world);
  for (const id of ids.slice(0, 5)) world.closed.add(id);
  await client.send(send('hello'));
  await jobs.work(world.ports);
  expect(ids.slice(5).every((id) => heard(world, id).length === 1)).toBe(true);
  expect(await world.ports.store.subscriptions(ids[0] ?? '')).toEqual([]);
});

test('what was refused by rate is posted again: the account is used by others too', async () => {
  const { world, jobs } = stage({ limits: { postRetriesMax: 0 } });
  const ids = await crowd(world, 40);
  const client = await publisher(world);
  for (const [index, id] of ids.entries()) {
    world.answers.set(
      id,
      Array.from({ length: index % 4 }, () => 429),
    );
  }
  await client.send(send('hello'));
  await jobs.work(world.ports);
  expect(ids.every((id) => heard(world, id).length === 1)).toBe(true);
});

test('a shard that cannot be posted in time is given again, and goes on where it stopped', async () => {
  const { world, jobs } = stage({ limits: { handlerSecondsMax: 0.1, postsPerSecond: 80 } });
  const ids = await crowd(world, 64);
  const client = await publisher(world);
  await client.send(send('hello'));
  const failed = await jobs.work(world.ports);
  expect(failed).toBeGreaterThan(0);
  expect(ids.every((id) => heard(world, id).length === 1)).toBe(true);
});

/** Pages of ten, the highest ids first: not the order in which a page is posted. */
function inPages(store: Store): Store {
  const subscribers: Store['subscribers'] = async (destination, from, slice) => {
    const { subscribers: all } = await store.subscribers(destination, undefined, slice);
    const order = all.toSorted((a, b) => (a.connectionId > b.connectionId ? -1 : 1));
    const rest = from === undefined ? order : order.filter((one) => one.connectionId <= from);
    const next = rest[10]?.connectionId;
    const page = { subscribers: rest.slice(0, 10), about: all.length };
    return next === undefined ? page : { ...page, next };
  };
  return { ...store, subscribers };
}

test('an attempt that fails ends only when nothing of it is being posted any more', async () => {
  const { world } = stage();
  const deliveries = ['a', 'b'].map((connectionId) => ({
    connectionId,
    connectedAt: 0,
    posts: [],
  }));
  const { allowance: _, ...unbounded } = world.ports;
  const ports = { ...unbounded, limits: { ...world.ports.limits, postsClaimMax: 1 } };
  let release: () => void = () => undefined;
  const events: string[] = [];
  const attempt = postInTurn(deliveries, Number.POSITIVE_INFINITY, ports, {
    reached: async () => {
      throw new Error('the cursor could not be written');
    },
    post: async ([first]) => {
      if (first?.connectionId === 'b') {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        events.push('posted');
      }
      return ['sent'];
    },
  }).catch(() => events.push('failed'));
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  release();
  await attempt;
  expect(events).toEqual(['posted', 'failed']);
});

test('whoever moves onto a page, since others have left it, is not taken for done on a repeat', async () => {
  let posts = Number.POSITIVE_INFINITY;
  const { world, jobs } = stage({
    limits: { shardPostsMax: 100 },
    wrapStore: inPages,
    wrapOutbox: (outbox) => ({
      ...outbox,
      post: (...given) => {
        posts -= 1;
        return posts < 0 ? Promise.reject(new Error('killed')) : outbox.post(...given);
      },
    }),
  });
  const ids = await crowd(world, 40);
  await (await publisher(world)).send(send('hello'));
  expect(jobs.waiting).toHaveLength(1);
  posts = 1;
  const [job] = jobs.waiting;
  if (job?.task.type !== 'shard') throw new Error('a shard was expected');
  await expect(postShard(job.task, { repeated: false }, world.ports)).rejects.toThrow('killed');
  const done = ids.filter((id) => heard(world, id).length > 0);
  expect(done).toHaveLength(5);
  for (const id of done) await world.ports.store.end(id, 'left');
  posts = Number.POSITIVE_INFINITY;
  await postShard(job.task, { repeated: true }, world.ports);
  const missed = ids.filter((id) => !done.includes(id) && heard(world, id).length === 0);
  expect(missed).toEqual([]);
});

type Moment = 'before' | 'after';

/** Dies at the call whose turn has come, before it or after it, and then every so many calls. */
function mortal<Port extends object>(
  port: Port,
  reaper: { calls: number; at: number; moment: Moment },
) {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...given: readonly unknown[]) => {
        if (reaper.calls++ !== reaper.at) return Reflect.apply(value, target, given);
        if (reaper.moment === 'after') await Reflect.apply(value, target, given);
        throw new Error('killed');
      };
    },
  });
}

describe.each<Moment>(['before', 'after'])('killed %s any call of any port', (moment) => {
  test('nobody misses the message; what comes again has the same id, and few get it again', async () => {
    let kills = 0;
    for (let at = 0; at < 200; at++) {
      const reaper = { calls: 0, at: Number.POSITIVE_INFINITY, moment };
      const { world, jobs } = stage({
        wrapStore: (store: Store) => mortal(store, reaper),
        wrapOutbox: (outbox: Outbox) => mortal(outbox, reaper),
        extend: (ports: Ports): Ports =>
          ports.logs === undefined
            ? ports
            : { ...ports, logs: { ...ports.logs, shelf: mortal<Shelf>(ports.logs.shelf, reaper) } },
      });
      const ids = await crowd(world, 40);
      const client = await publisher(world);
      await client.send(send('hello'));
      reaper.calls = 0;
      reaper.at = at;
      const failed = await jobs.work(world.ports);
      if (failed === 0) break;
      kills++;
      const messages = ids.map((id) => heard(world, id));
      expect(messages.every((got) => got.length > 0)).toBe(true);
      expect(new Set(messages.flat().map(({ headers }) => headers['message-id'])).size).toBe(1);
      // Two claims may be under way.
      expect(messages.flat().length).toBeLessThanOrEqual(40 + 2 * 5);
    }
    expect(kills).toBeGreaterThan(20);
  });
});
