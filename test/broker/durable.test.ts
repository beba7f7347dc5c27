import type { Ports } from '../../broker/ports.ts';
import { frames } from './frames.ts';
import { type Client, frame, leave, makeWorld, type World } from './world.ts';

const send = (destination: string, body: string, more: string[] = []) =>
  frame('SEND', [`destination:${destination}`, ...more], body);
const durable = (more: string[] = [], destination = '/room/x') =>
  frame('SUBSCRIBE', ['id:1', `destination:${destination}`, 'durable:true', ...more]);
const worldOfRooms = () =>
  makeWorld({ rooms: true, rules: [{ pattern: '/topic/news', lane: 'logged' }] });

async function named(world: World, id: string, name?: string): Promise<Client> {
  const client = await world.client(id);
  const who = name === undefined ? [] : [`client-id:${name}`];
  await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h', ...who]));
  client.heard();
  return client;
}

const messages = (client: Client) =>
  frames(client.heard()).filter(({ command }) => command === 'MESSAGE');
const bodies = (client: Client) => messages(client).map(({ body }) => body);

async function settle(world: World): Promise<void> {
  while ((await world.pump()) > 0) await Promise.resolve();
}

describe('durable subscriptions', () => {
  test.each(['/room/x', '/topic/news'])(
    '%s: what came while away comes on return',
    async (place) => {
      const world = worldOfRooms();
      const writer = await named(world, 'w');
      const ann = await named(world, 'a1', 'ann');
      await ann.send(durable([], place));
      await writer.send(send(place, 'one'));
      await settle(world);
      expect(bodies(ann)).toEqual(['one']);
      await leave(world, 'a1');
      await writer.send(send(place, 'two'));
      await writer.send(send(place, 'three'));
      await settle(world);
      const again = await named(world, 'a2', 'ann');
      await again.send(durable([], place));
      await settle(world);
      expect(bodies(again)).toEqual(['two', 'three']);
    },
  );

  test('with ack:client what was not acknowledged comes again', async () => {
    const world = worldOfRooms();
    const writer = await named(world, 'w');
    const ann = await named(world, 'a1', 'ann');
    await ann.send(durable(['ack:client']));
    for (const body of ['1', '2', '3']) await writer.send(send('/room/x', body));
    await settle(world);
    const got = messages(ann);
    expect(got.map(({ body }) => body)).toEqual(['1', '2', '3']);
    await ann.send(frame('ACK', [`id:${got[1]?.headers['ack']}`]));
    await settle(world);
    await leave(world, 'a1');
    await settle(world);
    const again = await named(world, 'a2', 'ann');
    await again.send(durable(['ack:client']));
    await settle(world);
    expect(bodies(again)).toEqual(['3']);
  });

  test('UNSUBSCRIBE with durable:true gives the position up, without it keeps it', async () => {
    for (const [more, expected] of [
      [['durable:true'], []],
      [[], ['missed']],
    ] as const) {
      const world = worldOfRooms();
      const writer = await named(world, 'w');
      const ann = await named(world, 'a1', 'ann');
      await ann.send(durable());
      await settle(world);
      await ann.send(frame('UNSUBSCRIBE', ['id:1', ...more]));
      await writer.send(send('/room/x', 'missed'));
      await settle(world);
      await ann.send(durable());
      await settle(world);
      expect(bodies(ann)).toEqual(expected);
    }
  });

  test.each([
    ['without a client-id', undefined, '/room/x', 'needs a client-id'],
    ['on a direct topic', 'ann', '/topic/direct', 'Only a logged destination'],
  ])('%s it is refused in words', async (_, name, place, words) => {
    const world = worldOfRooms();
    const client = await named(world, 'a', name);
    await client.send(durable([], place));
    expect(client.heard()).toContain(words);
  });
});

describe('temporary queues', () => {
  test('a reply-to is rewritten, and the answer reaches its owner alone', async () => {
    const world = makeWorld();
    const server = await named(world, 'server');
    await server.send(frame('SUBSCRIBE', ['id:1', 'destination:/topic/questions']));
    const asker = await named(world, 'asker');
    const other = await named(world, 'other');
    await other.send(frame('SUBSCRIBE', ['id:1', 'destination:/temp-queue/answers']));
    await asker.send(send('/topic/questions', 'what?', ['reply-to:/temp-queue/answers']));
    const [question] = messages(server);
    const reply = question?.headers['reply-to'] ?? '';
    expect(reply).toMatch(/^\/temp-queue\/.+~answers$/);
    await server.send(send(reply, 'that.'));
    expect(messages(asker)).toMatchObject([
      { body: 'that.', headers: { subscription: '/temp-queue/answers' } },
    ]);
    expect(bodies(other)).toEqual([]);
  });

  test('another’s cannot be subscribed to', async () => {
    const world = makeWorld();
    const thief = await named(world, 't');
    await thief.send(frame('SUBSCRIBE', ['id:1', 'destination:/temp-queue/session-1~answers']));
    expect(thief.heard()).toContain('code:destination-invalid');
  });

  test('a name that nobody gave out is refused', async () => {
    const world = makeWorld();
    const client = await named(world, 'a');
    await client.send(send('/temp-queue/answers', 'hello?'));
    expect(client.heard()).toContain('There is no such temporary queue');
  });
});

test('names of control characters fit a key of the store, and hold up no log', async () => {
  const extend = (ports: Ports): Ports => {
    if (ports.logs === undefined) return ports;
    const { shelf } = ports.logs;
    const fits = (key: string) => {
      // DynamoDB's sort key.
      if (Buffer.byteLength(key) > 1024) throw new Error('ValidationException');
    };
    return {
      ...ports,
      logs: {
        ...ports.logs,
        shelf: {
          read(name, range) {
            fits(range.from);
            return shelf.read(name, range);
          },
          write(name, changes, expiresAt) {
            for (const [key] of changes) fits(key);
            return shelf.write(name, changes, expiresAt);
          },
        },
      },
    };
  };
  const world = makeWorld({ rooms: true, extend });
  const ann = await named(world, 'a1', '\u0001'.repeat(128));
  const id = '\u0002'.repeat(256);
  await ann.send(frame('SUBSCRIBE', [`id:${id}`, 'destination:/room/x', 'durable:true']));
  const writer = await named(world, 'w');
  await writer.send(send('/room/x', 'one'));
  await settle(world);
  expect(bodies(ann)).toEqual(['one']);
});
