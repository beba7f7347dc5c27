/** Socket.IO's server side without a server: in process, and by HTTP from another. */
import { io, type ManagerOptions, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Emitter } from '../../emitter/emitter.ts';
import { emitterByHttp } from '../../emitter/http.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { leaveAll } from '../clients/leave.ts';

let broker: Broker;
const clients: Socket[] = [];
const afterwards = () => leaveAll(clients);

async function open(options: Partial<ManagerOptions> = {}): Promise<Socket> {
  const client = io(`http://127.0.0.1:${broker.port}`, { forceNew: true, ...options });
  clients.push(client);
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

const WAYS: readonly Partial<ManagerOptions>[] = [
  { transports: ['websocket'] },
  { transports: ['polling'] },
  {},
];

/** Clients, each in the rooms of one string: `ab` is in a and b. */
function people(...rooms: readonly string[]): Promise<readonly Socket[]> {
  return Promise.all(
    rooms.map(async (all, index) => {
      const client = await open(WAYS[index % WAYS.length]);
      for (const room of all) await client.emitWithAck('join', room);
      return client;
    }),
  );
}

/** Everything each hears until `end`, which is emitted to all. */
async function heardUntilEnd(
  all: readonly Socket[],
  emitter: Emitter,
  say: () => Promise<unknown>,
) {
  const heard = all.map((client) => {
    const events: unknown[][] = [];
    client.onAny((...event: unknown[]) => void events.push(event));
    return { events, end: new Promise<void>((resolve) => client.once('end', () => resolve())) };
  });
  await say();
  await emitter.emit('end');
  await Promise.all(heard.map(({ end }) => end));
  for (const client of all) client.offAny();
  return heard.map(({ events }) => events.filter(([name]) => name !== 'end'));
}

const EMITTERS: readonly (readonly [string, (port: number) => Emitter])[] = [
  ['in process', () => broker.emitter],
  ['by HTTP', (port) => emitterByHttp(`http://127.0.0.1:${port}`)],
];

describe.each(EMITTERS)('%s', (_name, make) => {
  let emitter: Emitter;
  beforeEach(async () => {
    broker = await startBroker({ port: 0, memory: true });
    emitter = make(broker.port);
  });
  afterEach(async () => {
    await afterwards();
    await broker.close();
  });

  test('everybody hears what is emitted to nobody in particular, once', async () => {
    const all = await people('a', 'ab', '');
    const heard = await heardUntilEnd(all, emitter, () => emitter.emit('news', 1, { b: [2] }));
    expect(heard).toEqual(all.map(() => [['news', 1, { b: [2] }]]));
  });

  test('a room hears it in order, and nobody else', async () => {
    const all = await people('a', 'b', 'a');
    const say = async () => {
      for (let n = 0; n < 20; n++) await emitter.to('a').emit('count', n);
    };
    const counted = all
      .slice(0, 1)
      .concat(all.slice(2))
      .map(
        (client) =>
          new Promise<number[]>((resolve) => {
            const got: number[] = [];
            client.on('count', (n: number) => got.push(n) === 20 && resolve(got));
          }),
      );
    const [, others] = await heardUntilEnd(all, emitter, say);
    const expected = Array.from({ length: 20 }, (_, n) => n);
    expect(await Promise.all(counted)).toEqual([expected, expected]);
    expect(others).toEqual([]);
  });

  test('a union is one copy each, but for those excepted', async () => {
    const all = await people('a', 'b', 'ab', 'abc', 'c', '');
    const to = emitter.to('a').to(['b']).except('c');
    const heard = await heardUntilEnd(all, emitter, () => to.emit('hi'));
    expect(heard.map((events) => events.length)).toEqual([1, 1, 1, 0, 0, 0]);
  });

  test('a socket.id is a room of its own, and may be excepted', async () => {
    const [ann, bob, cid] = await people('a', 'a', 'a');
    if (!ann || !bob || !cid) throw new Error('three are wanted');
    const all = [ann, bob, cid];
    const one = await heardUntilEnd(all, emitter, () => emitter.to(ann.id ?? '').emit('you'));
    expect(one.map((events) => events.length)).toEqual([1, 0, 0]);
    const not = emitter.in('a').except(bob.id ?? '');
    const others = await heardUntilEnd(all, emitter, () => not.emit('they'));
    expect(others.map((events) => events.length)).toEqual([1, 0, 1]);
  });

  test('octets anywhere in the arguments arrive as octets', async () => {
    const [client] = await people('a');
    const values = [Buffer.from([0, 30, 255]), { deep: [Buffer.from('x')] }, 'text'];
    const heard = new Promise((resolve) => client?.once('file', (...all) => resolve(all)));
    await emitter.to('a').emit('file', ...values);
    expect(await heard).toEqual([...values, expect.stringMatching(/^\w+:\d+$/)]);
  });

  test('answers of all are gathered; who does not answer is told of', async () => {
    const [ann, bob] = await people('a', 'a');
    ann?.on('ask', (n: number, answer) => answer(n + 1));
    bob?.on('ask', (n: number, answer) => answer(n + 2));
    const answers = await emitter.to('a').emitWithAck('ask', 1);
    expect([...answers].sort()).toEqual([2, 3]);
    bob?.off('ask');
    const short = emitter.to('a').timeout(200).emitWithAck('ask', 1);
    await expect(short).rejects.toMatchObject({
      message: '1 of 2 clients have not answered in time',
      responses: [2],
    });
  });

  test('volatile reaches sockets, and leaves nothing for who polls', async () => {
    const socket = await open({ transports: ['websocket'] });
    const polls = await open({ transports: ['polling'] });
    const heard = await heardUntilEnd([socket, polls], emitter, () => emitter.volatile.emit('now'));
    expect(heard.map((events) => events.length)).toEqual([1, 0]);
  });

  test('sockets are told of, made to join and leave, and sent away', async () => {
    const [ann, bob] = await people('a', 'b');
    if (!ann || !bob) throw new Error('two are wanted');
    const ids = (sockets: readonly { id: string }[]) => sockets.map(({ id }) => id).sort();
    expect(ids(await emitter.fetchSockets())).toEqual([ann.id, bob.id].sort());
    expect(await emitter.in('a').fetchSockets()).toEqual([{ id: ann.id, rooms: ['a'] }]);
    await emitter.in('b').socketsJoin(['a', 'c']);
    const both = await heardUntilEnd([ann, bob], emitter, () => emitter.to(['a', 'c']).emit('x'));
    expect(both.map((events) => events.length)).toEqual([1, 1]);
    expect(await bob.emitWithAck('message', 'c', 'I am in')).toEqual({ ok: true });
    await emitter.in('a').socketsLeave('a');
    expect(await emitter.in('a').fetchSockets()).toEqual([]);
    const gone = new Promise((resolve) => bob.once('disconnect', resolve));
    await emitter.in('c').disconnectSockets();
    expect(await gone).toBe('io server disconnect');
    expect(ann.connected).toBe(true);
  });

  test('who has left is not told of', async () => {
    const [ann, bob] = await people('a', 'a');
    bob?.disconnect();
    await ann?.emitWithAck('message', 'a', 'behind it');
    const ids = (await emitter.fetchSockets()).map(({ id }) => id);
    expect(ids).toContain(ann?.id);
  });

  test('what could not be said to anybody is refused in words', async () => {
    await expect(emitter.to('a/b').emit('x')).rejects.toThrow('/room/a/b names no room');
    await people('c');
    await expect(emitter.in('c').socketsJoin('*')).rejects.toThrow('/room/* names no room');
    for (const target of [emitter, emitter.to('c')]) {
      const large = 'x'.repeat(120 * 1024);
      await expect(target.emit('large', large)).rejects.toThrow('The event has');
    }
  });

  test('names that mean something to clients by themselves are refused', async () => {
    await expect(emitter.emit('disconnect')).rejects.toThrow('reserved');
  });

  test('a room’s other protocols hear a message', async () => {
    const stomp = new WebSocket(`ws://127.0.0.1:${broker.port}/ws`);
    const heard = new Promise<Record<string, unknown>>((resolve) => {
      stomp.on('open', () => stomp.send('{"subscribe":"/room/a"}'));
      stomp.on('message', (text) => {
        const said = JSON.parse(String(text));
        if (said.command === 'RECEIPT') void emitter.to('a').emit('news', 'x', 2);
        if (said.command === 'MESSAGE') resolve(said);
      });
    });
    expect(await heard).toMatchObject({
      destination: '/room/a',
      'socketio-event': 'news',
      body: ['x', 2],
    });
    stomp.terminate();
  });

  test('no client can say events in the emitter’s name', async () => {
    const [ann, bob] = await people('a', 'a');
    const heard = new Promise((resolve) => bob?.onAny((...all) => resolve(all)));
    await ann?.emitWithAck('send', '/room/a', ['x'], { 'socketio-event': 'news' });
    expect(await heard).toMatchObject(['message', 'a', ['x'], expect.any(String)]);
  });

  test('what one room was told while a client was lost is told to it when it is back', async () => {
    const client = await open();
    await client.emitWithAck('join', 'a');
    const news: unknown[] = [];
    client.on('news', (n) => news.push(n));
    client.io.reconnection(false);
    const lost = new Promise<void>((resolve) => client.once('disconnect', () => resolve()));
    client.io.engine.close();
    await lost;
    await emitter.to('a').emit('news', 1);
    const back = new Promise<void>((resolve) => client.once('connect', () => resolve()));
    const told = new Promise<void>((resolve) => client.once('news', () => resolve()));
    client.connect();
    await back;
    if (client.recovered) await told;
    expect(news).toEqual(client.recovered ? [1] : []);
  });
});

test('by HTTP nobody but programs of this machine may emit', async () => {
  broker = await startBroker({ port: 0, memory: true });
  const url = `http://127.0.0.1:${broker.port}/@emitter`;
  const ask = async (headers: Record<string, string>, body = '{}') =>
    (await fetch(url, { method: 'POST', headers, body })).status;
  expect(await ask({ origin: 'https://evil.example' })).toBe(403);
  expect(await ask({ 'x-forwarded-for': '1.2.3.4' })).toBe(403);
  expect(await ask({})).toBe(400);
  expect(await ask({}, '{"type":"emit"')).toBe(400);
  expect(await ask({}, JSON.stringify({ type: 'emit', target: {} }))).toBe(400);
  await broker.close();
});

test('by HTTP what names no room is refused in words, and is no fault of the broker’s', async () => {
  const errors: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (event: string) => void errors.push(event),
  };
  broker = await startBroker({ port: 0, memory: true, log });
  const url = `http://127.0.0.1:${broker.port}`;
  const emitter = emitterByHttp(url);
  await expect(emitter.to('x'.repeat(600)).emit('hi')).rejects.toThrow(/answered 400: .*512/);
  expect(errors).toEqual([]);
  await broker.close();
});

test('by HTTP an operation too large is refused, and holds up none behind it', async () => {
  broker = await startBroker({ port: 0, memory: true });
  const emitter = emitterByHttp(`http://127.0.0.1:${broker.port}`);
  const large = 'x'.repeat(2_000_000);
  for (let round = 0; round < 3; round += 1) {
    await expect(emitter.emit('large', large)).rejects.toThrow('octets at most');
    expect(await emitter.fetchSockets()).toEqual([]);
  }
  await broker.close();
});
