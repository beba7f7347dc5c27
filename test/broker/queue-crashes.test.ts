/** Queues whose deliverer dies: at every call of every port, before it, after it and half-way. */
import type { Outbox, Ports, Shelf } from '../../broker/ports.ts';
import { taskHandler } from '../../lambda/work.ts';
import { frames } from './frames.ts';
import { type Client, frame, leave, makeWorld, type World, type WorldOptions } from './world.ts';

type Moment = 'before' | 'half' | 'after';

/** Dies at the call whose turn has come; a write that dies half-way has done half its changes. */
interface Reaper {
  countdown: number;
  readonly moment: Moment;
}

function mortal<Port extends object>(port: Port, reaper: Reaper): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...given: readonly unknown[]) => {
        if (reaper.countdown-- > 0) return Reflect.apply(value, target, given);
        if (reaper.moment === 'after') await Reflect.apply(value, target, given);
        const [first, changes, ...rest] = given;
        if (reaper.moment === 'half' && name === 'write' && Array.isArray(changes)) {
          const half = changes.slice(0, Math.ceil(changes.length / 2));
          await Reflect.apply(value, target, [first, half, ...rest]);
        }
        throw new Error('killed');
      };
    },
  });
}

function mortalWorld(reaper: Reaper, options: WorldOptions = {}): World {
  return makeWorld({
    rooms: true,
    ...options,
    wrapOutbox: (outbox: Outbox) => mortal(outbox, reaper),
    extend: (ports: Ports): Ports =>
      ports.logs === undefined
        ? ports
        : {
            ...ports,
            logs: {
              ...ports.logs,
              shelf: mortal<Shelf>(ports.logs.shelf, reaper),
              journal: mortal(ports.logs.journal, reaper),
              later: mortal(ports.logs.later, reaper),
            },
          },
  });
}

async function settle(world: World): Promise<void> {
  while ((await world.pump()) > 0) await Promise.resolve();
}

async function consumer(world: World, id: string, more: readonly string[]): Promise<Client> {
  const client = await world.client(id);
  await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  await client.send(frame('SUBSCRIBE', ['id:1', 'destination:/queue/x', ...more]));
  await settle(world);
  client.heard();
  return client;
}

let writers = 0;

async function send(world: World, bodies: readonly string[], more: readonly string[] = []) {
  const writer = await world.client(`writer-${writers++}`);
  await writer.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  await writer.send(
    bodies.map((body) => frame('SEND', ['destination:/queue/x', ...more], body)).join(''),
  );
}

const messages = (client: Client) =>
  frames(client.heard()).filter(({ command }) => command === 'MESSAGE');

/**
 * What one death cannot spoil: `steps` bring the world to its brink, then the deliverer dies at the
 * call given; whoever comes after it goes on. Ends when a run lives through.
 */
async function atEveryCall(
  moment: Moment,
  options: WorldOptions,
  play: (world: World, die: () => Promise<void>) => Promise<void>,
): Promise<number> {
  for (let call = 0; ; call++) {
    const reaper: Reaper = { countdown: Number.POSITIVE_INFINITY, moment };
    const world = mortalWorld(reaper, options);
    let lived = false;
    await play(world, async () => {
      reaper.countdown = call;
      await world.pump().catch((cause: Error) => expect(cause.message).toBe('killed'));
      lived = reaper.countdown >= 0;
      reaper.countdown = Number.POSITIVE_INFINITY;
      await settle(world);
    });
    if (lived) return call;
  }
}

const MOMENTS: readonly Moment[] = ['before', 'half', 'after'];

test.each(
  MOMENTS.flatMap((moment) => [
    [moment, 'client', 3, 1024] as const,
    [moment, 'auto', 3, 1024] as const,
    [moment, 'auto', 1, 1024] as const,
    [moment, 'client', 3, 0] as const,
    [moment, 'auto', 1, 0] as const,
  ]),
)(
  'a deliverer that dies %s a call: each message comes once or marked, and is settled once (ack:%s, %i held, bodies beside beyond %i)',
  async (moment, mode, prefetch, queueBodyBytesMax) => {
    const calls = await atEveryCall(
      moment,
      { limits: { queueBodyBytesMax } },
      async (world, die) => {
        const wish = [`ack:${mode}`, `prefetch-count:${prefetch}`];
        const readers = [await consumer(world, 'a', wish), await consumer(world, 'b', wish)];
        await send(world, ['1', '2', '3', '4']);
        await die();
        const unmarked: string[] = [];
        const all = new Set<string>();
        for (const reader of readers) {
          const got = messages(reader);
          for (const { body, headers } of got) {
            all.add(body);
            if (headers['redelivered'] === undefined) unmarked.push(body);
          }
          const last = got.at(-1)?.headers['ack'];
          if (last !== undefined && mode === 'client')
            await reader.send(frame('ACK', [`id:${last}`]));
        }
        await settle(world);
        expect([...all].sort()).toEqual(['1', '2', '3', '4']);
        expect(unmarked.length).toBe(new Set(unmarked).size);
        for (const { id } of readers) await leave(world, id);
        await settle(world);
        const late = await world.client('late');
        await late.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
        await late.send(frame('SUBSCRIBE', ['id:1', 'destination:/queue/x']));
        await settle(world);
        expect(messages(late)).toEqual([]);
      },
    );
    expect(calls).toBeGreaterThan(5);
  },
);

test.each(MOMENTS)(
  'a deliverer that dies %s a call of a NACK or of a consumer’s end loses nothing',
  async (moment) => {
    await atEveryCall(moment, {}, async (world, die) => {
      const a = await consumer(world, 'a', ['ack:client-individual', 'prefetch-count:1']);
      await consumer(world, 'b', ['ack:client-individual', 'prefetch-count:1']);
      await send(world, ['1', '2', '3']);
      await settle(world);
      const [mine] = messages(a);
      await a.send(frame('NACK', [`id:${mine?.headers['ack']}`]));
      await leave(world, 'b');
      await die();
      const got = new Set<string>();
      for (let [one] = messages(a); one !== undefined; [one] = messages(a)) {
        got.add(one.body);
        await a.send(frame('ACK', [`id:${one.headers['ack']}`]));
        await settle(world);
      }
      expect([...got].sort()).toEqual(['1', '2', '3']);
    });
  },
);

test('large bodies stand beside their items: they come, come again, are buried, and leave nothing', async () => {
  const world = makeWorld({ rooms: true });
  const large = 'x'.repeat(5000);
  const reader = await consumer(world, 'r', ['ack:client-individual', 'prefetch-count:2']);
  await send(world, [`1${large}`, `2${large}`, `3${large}`]);
  await settle(world);
  const [first, second] = messages(reader);
  await reader.send(frame('ACK', [`id:${first?.headers['ack']}`]));
  await reader.send(frame('NACK', [`id:${second?.headers['ack']}`, 'requeue:false']));
  await settle(world);
  await leave(world, 'r');
  const heir = await world.client('heir');
  await heir.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  for (const place of ['x', 'dead.x']) {
    await heir.send(frame('SUBSCRIBE', [`id:${place}`, `destination:/queue/${place}`]));
    await settle(world);
  }
  const got = messages(heir).map(({ body, headers }) => [body, headers['redelivered']]);
  expect(got).toEqual([
    [`3${large}`, 'true'],
    [`2${large}`, undefined],
  ]);
  const cells = await world.ports.logs?.shelf.read('/queue/x', { from: 'd', to: 'z', most: 10 });
  expect(cells).toEqual([]);
});

test('messages that died in front do not hold up the one behind them', async () => {
  const world = makeWorld({ rooms: true });
  await send(world, ['old', 'older'], ['expiration:1000', 'priority:9']);
  await send(world, ['fresh']);
  await settle(world);
  world.pass(2000);
  const reader = await world.client('r');
  await reader.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  const wish = ['id:1', 'destination:/queue/x', 'ack:client', 'prefetch-count:1'];
  await reader.send(frame('SUBSCRIBE', wish));
  await settle(world);
  expect(messages(reader).map(({ body }) => body)).toEqual(['fresh']);
});

test('what waits for a later time is read as far as it is due, and all of it comes', async () => {
  const world = makeWorld({ rooms: true, limits: { queueRoundItemsMax: 2 } });
  const reader = await consumer(world, 'r', ['ack:auto']);
  for (const [body, delay] of ['1', '2', '3', '4', '5'].map((body) => [body, '5000'] as const)) {
    await send(world, [body], [`x-delay:${delay}`]);
  }
  await settle(world);
  world.pass(5000);
  const got: string[] = [];
  while (world.tasks.length > 0) {
    const [{ task } = { task: undefined }] = world.tasks.splice(0, 1);
    if (task !== undefined) await taskHandler(world.ports)(task);
    await settle(world);
    got.push(...messages(reader).map(({ body }) => body));
  }
  expect(got).toEqual(['1', '2', '3', '4', '5']);
});

test('a queue whose name has no room for `dead.` buries in the common grave', async () => {
  const world = makeWorld({ rooms: true, limits: { destinationBytesMax: 12 } });
  const writer = await world.client('w');
  await writer.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  const sent = ['destination:/queue/abcde', 'expiration:0'];
  await writer.send(frame('SEND', sent, 'gone'));
  await writer.send(frame('SUBSCRIBE', ['id:1', 'destination:/queue/abcde']));
  await writer.send(frame('SUBSCRIBE', ['id:2', 'destination:/queue/dead']));
  await settle(world);
  const [dead] = messages(writer);
  expect(dead?.headers).toMatchObject({ subscription: '2', 'dead-queue': '/queue/abcde' });
});
