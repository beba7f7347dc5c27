import { taskHandler } from '../../lambda/work.ts';
import { frames } from './frames.ts';
import { type Client, frame, leave, makeWorld, type World, type WorldOptions } from './world.ts';

const subscribe = (more: string[] = [], id = '1', destination = '/queue/x') =>
  frame('SUBSCRIBE', [`id:${id}`, `destination:${destination}`, ...more]);
const send = (body: string, more: string[] = [], destination = '/queue/x') =>
  frame('SEND', [`destination:${destination}`, ...more], body);
const queues = (options: WorldOptions = {}) => makeWorld({ rooms: true, ...options });

async function connected(world: World, id: string, version = '1.2'): Promise<Client> {
  const client = await world.client(id);
  await client.send(frame('CONNECT', [`accept-version:${version}`, 'host:h']));
  client.heard();
  return client;
}

/** Lets the stream run until it has nothing more. */
async function settle(world: World): Promise<void> {
  while ((await world.pump()) > 0) await Promise.resolve();
}

/** The next tasks whose time has come by then. */
async function later(world: World, milliseconds: number): Promise<void> {
  world.pass(milliseconds);
  const now = world.ports.clock.now();
  const due = world.tasks.filter(({ at }) => at <= now);
  for (const one of due) world.tasks.splice(world.tasks.indexOf(one), 1);
  for (const { task } of due) await taskHandler(world.ports)(task);
  await settle(world);
}

async function consumer(world: World, id: string, more: string[] = ['ack:client-individual']) {
  const client = await connected(world, id);
  await client.send(subscribe(more));
  await settle(world);
  return client;
}

const messages = (client: Client) =>
  frames(client.heard()).filter(({ command }) => command === 'MESSAGE');
const bodies = (client: Client) => messages(client).map(({ body }) => body);

async function acknowledge(world: World, client: Client, id: string | undefined, command = 'ACK') {
  await client.send(frame(command, [`id:${id}`, 'receipt:acked']));
  expect(client.heard()).toContain('receipt-id:acked');
  await settle(world);
}

test('a message sent before anybody subscribed waits for a consumer', async () => {
  const world = queues();
  const writer = await connected(world, 'w');
  await writer.send(send('early', ['receipt:r']));
  expect(writer.heard()).toContain('receipt-id:r');
  await settle(world);
  const reader = await consumer(world, 'r', []);
  expect(bodies(reader)).toEqual(['early']);
});

test('two consumers share: each message to one of them', async () => {
  const world = queues();
  const a = await consumer(world, 'a', []);
  const b = await consumer(world, 'b', []);
  const writer = await connected(world, 'w');
  for (let n = 0; n < 20; n++) await writer.send(send(`${n}`));
  await settle(world);
  const [mine, theirs] = [bodies(a), bodies(b)];
  expect([...mine, ...theirs].map(Number).sort((x, y) => x - y)).toEqual([...Array(20).keys()]);
});

test('an ack:auto message is consumed when it is sent', async () => {
  const world = queues();
  const a = await consumer(world, 'a', []);
  const writer = await connected(world, 'w');
  await writer.send(send('once'));
  await settle(world);
  expect(bodies(a)).toEqual(['once']);
  await leave(world, 'a');
  await settle(world);
  expect(bodies(await consumer(world, 'b', []))).toEqual([]);
});

test('what was not acknowledged goes to the next consumer, marked redelivered', async () => {
  const world = queues();
  const a = await consumer(world, 'a');
  const writer = await connected(world, 'w');
  for (const body of ['1', '2', '3']) await writer.send(send(body));
  await settle(world);
  const [, second] = messages(a);
  await acknowledge(world, a, second?.headers['ack']);
  await leave(world, 'a');
  await settle(world);
  const got = messages(await consumer(world, 'b'));
  expect(
    got.map(({ body, headers }) => [body, headers['redelivered'], headers['delivery-count']]),
  ).toEqual([
    ['1', 'true', '2'],
    ['3', 'true', '2'],
  ]);
});

test('ack:client acknowledges all before it of its own subscription, and of no other', async () => {
  const world = queues();
  const a = await connected(world, 'a');
  await a.send(subscribe(['ack:client'], 'one') + subscribe(['ack:client'], 'two', '/queue/y'));
  const writer = await connected(world, 'w');
  for (const body of ['1', '2', '3']) await writer.send(send(body));
  await writer.send(send('other', [], '/queue/y'));
  await settle(world);
  const got = messages(a);
  await acknowledge(world, a, got.find(({ body }) => body === '2')?.headers['ack']);
  await leave(world, 'a');
  await settle(world);
  const b = await connected(world, 'b');
  await b.send(subscribe([], 'one') + subscribe([], 'two', '/queue/y'));
  await settle(world);
  expect(bodies(b).sort()).toEqual(['3', 'other']);
});

test('prefetch-count bounds what a consumer holds; an ACK brings the next', async () => {
  const world = queues();
  const a = await consumer(world, 'a', ['ack:client-individual', 'prefetch-count:2']);
  const writer = await connected(world, 'w');
  for (const body of ['1', '2', '3']) await writer.send(send(body));
  await settle(world);
  const held = messages(a);
  expect(held.map(({ body }) => body)).toEqual(['1', '2']);
  await acknowledge(world, a, held[0]?.headers['ack']);
  expect(bodies(a)).toEqual(['3']);
});

test('an ack id is useless to another connection, and void the second time', async () => {
  const world = queues();
  const a = await consumer(world, 'a');
  const thief = await consumer(world, 't', ['ack:client-individual', 'prefetch-count:1']);
  const writer = await connected(world, 'w');
  await writer.send(send('1'));
  await settle(world);
  const owner = world.posts.get('a')?.join('').includes('MESSAGE') ? a : thief;
  const other = owner === a ? thief : a;
  const [mine] = messages(owner);
  await acknowledge(world, other, mine?.headers['ack']);
  await leave(world, owner.id);
  await settle(world);
  const [again] = messages(other);
  expect(again?.body).toBe('1');
  await acknowledge(world, other, again?.headers['ack']);
  await acknowledge(world, other, again?.headers['ack']);
});

test('ACK in 1.1 names message and subscription, in 1.0 the message alone', async () => {
  for (const [version, more] of [
    ['1.1', ['subscription:1']],
    ['1.0', []],
  ] as const) {
    const world = queues();
    const a = await connected(world, 'a', version);
    await a.send(subscribe(['ack:client']));
    const writer = await connected(world, 'w');
    await writer.send(send('1'));
    await settle(world);
    const [got] = messages(a);
    await a.send(frame('ACK', [`message-id:${got?.headers['message-id']}`, ...more]));
    await settle(world);
    await leave(world, 'a');
    await settle(world);
    expect(bodies(await consumer(world, 'b', []))).toEqual([]);
  }
});

test('NACK gives it again, with requeue:false it is dead, with the reason', async () => {
  const world = queues();
  const a = await consumer(world, 'a');
  const writer = await connected(world, 'w');
  await writer.send(send('bad'));
  await settle(world);
  const [first] = messages(a);
  await acknowledge(world, a, first?.headers['ack'], 'NACK');
  const [second] = messages(a);
  expect(second?.headers['redelivered']).toBe('true');
  await a.send(frame('NACK', [`id:${second?.headers['ack']}`, 'requeue:false']));
  await settle(world);
  expect(bodies(a)).toEqual([]);
  const undertaker = await connected(world, 'u');
  await undertaker.send(subscribe([], '1', '/queue/dead.x'));
  await settle(world);
  const [dead] = messages(undertaker);
  expect(dead?.body).toBe('bad');
  expect(dead?.headers).toMatchObject({ 'dead-reason': 'refused', 'dead-queue': '/queue/x' });
});

test('after so many deliveries a message is dead', async () => {
  const world = queues({ limits: { deliveriesMaxDefault: 2 } });
  const a = await consumer(world, 'a');
  const writer = await connected(world, 'w');
  await writer.send(send('poison'));
  await settle(world);
  for (let n = 0; n < 2; n++) {
    const [got] = messages(a);
    await acknowledge(world, a, got?.headers['ack'], 'NACK');
  }
  expect(bodies(a)).toEqual([]);
  const undertaker = await connected(world, 'u');
  await undertaker.send(subscribe([], '1', '/queue/dead.x'));
  await settle(world);
  expect(messages(undertaker)[0]?.headers['dead-reason']).toBe('too-many-deliveries');
});

test('a message not acknowledged in time is given to another consumer', async () => {
  const world = queues({ limits: { ackSecondsDefault: 60 } });
  const a = await consumer(world, 'a', ['ack:client-individual', 'prefetch-count:1']);
  const writer = await connected(world, 'w');
  await writer.send(send('slow'));
  await settle(world);
  expect(bodies(a)).toEqual(['slow']);
  const b = await consumer(world, 'b');
  await later(world, 61_000);
  const all = [...messages(a), ...messages(b)];
  expect(all.map(({ body, headers }) => [body, headers['redelivered']])).toEqual([
    ['slow', 'true'],
  ]);
});

test('a delayed message waits, an expired one is dead', async () => {
  const world = queues();
  const a = await consumer(world, 'a', []);
  const writer = await connected(world, 'w');
  await writer.send(send('later', ['x-delay:5000']) + send('now'));
  await settle(world);
  expect(bodies(a)).toEqual(['now']);
  await later(world, 5000);
  expect(bodies(a)).toEqual(['later']);
  await leave(world, 'a');
  await writer.send(send('old', ['expiration:1000']));
  await settle(world);
  world.pass(2000);
  expect(bodies(await consumer(world, 'b', []))).toEqual([]);
});

test('a higher priority goes first', async () => {
  const world = queues();
  const writer = await connected(world, 'w');
  await writer.send(send('low', ['priority:1']) + send('high', ['priority:9']) + send('middle'));
  await settle(world);
  expect(bodies(await consumer(world, 'a', []))).toEqual(['high', 'middle', 'low']);
});

test('a consumer that cannot be posted to is cut, and its share goes to the others', async () => {
  const world = queues();
  await consumer(world, 'a', []);
  const writer = await connected(world, 'w');
  world.answers.set('a', Array(50).fill(500));
  await writer.send(send('1'));
  await settle(world);
  expect(world.closed).toContain('a');
  expect(bodies(await consumer(world, 'b', []))).toEqual(['1']);
});

test('10,000 messages come out once each, in order, with one consumer', async () => {
  const world = queues();
  const writer = await connected(world, 'w');
  for (let n = 0; n < 10_000; n += 100) {
    await writer.send(Array.from({ length: 100 }, (_, k) => send(`${n + k}`)).join(''));
  }
  await settle(world);
  const a = await consumer(world, 'a', []);
  expect(bodies(a).map(Number)).toEqual([...Array(10_000).keys()]);
});

describe('transactions', () => {
  const begin = (id = 't') => frame('BEGIN', [`transaction:${id}`]);
  const commit = (id = 't') => frame('COMMIT', [`transaction:${id}`, 'receipt:committed']);
  const inside = (body: string, destination = '/queue/x', id = 't') =>
    send(body, [`transaction:${id}`], destination);

  test('nothing before COMMIT, then everything, in order, on every lane', async () => {
    const world = queues();
    const a = await consumer(world, 'a', []);
    const b = await connected(world, 'b');
    await b.send(subscribe([], 'r', '/room/x') + subscribe([], 't', '/topic/x'));
    await settle(world);
    b.heard();
    const writer = await connected(world, 'w');
    await writer.send(begin() + inside('1') + inside('2') + inside('r', '/room/x'));
    await writer.send(inside('t', '/topic/x') + inside('3') + send('outside'));
    await settle(world);
    expect(bodies(a)).toEqual(['outside']);
    expect(bodies(b)).toEqual([]);
    await writer.send(commit());
    expect(writer.heard()).toContain('receipt-id:committed');
    await settle(world);
    expect(bodies(a)).toEqual(['1', '2', '3']);
    expect(bodies(b).sort()).toEqual(['r', 't']);
  });

  test('ABORT, or the end of the connection, leaves nothing', async () => {
    const world = queues();
    const a = await consumer(world, 'a', []);
    const writer = await connected(world, 'w');
    await writer.send(begin() + inside('1') + frame('ABORT', ['transaction:t']));
    await writer.send(begin('u') + inside('2', '/queue/x', 'u') + frame('DISCONNECT'));
    await settle(world);
    expect(bodies(a)).toEqual([]);
  });

  test('an ACK inside counts after COMMIT, not after ABORT', async () => {
    for (const [end, left] of [
      ['COMMIT', []],
      ['ABORT', ['1']],
    ] as const) {
      const world = queues();
      const a = await consumer(world, 'a');
      const writer = await connected(world, 'w');
      await writer.send(send('1'));
      await settle(world);
      const [got] = messages(a);
      await a.send(begin() + frame('ACK', [`id:${got?.headers['ack']}`, 'transaction:t']));
      await a.send(frame(end, ['transaction:t']));
      await settle(world);
      await leave(world, 'a');
      await settle(world);
      expect(bodies(await consumer(world, 'b'))).toEqual(left);
    }
  });

  test('a COMMIT that is retried commits once', async () => {
    const world = queues();
    const a = await consumer(world, 'a', []);
    const writer = await connected(world, 'w');
    await writer.send(begin() + inside('1') + inside('2'));
    const record = world.record('w', commit());
    await world.deliver([record]);
    await world.deliver([record]);
    expect(writer.heard().split('receipt-id:committed')).toHaveLength(3);
    await settle(world);
    expect(bodies(a)).toEqual(['1', '2']);
  });

  test('COMMIT with the process killed at each store call in turn: before or after, never between', async () => {
    for (let call = 0; ; call++) {
      let countdown = Number.POSITIVE_INFINITY;
      const dying = <Port extends object>(port: Port): Port =>
        new Proxy(port, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (typeof value !== 'function') return value;
            return (...given: unknown[]) => {
              if (countdown-- <= 0) throw new Error('killed');
              return Reflect.apply(value, target, given);
            };
          },
        });
      const world = queues({
        extend: (ports) => ({
          ...ports,
          store: dying(ports.store),
          ...(ports.logs === undefined
            ? {}
            : {
                logs: {
                  ...ports.logs,
                  shelf: dying(ports.logs.shelf),
                  journal: dying(ports.logs.journal),
                },
              }),
        }),
      });
      const a = await consumer(world, 'a', []);
      const writer = await connected(world, 'w');
      await writer.send(begin() + inside('1') + inside('2', '/queue/y') + inside('3'));
      const record = world.record('w', commit());
      countdown = call;
      await world.deliver([record]);
      const survived = countdown > 0;
      countdown = Number.POSITIVE_INFINITY;
      await settle(world);
      const seen = bodies(a);
      expect([[], ['1', '3']]).toContainEqual(seen);
      const y = await connected(world, 'y');
      await y.send(subscribe([], '1', '/queue/y'));
      await settle(world);
      expect(bodies(y)).toEqual(seen.length === 0 ? [] : ['2']);
      if (survived) break;
    }
  });

  test('ten minutes after BEGIN it is over as a whole, however late its last SEND was', async () => {
    const world = queues();
    const a = await consumer(world, 'a', []);
    const writer = await connected(world, 'w');
    await writer.send(begin() + inside('1'));
    world.pass(9 * 60_000);
    await writer.send(inside('2'));
    world.pass(2 * 60_000);
    await writer.send(commit());
    expect(writer.heard()).toContain('code:transaction-unknown');
    await settle(world);
    expect(bodies(a)).toEqual([]);
  });

  test('those that have ended count for nothing when the next one begins', async () => {
    const world = queues({ limits: { transactionsPerConnectionMax: 2 } });
    const a = await consumer(world, 'a', []);
    const writer = await connected(world, 'w');
    for (const id of ['1', '2', '3', '4']) {
      await writer.send(begin(id) + inside(id, '/queue/x', id) + commit(id));
    }
    await settle(world);
    expect(bodies(a)).toEqual(['1', '2', '3', '4']);
    await writer.send(begin('5') + begin('6') + begin('7'));
    expect(writer.heard()).toContain('code:transaction-too-large');
  });

  test.each([
    ['COMMIT of an unknown id', commit('nosuch'), 'transaction-unknown'],
    ['ABORT of an unknown id', frame('ABORT', ['transaction:x']), 'transaction-unknown'],
    ['SEND in an unknown transaction', inside('1', '/queue/x', 'x'), 'transaction-unknown'],
    ['BEGIN of an open id', begin() + begin(), 'transaction-exists'],
    ['a second COMMIT', begin() + commit() + commit(), 'transaction-unknown'],
    ['too much', begin() + inside('x'.repeat(600)), 'transaction-too-large'],
  ])('%s is refused', async (_, text, code) => {
    const world = queues({ limits: { transactionTotalBytesMax: 500 } });
    const client = await connected(world, 'a');
    await client.send(text);
    expect(client.heard()).toContain(`code:${code}`);
  });

  test('an id can be used again, and two transactions are independent', async () => {
    const world = queues();
    const a = await consumer(world, 'a', []);
    const writer = await connected(world, 'w');
    await writer.send(begin('t') + begin('u') + inside('t1') + inside('u1', '/queue/x', 'u'));
    await writer.send(commit('u') + frame('ABORT', ['transaction:t']));
    await writer.send(begin('t') + inside('t2') + commit('t'));
    await settle(world);
    expect(bodies(a)).toEqual(['u1', 't2']);
  });
});

describe('selectors', () => {
  test('each consumer gets what it wants, and the rest waits', async () => {
    const world = queues();
    const red = await consumer(world, 'red', ["selector:color = 'red'"]);
    const heavy = await consumer(world, 'heavy', ['selector:weight > 5']);
    const writer = await connected(world, 'w');
    await writer.send(send('1', ['color:red']) + send('2', ['color:blue', 'weight:9']) + send('3'));
    await settle(world);
    expect([bodies(red), bodies(heavy)]).toEqual([['1'], ['2']]);
    expect(bodies(await consumer(world, 'any', []))).toEqual(['3']);
  });

  test('a selector that makes no sense leaves no subscription', async () => {
    const world = queues();
    const client = await connected(world, 'a');
    await client.send(subscribe(['selector:color =']));
    expect(client.heard()).toContain('The selector ends too soon');
    expect(await world.ports.store.subscriptions('a')).toEqual([]);
  });
});

test.each([['/topic/x'], ['/room/x']])(
  'a selector on %s lets through what it fits',
  async (place) => {
    const world = queues();
    const picky = await connected(world, 'p');
    const all = await connected(world, 'all');
    await picky.send(subscribe(["selector:color = 'red'"], '1', place));
    await all.send(subscribe([], '1', place));
    await settle(world);
    const writer = await connected(world, 'w');
    await writer.send(send('1', ['color:red'], place) + send('2', [], place));
    await writer.send(send('3', [], place));
    await settle(world);
    expect([bodies(picky), bodies(all)]).toEqual([['1'], ['1', '2', '3']]);
  },
);
