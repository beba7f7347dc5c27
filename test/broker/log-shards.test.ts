/** Rooms too large for one invocation: history, joins and presence by `deliver`, messages by slices. */
import { jest } from '@jest/globals';
import type { Limits } from '../../broker/limits.ts';
import type { Entry } from '../../broker/model.ts';
import type { Job, Journal, Outbox, Ports, Shelf, Store } from '../../broker/ports.ts';
import { taskHandler } from '../../lambda/work.ts';
import { type JobQueue, jobQueue } from './crowd.ts';
import { frames } from './frames.ts';
import { type Client, CONNECT, frame, makeWorld, type World, type WorldOptions } from './world.ts';

const SMALL: Partial<Limits> = { inlinePostsMax: 10, shardPostsMax: 8, postsClaimMax: 3 };

interface Stage {
  readonly world: World;
  readonly jobs: JobQueue;
}

function stage(options: WorldOptions = {}): Stage {
  const jobs = jobQueue();
  const extend = (ports: Ports): Ports => ({ ...(options.extend?.(ports) ?? ports), jobs });
  const limits = { ...SMALL, ...options.limits };
  return { jobs, world: makeWorld({ rooms: true, ...options, limits, extend }) };
}

async function pumped(world: World): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const records = await world.pump().catch(() => 1);
    if (records === 0) return;
  }
  throw new Error('the stream is given again for ever');
}

async function joined(world: World, id: string, more: readonly string[] = []): Promise<Client> {
  const client = await world.client(id);
  await client.send(CONNECT);
  await client.send(frame('SUBSCRIBE', ['id:1', 'destination:/room/x', 'receipt:joined', ...more]));
  return client;
}

async function crowd(world: World, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, index) => `member-${index}`);
  for (const id of ids) await joined(world, id);
  await pumped(world);
  return ids;
}

const send = (body: string, more: readonly string[] = []) =>
  frame('SEND', ['destination:/room/x', ...more], body);

const got = (world: World, id: string) =>
  (world.posts.get(id) ?? []).flatMap((post) => frames(post));

const messages = (world: World, id: string) =>
  got(world, id).filter(({ command }) => command === 'MESSAGE');

const bodies = (world: World, id: string) => messages(world, id).map(({ body }) => body);

/** As a client that keeps the rule: what is not above the last `seq` is dropped. */
function kept(world: World, id: string): readonly number[] {
  const seqs: number[] = [];
  for (const { headers } of messages(world, id)) {
    const seq = Number(headers['seq']);
    if (seq > (seqs.at(-1) ?? 0)) seqs.push(seq);
  }
  return seqs;
}

test('a large room’s messages are handed to slices, and come in order and once', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await pumped(world);
  for (const body of ['one', 'two', 'three']) {
    await writer.send(send(body));
    await pumped(world);
  }
  expect(ids.flatMap((id) => bodies(world, id))).toEqual([]);
  expect(jobs.waiting.length).toBe(12);
  expect(await jobs.work(world.ports)).toBe(0);
  for (const id of ids) expect(bodies(world, id)).toEqual(['one', 'two', 'three']);
});

test('whoever joins hears its answer first, and nothing older that still waits in a slice', async () => {
  const { world, jobs } = stage();
  await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await writer.send(send('before'));
  await pumped(world);
  await joined(world, 'late');
  await writer.send(send('after'));
  await pumped(world);
  await jobs.work(world.ports);
  expect(got(world, 'late').map(({ command, body }) => body || command)).toEqual([
    'CONNECTED',
    'RECEIPT',
    'after',
  ]);
});

test('a SUBSCRIBE that is given again takes nothing from what its first has begun', async () => {
  const joins: Entry[] = [];
  const extend = (ports: Ports): Ports => {
    if (ports.logs === undefined) return ports;
    const { journal } = ports.logs;
    const noting: Journal = {
      ...journal,
      append(log, entries) {
        joins.push(...entries.filter(({ type }) => type === 'join'));
        return journal.append(log, entries);
      },
    };
    return { ...ports, logs: { ...ports.logs, journal: noting } };
  };
  const { world, jobs } = stage({ extend });
  await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await joined(world, 'reader');
  const join = joins.slice(-1);
  await pumped(world);
  await writer.send(send('between'));
  await pumped(world);
  await world.ports.logs?.journal.append('/room/x', join);
  await pumped(world);
  await jobs.work(world.ports);
  expect(bodies(world, 'reader')).toEqual(['between']);
});

test('a joiner that asks for the past gets it from deliver, once', async () => {
  const { world, jobs } = stage();
  await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await writer.send(send('before'));
  await pumped(world);
  await joined(world, 'late', ['last:10']);
  await writer.send(send('after'));
  await pumped(world);
  await jobs.work(world.ports);
  expect(bodies(world, 'late')).toEqual(['before', 'after']);
});

test('a room that shrinks is posted to by deliver again only when its slices are done', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 12);
  const writer = await joined(world, 'writer');
  await writer.send(send('one'));
  await pumped(world);
  for (const id of ids.slice(0, 6)) await world.ports.store.end(id, 'left');
  await writer.send(send('two'));
  await pumped(world);
  expect(bodies(world, 'member-9')).toEqual([]);
  await jobs.work(world.ports);
  expect(bodies(world, 'member-9')).toEqual(['one', 'two']);
  const sent = jobs.sent;
  await writer.send(send('three'));
  await pumped(world);
  expect([jobs.sent, bodies(world, 'member-9').at(-1)]).toEqual([sent, 'three']);
});

test('to, except and selectors hold in slices', async () => {
  const { world, jobs } = stage();
  await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await joined(world, 'red', ["selector:colour = 'red'"]);
  await writer.send(send('one', ['except:self', 'colour:blue']) + send('two', ['colour:red']));
  await pumped(world);
  await jobs.work(world.ports);
  expect([bodies(world, 'writer'), bodies(world, 'red'), bodies(world, 'member-3')]).toEqual([
    ['two'],
    ['two'],
    ['one', 'two'],
  ]);
});

test('who cannot be posted to is cut; after a job that was given up, the whole slice is', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 30);
  const writer = await joined(world, 'writer');
  await writer.send(send('one'));
  await pumped(world);
  await jobs.work(world.ports);
  world.answers.set('member-5', [413]);
  await writer.send(send('two'));
  await pumped(world);
  await jobs.work(world.ports);
  expect([...world.closed]).toEqual(['member-5']);
  await writer.send(send('lost'));
  await pumped(world);
  const [given] = jobs.waiting.splice(0, 1);
  await jobs.work(world.ports);
  await writer.send(send('four'));
  await pumped(world);
  await jobs.work(world.ports);
  const alive = ids.filter((id) => !world.closed.has(id));
  expect(given?.task.type).toBe('stretch');
  expect(alive.length).toBeLessThan(29);
  for (const id of alive) expect(bodies(world, id)).toEqual(['one', 'two', 'lost', 'four']);
});

/** The jobs of two messages, and what they would be had the stream put the second behind the first. */
async function grown({ world, jobs }: Stage) {
  const writer = await joined(world, 'writer');
  await writer.send(send('one'));
  await pumped(world);
  const first = jobs.waiting.splice(0);
  await writer.send(send('two'));
  await pumped(world);
  const second = jobs.waiting.splice(0);
  const both = first.map((job, index): Job => {
    const { task: one } = job;
    const two = second[index]?.task;
    if (one.type !== 'stretch' || two?.type !== 'stretch') throw new Error('no stretches');
    return { ...job, task: { ...one, messages: [...one.messages, ...two.messages] } };
  });
  return { first, both };
}

test('a batch that is given again and has grown is posted from where it had ended', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 30);
  const { first, both } = await grown({ world, jobs });
  jobs.waiting.push(...first, ...both);
  await jobs.work(world.ports);
  for (const id of ids) expect(bodies(world, id)).toEqual(['one', 'two']);
});

test('where a batch had got to says nothing of one that has grown', async () => {
  const { world, jobs } = stage();
  const ids = await crowd(world, 30);
  const { first, both } = await grown({ world, jobs });
  const perform = taskHandler(world.ports);
  const shelf = world.ports.logs?.shelf;
  if (shelf === undefined) throw new Error('no shelves');
  const real = shelf.write.bind(shelf);
  let writes = 0;
  const write = jest.spyOn(shelf, 'write').mockImplementation(async (...cells) => {
    if (writes-- === 0) throw new Error('killed');
    return real(...cells);
  });
  // Given up in their midst; of what follows, the first attempt is taken to have done nothing.
  for (const { task } of first) {
    writes = 1;
    await expect(perform(task, { repeated: false })).rejects.toThrow('killed');
  }
  write.mockRestore();
  expect(new Set(ids.map((id) => bodies(world, id).length))).toEqual(new Set([0, 1]));
  for (const { task } of both) await perform(task, { repeated: true });
  for (const id of ids) expect(new Set(bodies(world, id))).toEqual(new Set(['one', 'two']));
});

test.each([3, 25])(
  'after %i quiet hours nobody is cut for what nobody there has missed',
  async (hours) => {
    const { world, jobs } = stage();
    await crowd(world, 30);
    const first = await joined(world, 'first');
    await pumped(world);
    await first.send(send('yesterday'));
    await pumped(world);
    await jobs.work(world.ports);
    world.pass(hours * 3_600_000);
    const ids = Array.from({ length: 30 }, (_, index) => `later-${index}`);
    for (const id of ids) await joined(world, id);
    const writer = await joined(world, 'writer');
    await pumped(world);
    await writer.send(send('today'));
    await pumped(world);
    await jobs.work(world.ports);
    for (const id of ids) expect(bodies(world, id)).toEqual(['today']);
    expect([...world.closed]).toEqual([]);
  },
);

test('a small room is posted to by deliver, at no more reads than ever', async () => {
  const { world, jobs } = stage();
  await crowd(world, 5);
  const writer = await joined(world, 'writer');
  await pumped(world);
  await writer.send(send('one'));
  world.counting.reset();
  await pumped(world);
  expect([jobs.sent, world.counting.counts().calls.subscribers]).toEqual([0, 1]);
  expect(bodies(world, 'member-3')).toEqual(['one']);
});

describe.each(['before', 'after'] as const)('killed %s any call of any port', (moment) => {
  test('in a large room nobody misses a message or hears one out of order', async () => {
    let kills = 0;
    for (let at = 0; at < 400; at++) {
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
      const { world, jobs } = stage({
        wrapStore: (store: Store) => mortal(store),
        wrapOutbox: (outbox: Outbox) => mortal(outbox),
        extend: (ports) =>
          ports.logs === undefined
            ? ports
            : {
                ...ports,
                logs: {
                  ...ports.logs,
                  shelf: mortal<Shelf>(ports.logs.shelf),
                  journal: mortal<Journal>(ports.logs.journal),
                },
              },
      });
      const ids = await crowd(world, 14);
      const writer = await joined(world, 'writer');
      await pumped(world);
      await writer.send(send('1'));
      await writer.send(send('2'));
      await joined(world, 'late');
      await writer.send(send('3'));
      reaper.calls = 0;
      reaper.at = at;
      await pumped(world);
      await jobs.work(world.ports);
      const died = reaper.calls > at;
      reaper.at = Number.POSITIVE_INFINITY;
      await writer.send(send('4'));
      await pumped(world);
      await jobs.work(world.ports);
      for (const id of ids.filter((one) => !world.closed.has(one))) {
        expect(kept(world, id)).toEqual([1, 2, 3, 4]);
      }
      const late = got(world, 'late').map(({ command }) => command);
      expect([late[0], late[1]]).toEqual(['CONNECTED', 'RECEIPT']);
      expect(kept(world, 'late')).toEqual([3, 4]);
      const all = ids.flatMap((id) => messages(world, id));
      expect(new Set(all.map(({ headers }) => headers['message-id'])).size).toBe(4);
      if (!died) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(20);
  });
});
