/** socket.io-client 4.8 as it comes, against the broker: only the URL is changed. */
import { once } from 'node:events';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { WebSocket, WebSocketServer } from 'ws';
import { type Broker, startBroker } from '../../local/broker.ts';
import { brokenProxy } from './broken-proxy.ts';
import { heard } from './heard.ts';
import { leaveAll } from './leave.ts';

let broker: Broker;
const clients: Socket[] = [];
const leave = (): Promise<void> => leaveAll(clients);
afterEach(leave);

type Options = Partial<ManagerOptions & SocketOptions>;

function make(options: Options = {}, at: { readonly port: number } = broker, path = ''): Socket {
  const client = io(`http://127.0.0.1:${at.port}${path}`, { forceNew: true, ...options });
  clients.push(client);
  return client;
}

/** Rejects with what the server says against it. */
function connected(client: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('connect_error', reject);
  });
}

async function open(options: Options = {}, at: { readonly port: number } = broker) {
  return connected(make(options, at));
}

function upgraded(client: Socket): Promise<void> {
  const { engine } = client.io;
  if (engine.transport.name === 'websocket') return Promise.resolve();
  return new Promise((resolve) => engine.once('upgrade', () => resolve()));
}

/** The arguments of each `event`, in order; a room's message ends with its position. */
function listen(client: Socket, event: string) {
  const all = heard<readonly unknown[]>();
  client.on(event, (...values: unknown[]) => {
    const positioned = event === 'message' && /^\w+:\d+$/.test(String(values[2]));
    all.push(positioned ? values.slice(0, 2) : values);
  });
  return async () => (await all.next()).value;
}

const WAYS: readonly (readonly [string, Options])[] = [
  ['as it comes', {}],
  ['polling alone', { transports: ['polling'] }],
  ['WebSocket alone', { transports: ['websocket'] }],
];

/** `count` messages each way, beginning before the listener changes over and ending behind it. */
async function underFire(at: { readonly port: number }, count: number, ordered: boolean) {
  const speaker = await open({}, at);
  await upgraded(speaker);
  await speaker.emitWithAck('join', 'fire');
  const listener = make({}, at);
  await new Promise<void>((resolve) => listener.io.once('open', () => resolve()));
  const transports = new Set([listener.io.engine.transport.name]);
  const [told, answered]: [number[], number[]] = [[], []];
  const all = new Promise<void>((resolve) => {
    const look = () => told.length >= count && answered.length >= count && resolve();
    listener.on('message', (_room, n) => {
      told.push(n);
      look();
    });
    speaker.on('message', (_room, n) => {
      answered.push(n);
      look();
    });
  });
  const joined = listener.emitWithAck('join', 'fire', { last: count });
  for (let n = 0; n < count; n++) {
    speaker.emit('message', 'fire', n);
    listener.emit('message', 'fire', n);
    if (n === count / 2) await upgraded(listener);
    await new Promise((done) => setImmediate(done));
  }
  transports.add(listener.io.engine.transport.name);
  expect(await joined).toMatchObject({ ok: true });
  await all;
  expect([...transports]).toEqual(['polling', 'websocket']);
  // Without the queue nothing keeps the order of what one client sends.
  const inOrder = (all: number[]) => (ordered ? all : all.sort((a, b) => a - b));
  return { told: inOrder(told), answered: inOrder(answered) };
}

describe.each(['fifo', 'direct'] as const)('%s ingress', (ingress) => {
  beforeAll(async () => {
    broker = await startBroker({ port: 0, memory: true, ingress });
  });
  afterAll(() => broker.close());

  describe.each(WAYS)('%s', (_name, options) => {
    test('connects, joins, emits with an ack, and the others hear it', async () => {
      const [ann, bob] = [await open(options), await open(options)];
      const room = `kitchen ${_name}`;
      expect(await ann.emitWithAck('join', room)).toMatchObject({ ok: true });
      expect(await bob.emitWithAck('join', room)).toMatchObject({ ok: true });
      const [annHears, bobHears] = [listen(ann, 'message'), listen(bob, 'message')];
      expect(await ann.emitWithAck('message', room, { text: 'hé' })).toEqual({ ok: true });
      expect(await bobHears()).toEqual([room, { text: 'hé' }]);
      bob.emit('message', room, 'hello back');
      expect(await annHears()).toEqual([room, 'hello back']);
    });

    test('two clients chat in order, and who has left hears no more', async () => {
      const [ann, bob] = [await open(options), await open(options)];
      const room = `chat ${_name}`;
      await ann.emitWithAck('join', room);
      await bob.emitWithAck('join', room);
      const [annHears, bobHears] = [listen(ann, 'message'), listen(bob, 'message')];
      for (let n = 1; n < 20; n++) {
        ann.emit('message', room, n);
        expect(await bobHears()).toEqual([room, n]);
        bob.emit('message', room, -n);
        expect(await annHears()).toEqual([room, -n]);
      }
      await bob.emitWithAck('leave', room);
      await ann.emitWithAck('message', room, 'alone');
      await bob.emitWithAck('join', room);
      await ann.emitWithAck('message', room, 'again');
      expect(await bobHears()).toEqual([room, 'again']);
    });

    test('disconnects, connects anew, and goes on', async () => {
      const [ann, bob] = [await open(options), await open(options)];
      const room = `again ${_name}`;
      await ann.emitWithAck('join', room);
      const first = ann.id;
      ann.disconnect();
      ann.connect();
      await connected(ann);
      expect(ann.id).not.toBe(first);
      await ann.emitWithAck('join', room);
      const annHears = listen(ann, 'message');
      await bob.emitWithAck('message', room, 1);
      expect(await annHears()).toEqual([room, 1]);
    });

    test('a namespace other than / is refused in words', async () => {
      const client = make(options, broker, '/custom');
      await expect(connected(client)).rejects.toThrow('Invalid namespace');
    });

    test('any destination: subscribe, send, unsubscribe', async () => {
      const client = await open(options);
      const hears = listen(client, 'message');
      expect(await client.emitWithAck('subscribe', '/topic/a.*')).toEqual({ ok: true });
      await client.emitWithAck('send', '/topic/a.b', [1, 2], { 'x-one': 'yes' });
      expect(await hears()).toEqual([
        '/topic/a.b',
        [1, 2],
        {
          'content-type': 'application/json',
          'x-one': 'yes',
          'message-id': expect.stringMatching(/^[0-9A-Za-z-]+$/),
        },
      ]);
      expect(await client.emitWithAck('unsubscribe', '/topic/a.*')).toEqual({ ok: true });
    });
  });

  test('as it comes it polls first, and then changes over', async () => {
    const client = make();
    const names: string[] = [];
    client.io.on('open', () => names.push(client.io.engine.transport.name));
    await connected(client);
    await upgraded(client);
    names.push(client.io.engine.transport.name);
    expect(names).toEqual(['polling', 'websocket']);
  });

  test('octets over polling arrive as octets', async () => {
    const [ann, bob] = [await open({ transports: ['polling'] }), await open()];
    await bob.emitWithAck('join', 'files');
    const hears = listen(bob, 'message');
    await ann.emitWithAck('message', 'files', Buffer.from([0, 1, 254, 255]));
    expect(await hears()).toEqual(['files', Buffer.from([0, 1, 254, 255])]);
  });

  test('octets inside a value arrive there, and other protocols see them as base64', async () => {
    const [ann, bob] = [await open({ transports: ['polling'] }), await open()];
    await bob.emitWithAck('join', 'mixed');
    const hears = listen(bob, 'message');
    const json = new WebSocket(`ws://127.0.0.1:${broker.port}/ws`);
    const told = new Promise<unknown>((resolve) => {
      json.on('open', () => json.send('{"subscribe":"/room/mixed"}'));
      json.on('message', (text) => {
        const { command, body } = JSON.parse(String(text));
        if (command === 'RECEIPT') void ann.emit('message', 'mixed', value);
        if (command === 'MESSAGE') resolve(body);
      });
    });
    const value = { a: [Buffer.from([1, 255]), 'text'], b: { c: Buffer.from('é') }, n: null };
    expect(await hears()).toEqual(['mixed', value]);
    expect(await told).toEqual({
      a: [{ _octets: 'Af8=' }, 'text'],
      b: { c: { _octets: 'w6k=' } },
      n: null,
    });
    json.terminate();
  });

  test('a room joined twice is joined, and heard once', async () => {
    const [ann, bob] = [await open(), await open()];
    expect(await ann.emitWithAck('join', 'twice')).toMatchObject({ ok: true });
    expect(await ann.emitWithAck('join', 'twice')).toEqual({ ok: true });
    const hears = listen(ann, 'message');
    await bob.emitWithAck('message', 'twice', 1);
    await bob.emitWithAck('message', 'twice', 2);
    expect([await hears(), await hears()]).toEqual([
      ['twice', 1],
      ['twice', 2],
    ]);
  });

  test('what nobody answers to is refused by its ack, and else by an event', async () => {
    const client = await open();
    expect(await client.emitWithAck('launch', 1)).toMatchObject({
      ok: false,
      code: 'unknown-command',
    });
    const hears = listen(client, 'error');
    client.emit('launch');
    expect(await hears()).toMatchObject([{ code: 'unknown-command' }]);
    expect(await client.emitWithAck('join')).toMatchObject({ ok: false, code: 'header-missing' });
    expect(await client.emitWithAck('join', 'a/b')).toMatchObject({
      ok: false,
      code: 'destination-invalid',
    });
  });

  test('who watches a room hears who comes and goes', async () => {
    const [ann, bob] = [await open(), await open()];
    const hears = listen(ann, 'presence');
    await ann.emitWithAck('subscribe', '/presence/room/hall');
    expect(await hears()).toEqual(['hall', { members: [] }]);
    await bob.emitWithAck('join', 'hall');
    expect(await hears()).toMatchObject(['hall', { join: { session: bob.id } }]);
    await bob.emitWithAck('leave', 'hall');
    expect(await hears()).toMatchObject(['hall', { leave: { session: bob.id } }]);
  });

  test('a lost connection comes back by itself', async () => {
    const client = await open();
    await upgraded(client);
    const lost = new Promise((resolve) => client.once('disconnect', resolve));
    const back = new Promise<void>((resolve) => client.once('connect', () => resolve()));
    broker.gateway.cut();
    expect(await lost).toMatch(/^transport (close|error)$/);
    await back;
    expect(await client.emitWithAck('join', 'back')).toMatchObject({ ok: true });
  });

  test('1,000 messages each way during the upgrade: none lost, none twice, in order', async () => {
    const { told, answered } = await underFire(broker, 1000, ingress === 'fifo');
    const expected = Array.from({ length: 1000 }, (_, n) => n);
    expect(told).toEqual(expected);
    expect(answered).toEqual(expected);
  });

  test('requests and socket in different environments: the same', async () => {
    const other = await startBroker({ port: 0, memory: true, environments: 2, ingress });
    try {
      const { told, answered } = await underFire(other, 200, ingress === 'fifo');
      const expected = Array.from({ length: 200 }, (_, n) => n);
      expect(told).toEqual(expected);
      expect(answered).toEqual(expected);
      const polls = await open({ transports: ['polling'] }, other);
      expect(await polls.emitWithAck('join', 'x')).toMatchObject({ ok: true });
    } finally {
      await leave();
      await other.close();
    }
  });

  test('where WebSockets are blocked the client stays on polling, and chats', async () => {
    const proxy = await brokenProxy(`http://127.0.0.1:${broker.port}`);
    try {
      const at = { port: Number(new URL(proxy.url).port) };
      const [ann, bob] = [await open({}, at), await open()];
      await ann.emitWithAck('join', 'blocked');
      const hears = listen(ann, 'message');
      await bob.emitWithAck('message', 'blocked', 1);
      expect(await hears()).toEqual(['blocked', 1]);
      expect(proxy.seen.some((path) => path.includes('transport=websocket'))).toBe(true);
      expect(ann.io.engine.transport.name).toBe('polling');
      ann.disconnect();
    } finally {
      proxy.stop();
    }
  });

  test('where a WebSocket opens and then hangs the client stays on polling, and chats', async () => {
    const mute = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(mute, 'listening');
    const { port } = Object(mute.address());
    try {
      const options = { transportOptions: { websocket: { port } } };
      const reached = once(mute, 'connection');
      const [ann, bob] = [await open(options), await open()];
      await reached;
      await ann.emitWithAck('join', 'hung');
      const hears = listen(ann, 'message');
      for (let n = 0; n < 5; n++) {
        await bob.emitWithAck('message', 'hung', n);
        expect(await hears()).toEqual(['hung', n]);
      }
      expect(ann.io.engine.transport.name).toBe('polling');
      ann.disconnect();
    } finally {
      for (const ws of mute.clients) ws.terminate();
      mute.close();
    }
  });

  test('50 clients in one room over mixed transports: each hears each of the others once', async () => {
    const people = await Promise.all(
      Array.from({ length: 50 }, (_, n) => open(WAYS[n % WAYS.length]?.[1])),
    );
    await Promise.all(people.map((one) => one.emitWithAck('join', 'hall of fifty')));
    const heardBy = people.map((person) => {
      const from: number[] = [];
      const all = new Promise<void>((resolve) => {
        person.on('message', (_room, n) => {
          from.push(n);
          if (from.length === 49) resolve();
        });
      });
      return { from, all };
    });
    people.forEach((person, n) => void person.emit('message', 'hall of fifty', n));
    await Promise.all(heardBy.map(({ all }) => all));
    for (const [n, { from }] of heardBy.entries()) {
      const others = Array.from({ length: 50 }, (_, other) => other).filter((other) => other !== n);
      expect([...from].sort((a, b) => a - b)).toEqual(others);
    }
  });
});

describe('what the gateway cannot do', () => {
  const start = async (ingress: 'fifo' | 'direct') => {
    broker = await startBroker({ port: 0, memory: true, ingress });
  };
  afterEach(async () => {
    await leave();
    await broker.close();
  });

  test('octets over a WebSocket that is told to send base64, too', async () => {
    await start('fifo');
    const ann = await open({ transports: ['websocket'], forceBase64: true });
    const bob = await open({ transports: ['websocket'] });
    await bob.emitWithAck('join', 'files2');
    const hears = listen(bob, 'message');
    await ann.emitWithAck('message', 'files2', Buffer.from([0, 1, 254, 255]));
    expect(await hears()).toEqual(['files2', Buffer.from([0, 1, 254, 255])]);
  });

  test('with direct ingress they are refused in words, and the client comes back', async () => {
    await start('direct');
    const client = await open({ transports: ['websocket'], forceBase64: true });
    const errors = listen(client, 'error');
    const lost = new Promise((resolve) => client.once('disconnect', resolve));
    client.emit('message', 'files', Buffer.from([1]));
    expect(await errors()).toMatchObject([{ message: 'The frame is not whole' }]);
    await lost;
    client.connect();
    await connected(client);
    expect(await client.emitWithAck('join', 'files')).toMatchObject({ ok: true });
  });

  test('a binary frame ends the connection, and the client comes back by itself', async () => {
    await start('fifo');
    const client = await open({ transports: ['websocket'] });
    const lost = new Promise((resolve) => client.once('disconnect', resolve));
    const back = new Promise<void>((resolve) => client.io.once('reconnect', () => resolve()));
    client.emit('message', 'files', Buffer.from([1]));
    expect(await lost).toBe('transport close');
    await back;
    expect(await client.emitWithAck('join', 'files')).toMatchObject({ ok: true });
  });

  test('a frame over 32 KB ends the connection; by polling it arrives', async () => {
    await start('fifo');
    const large = 'x'.repeat(40_000);
    const client = await open({ transports: ['websocket'] });
    const lost = new Promise((resolve) => client.once('disconnect', resolve));
    const back = new Promise<void>((resolve) => client.io.once('reconnect', () => resolve()));
    client.emit('message', 'files', large);
    expect(await lost).toBe('transport close');
    await back;
    const polls = await open({ transports: ['polling'] });
    const hears = await open({ transports: ['polling'] });
    await hears.emitWithAck('join', 'large');
    const heardBy = listen(hears, 'message');
    await polls.emitWithAck('message', 'large', large);
    expect(await heardBy()).toEqual(['large', large]);
  });
});
