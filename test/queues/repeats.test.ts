/** What is done again after a crash, or by halves, and must not count twice. */
import { deliverLogs } from '../../broker/deliver.ts';
import type { LogRecord } from '../../broker/model.ts';
import type { Ports, Shelf } from '../../broker/ports.ts';
import type { QueueRecord } from '../../lambda/events.ts';
import { frames } from '../broker/frames.ts';
import { type Client, frame, leave, makeWorld, type World } from '../broker/world.ts';

async function settle(world: World): Promise<void> {
  while ((await world.pump()) > 0) await Promise.resolve();
}

const messages = (client: Client) =>
  frames(client.heard()).filter(({ command }) => command === 'MESSAGE');
const bodies = (client: Client) => messages(client).map(({ body }) => body);
const send = (body: string, more: readonly string[] = [], destination = '/queue/x') =>
  frame('SEND', [`destination:${destination}`, ...more], body);
const subscribe = (more: readonly string[] = [], destination = '/queue/x') =>
  frame('SUBSCRIBE', ['id:1', `destination:${destination}`, ...more]);

async function enter(world: World, id: string, more: readonly string[] = []): Promise<Client> {
  const client = await world.client(id);
  await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h', ...more]));
  client.heard();
  return client;
}

/** The same records, as the queue gives them again. */
function again(records: readonly QueueRecord[]): readonly QueueRecord[] {
  return records.map((record) => ({
    ...record,
    attributes: { ...record.attributes, ApproximateReceiveCount: '2' },
  }));
}

/** All that the logs have appended and nobody has delivered. */
async function undelivered({ journal }: World): Promise<readonly LogRecord[]> {
  const read = await journal.stream.read(await journal.stream.committed(), 1000);
  return read.map(({ record }) => record);
}

/** A shelf that dies at the first write that `at` names. */
function dying(at: (changes: Parameters<Shelf['write']>[1], shelf: string) => boolean) {
  let dead = false;
  return (ports: Ports): Ports => {
    if (ports.logs === undefined) return ports;
    const { shelf } = ports.logs;
    const write: Shelf['write'] = async (name, changes, expiresAt) => {
      if (!dead && at(changes, name)) {
        dead = true;
        throw new Error('killed');
      }
      return shelf.write(name, changes, expiresAt);
    };
    return { ...ports, logs: { ...ports.logs, shelf: { ...shelf, write } } };
  };
}

describe('a batch that is given again', () => {
  test.each([1, 20, 21, 22, 60])(
    'adds no message to a queue twice: %i of them, consumed and not',
    async (count) => {
      const world = makeWorld({ rooms: true });
      const writer = await enter(world, 'w');
      const reader = await enter(world, 'r');
      await reader.send(subscribe(['ack:auto', 'prefetch-count:1000']));
      const all = Array.from({ length: count }, (_, n) => send(String(n))).join('');
      const batch = [world.record(writer.id, all)];
      await world.deliver(batch);
      await settle(world);
      await world.deliver(again(batch));
      await settle(world);
      expect(bodies(reader)).toEqual(Array.from({ length: count }, (_, n) => String(n)));
      await leave(world, 'r');
      const more = [world.record(writer.id, send('waits'))];
      await world.deliver(more);
      await settle(world);
      await world.deliver(again([...batch, ...more]));
      const late = await enter(world, 'late');
      await late.send(subscribe());
      await settle(world);
      expect(bodies(late)).toEqual(['waits']);
    },
  );

  test('and that held SEND and COMMIT finds its transaction ended, which is no fault', async () => {
    const world = makeWorld({ rooms: true });
    const writer = await enter(world, 'w');
    const inside = ['transaction:t'];
    await writer.send(frame('BEGIN', inside));
    const batch = [
      world.record(writer.id, send('one', inside)),
      world.record(writer.id, frame('COMMIT', [...inside, 'receipt:done'])),
    ];
    await world.deliver(batch);
    await world.deliver(again(batch));
    expect(writer.heard()).not.toContain('ERROR');
    const reader = await enter(world, 'r');
    await reader.send(subscribe());
    await settle(world);
    expect(bodies(reader)).toEqual(['one']);
  });

  test('leaves a later transaction of the same name alone', async () => {
    const world = makeWorld({ rooms: true });
    const writer = await enter(world, 'w');
    const inside = ['transaction:t'];
    const texts = [
      frame('BEGIN', inside) + send('one', inside),
      frame('COMMIT', inside),
      frame('BEGIN', inside) + send('two', inside),
    ];
    const batch = texts.map((text) => world.record(writer.id, text));
    await world.deliver(batch);
    await world.deliver(again(batch));
    const reader = await enter(world, 'r');
    await reader.send(subscribe());
    await settle(world);
    expect(bodies(reader)).toEqual(['one']);
    await writer.send(frame('COMMIT', inside));
    await settle(world);
    expect(bodies(reader)).toEqual(['two']);
    expect(writer.heard()).not.toContain('ERROR');
  });

  test('and that held UNSUBSCRIBE does not end the SUBSCRIBE that followed', async () => {
    const world = makeWorld({ rooms: true });
    const reader = await enter(world, 'r');
    await reader.send(subscribe(['ack:client']));
    await settle(world);
    const batch = [frame('UNSUBSCRIBE', ['id:1']), subscribe(['ack:client'])].map((text) =>
      world.record(reader.id, text),
    );
    await world.deliver(batch);
    const writer = await enter(world, 'w');
    await writer.send(send('held'));
    await settle(world);
    await world.deliver(again(batch));
    await settle(world);
    expect(messages(reader)).toHaveLength(1);
  });

  test.each(['1.0', '1.1', '1.2'])(
    'STOMP %s: and that held NACK does not hit the next delivery',
    async (version) => {
      const world = makeWorld({ rooms: true });
      const reader = await world.client('r');
      await reader.send(frame('CONNECT', [`accept-version:${version}`, 'host:h']));
      await reader.send(subscribe(['ack:client-individual']));
      await settle(world);
      const writer = await enter(world, 'w');
      await writer.send(send('x'));
      await settle(world);
      const [first] = messages(reader);
      const { ack, 'message-id': id } = first?.headers ?? {};
      const named = version === '1.2' ? [`id:${ack}`] : [`message-id:${id}`, 'subscription:1'];
      // STOMP 1.0 has no NACK: its ACK is what may be repeated.
      const text = frame(version === '1.0' ? 'ACK' : 'NACK', named);
      const batch = [world.record(reader.id, text)];
      await world.deliver(batch);
      await settle(world);
      await world.deliver(again(batch));
      await settle(world);
      const counts = messages(reader).map(({ headers }) => headers['delivery-count']);
      expect(counts).toEqual(version === '1.0' ? [] : ['2']);
    },
  );
});

describe('a deliverer that died', () => {
  test.each(['auto', 'client'])(
    'before it had said how far it was, and whose batch comes by halves: each message comes once (ack:%s)',
    async (mode) => {
      const world = makeWorld({
        rooms: true,
        extend: dying(
          (changes, shelf) => shelf === '/queue/x' && changes.some(([key]) => key === 'a'),
        ),
      });
      const reader = await enter(world, 'r');
      await reader.send(subscribe([`ack:${mode}`]));
      const writer = await enter(world, 'w');
      for (const body of ['1', '2', '3', '4']) await writer.send(send(body));
      const records = await undelivered(world);
      await expect(deliverLogs(records, world.ports)).rejects.toThrow('killed');
      const half = Math.ceil(records.length / 2);
      await deliverLogs(records.slice(0, half), world.ports);
      const early = messages(reader);
      const ack = early.at(-1)?.headers['ack'];
      if (ack !== undefined) await reader.send(frame('ACK', [`id:${ack}`]));
      await settle(world);
      const all = [...early, ...messages(reader)];
      expect(all.map(({ body, headers }) => [body, headers['redelivered']])).toEqual(
        ['1', '2', '3', '4'].map((body) => [body, undefined]),
      );
    },
  );

  test('and had handed out by priority: what is posted again comes in that order, which ack:client counts by', async () => {
    let posted = 0;
    const world = makeWorld({
      rooms: true,
      wrapOutbox: (outbox) => ({
        ...outbox,
        post: async (deliveries) => {
          if (deliveries.some(({ posts }) => Buffer.concat(posts).includes('MESSAGE'))) {
            posted++;
            if (posted === 1) throw new Error('killed');
          }
          return outbox.post(deliveries);
        },
      }),
    });
    const reader = await enter(world, 'r');
    await reader.send(subscribe(['ack:client']));
    await settle(world);
    const writer = await enter(world, 'w');
    await writer.send(send('low') + send('high', ['priority:9']));
    await expect(world.pump()).rejects.toThrow('killed');
    await settle(world);
    const got = messages(reader);
    expect(got.map(({ body }) => body)).toEqual(['high', 'low']);
    await reader.send(frame('ACK', [`id:${got.at(-1)?.headers['ack']}`]));
    await leave(world, 'r');
    const late = await enter(world, 'late');
    await late.send(subscribe());
    await settle(world);
    expect(bodies(late)).toEqual([]);
  });

  test('after it had told a durable subscriber its position: the position is kept', async () => {
    let told = false;
    const world = makeWorld({
      rooms: true,
      extend: (ports) => dying(() => told)(ports),
      wrapOutbox: (outbox) => ({
        ...outbox,
        post: async (deliveries) => {
          const outcomes = await outbox.post(deliveries);
          told ||= deliveries.some(({ posts }) => Buffer.concat(posts).includes('receipt-id:s'));
          return outcomes;
        },
      }),
    });
    const ann = await enter(world, 'a1', ['client-id:ann']);
    await ann.send(subscribe(['durable:true', 'receipt:s'], '/room/x'));
    await world.pump().catch(() => undefined);
    expect(told).toBe(true);
    told = false;
    await leave(world, 'a1');
    const writer = await enter(world, 'w');
    await writer.send(send('missed', [], '/room/x'));
    await settle(world);
    const back = await enter(world, 'a2', ['client-id:ann']);
    await back.send(subscribe(['durable:true'], '/room/x'));
    await settle(world);
    expect(bodies(back)).toEqual(['missed']);
  });
});

test('an ACK counts though its consumer is found gone before it is settled', async () => {
  const world = makeWorld({ rooms: true });
  const first = await enter(world, 'a');
  await first.send(subscribe(['ack:client-individual']));
  await settle(world);
  const writer = await enter(world, 'w');
  await writer.send(send('done'));
  await settle(world);
  const [got] = messages(first);
  const second = await enter(world, 'b');
  await second.send(subscribe(['ack:client-individual']));
  await settle(world);
  await writer.send(send('next'), send('after'));
  const before = await undelivered(world);
  await first.send(frame('ACK', [`id:${got?.headers['ack']}`, 'receipt:r']));
  world.closed.add('a');
  await deliverLogs(before, world.ports);
  await settle(world);
  expect(bodies(second).sort()).toEqual(['after', 'next']);
});

test('an ACK counts though the run that posted its message died, and its consumer is gone when it comes again', async () => {
  const posted = { count: 0 };
  const world = makeWorld({
    rooms: true,
    wrapOutbox: (outbox) => ({
      ...outbox,
      post: async (deliveries) => {
        const outcomes = await outbox.post(deliveries);
        if (deliveries.some(({ posts }) => Buffer.concat(posts).includes('MESSAGE'))) {
          posted.count++;
          if (posted.count === 1) throw new Error('killed');
        }
        return outcomes;
      },
    }),
  });
  const reader = await enter(world, 'r');
  await reader.send(subscribe(['ack:client-individual']));
  await settle(world);
  const writer = await enter(world, 'w');
  await writer.send(send('done'));
  const records = await undelivered(world);
  await expect(deliverLogs(records, world.ports)).rejects.toThrow('killed');
  const [got] = messages(reader);
  await reader.send(frame('ACK', [`id:${got?.headers['ack']}`, 'receipt:r']));
  await leave(world, 'r');
  await deliverLogs(records, world.ports);
  const heir = await enter(world, 'h');
  await heir.send(subscribe());
  await settle(world);
  expect(bodies(heir)).toEqual([]);
});

test('what a durable subscriber acknowledged counts though he is found away before', async () => {
  const world = makeWorld({ rooms: true, rules: [{ pattern: '/topic/news', lane: 'logged' }] });
  for (const place of ['/room/x', '/topic/news']) {
    const id = place.replaceAll('/', '-');
    const ann = await enter(world, `a${id}`, [`client-id:ann${id}`]);
    const wish = ['durable:true', 'ack:client'];
    await ann.send(subscribe(wish, place));
    const writer = await enter(world, `w${id}`);
    await writer.send(send('1', [], place), send('2', [], place));
    await settle(world);
    const [first] = messages(ann);
    await writer.send(send('3', [], place));
    await ann.send(frame('ACK', [`id:${first?.headers['ack']}`, 'receipt:r']));
    await leave(world, ann.id);
    for (const record of await undelivered(world)) await deliverLogs([record], world.ports);
    await settle(world);
    const back = await enter(world, `b${id}`, [`client-id:ann${id}`]);
    await back.send(subscribe(wish, place));
    await settle(world);
    expect(bodies(back)).toEqual(['2', '3']);
  }
});

test('a consumer whose end nobody told is told of by the queue itself', async () => {
  const world = makeWorld({ rooms: true });
  const gone = await enter(world, 'a');
  await gone.send(subscribe(['ack:client-individual']));
  await settle(world);
  const writer = await enter(world, 'w');
  await writer.send(send('held'));
  await settle(world);
  await world.ports.store.end('a', 'lost');
  const heir = await enter(world, 'b');
  await heir.send(subscribe(['ack:client-individual']));
  await settle(world);
  expect(messages(heir)).toMatchObject([{ body: 'held', headers: { redelivered: 'true' } }]);
});

test('a durable subscription given up while its log is behind begins anew', async () => {
  const world = makeWorld({ rooms: true });
  const wish = ['durable:true', 'ack:client'];
  const ann = await enter(world, 'a', ['client-id:ann']);
  await ann.send(subscribe(wish, '/room/x'));
  const writer = await enter(world, 'w');
  await writer.send(send('early', [], '/room/x'));
  await settle(world);
  const [early] = messages(ann);
  await ann.send(frame('ACK', [`id:${early?.headers['ack']}`]));
  await ann.send(frame('UNSUBSCRIBE', ['id:1', 'durable:true']));
  await writer.send(send('between', [], '/room/x'));
  for (const record of await undelivered(world)) await deliverLogs([record], world.ports);
  await settle(world);
  await ann.send(subscribe(wish, '/room/x'));
  await settle(world);
  expect(bodies(ann)).toEqual([]);
});

test('what a lost connection sent behind something refused is not done', async () => {
  const world = makeWorld({ rooms: true });
  const writer = await enter(world, 'w');
  const late = world.record(writer.id, send('late'));
  world.pass(4000);
  const fresh = world.record(writer.id, send('fresh'));
  await leave(world, 'w');
  world.pass(2000);
  await world.deliver([late, fresh]);
  const reader = await enter(world, 'r');
  await reader.send(subscribe());
  await settle(world);
  expect(bodies(reader)).toEqual([]);
});

describe('what names a message, of STOMP 1.0 and 1.1, and is held up on its way', () => {
  const late = [
    ['1.0', 'ACK', []],
    ['1.1', 'ACK', []],
    ['1.1', 'NACK', []],
    ['1.1', 'NACK', ['requeue:false']],
  ] as const;

  async function holding(version: string) {
    const world = makeWorld({ rooms: true });
    const reader = await world.client('r');
    await reader.send(frame('CONNECT', [`accept-version:${version}`, 'host:h']));
    await reader.send(subscribe(['ack:client', 'prefetch-count:10']));
    const writer = await enter(world, 'w');
    await writer.send(send('x'));
    await settle(world);
    const [x] = messages(reader);
    world.pass(1000);
    const named = [`message-id:${x?.headers['message-id']}`, 'subscription:1'];
    const say = (command: string, more: readonly string[]) =>
      world.record(reader.id, frame(command, [...named, ...more]), { received: 2 });
    return { world, reader, writer, say };
  }

  async function left(world: World): Promise<readonly string[]> {
    await leave(world, 'r');
    const heir = await enter(world, 'heir');
    await heir.send(
      subscribe(),
      frame('SUBSCRIBE', ['id:2', 'destination:/queue/dead.x', 'ack:auto']),
    );
    await settle(world);
    return messages(heir).map(({ headers, body }) => `${headers['subscription']} ${body}`);
  }

  test.each(late)(
    'STOMP %s: %s %j means no later delivery of it, nor what came before that one',
    async (version, command, more) => {
      const { world, reader, writer, say } = await holding(version);
      const heldUp = say(command, more);
      world.pass(world.ports.limits.ackSecondsDefault * 500);
      await writer.send(send('y'));
      await settle(world);
      world.pass(world.ports.limits.ackSecondsDefault * 600);
      await writer.send(send('z'));
      await settle(world);
      // The lease of x has run out, and it came again behind y.
      expect(bodies(reader)).toEqual(['y', 'x', 'z']);
      await world.deliver([heldUp]);
      await settle(world);
      expect(bodies(reader)).toEqual([]);
      expect(await left(world)).toEqual(['1 x', '1 y', '1 z']);
    },
  );

  test.each(late)(
    'STOMP %s: %s %j counts while the delivery that it means goes on',
    async (version, command, more) => {
      const { world, writer, say } = await holding(version);
      const heldUp = say(command, more);
      world.pass(world.ports.limits.ackSecondsDefault * 500);
      await writer.send(send('y'));
      await settle(world);
      await world.deliver([heldUp]);
      await settle(world);
      const others = { ACK: [], NACK: more.length > 0 ? ['2 x'] : ['1 x'] }[command];
      expect([...(await left(world))].sort()).toEqual([...others, '1 y'].sort());
      expect((await undelivered(world)).length).toBe(0);
    },
  );
});
