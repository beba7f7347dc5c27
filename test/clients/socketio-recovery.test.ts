/** Connection state recovery: a lost client goes on as if nothing had been, or begins anew. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { opened } from '../engineio/peer.ts';
import { leaveAll } from './leave.ts';

let broker: Broker;
const clients: Socket[] = [];
const folders: string[] = [];
afterEach(async () => {
  await leaveAll(clients);
  await broker.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await startBroker({ port: 0, memory: true, ...options });
}

function open(options: Partial<ManagerOptions & SocketOptions> = {}): Promise<Socket> {
  const client = io(`http://127.0.0.1:${broker.port}`, {
    forceNew: true,
    reconnectionDelay: 50,
    ...options,
  });
  clients.push(client);
  return connected(client);
}

function connected(client: Socket): Promise<Socket> {
  return new Promise((resolve) => client.once('connect', () => resolve(client)));
}

async function say(room: string, text: string): Promise<void> {
  const url = `http://127.0.0.1:${broker.port}/room/${room}`;
  const headers = { 'content-type': 'text/plain' };
  expect((await fetch(url, { method: 'POST', body: text, headers })).ok).toBe(true);
}

/** What it hears in rooms, and a promise of the n-th. */
function hearing(client: Socket) {
  const all: string[] = [];
  const waits: { count: number; done: () => void }[] = [];
  client.on('message', (room, text) => {
    all.push(`${room}: ${text}`);
    for (const { count, done } of waits) if (all.length >= count) done();
  });
  const heard = (count: number) =>
    all.length >= count
      ? Promise.resolve()
      : new Promise<void>((done) => waits.push({ count, done }));
  return { all, heard };
}

/** Cuts it, says what it shall miss, and has it come back. */
async function away(client: Socket, meanwhile: () => Promise<void>): Promise<void> {
  client.io.reconnection(false);
  const lost = new Promise<void>((resolve) => client.once('disconnect', () => resolve()));
  client.io.engine.close();
  await lost;
  await meanwhile();
  client.io.reconnection(true);
  client.connect();
  await connected(client);
}

const WAYS: readonly (readonly [string, Partial<ManagerOptions>])[] = [
  ['as it comes', {}],
  ['polling alone', { transports: ['polling'] }],
  ['WebSocket alone', { transports: ['websocket'] }],
];

describe.each(WAYS)('%s', (_name, options) => {
  test.each(['fifo', 'direct'] as const)(
    '%s: what was missed comes once, in order',
    async (ingress) => {
      await start({ ingress });
      const client = await open(options);
      const { all, heard } = hearing(client);
      await client.emitWithAck('join', 'a');
      await say('a', 'before');
      await heard(1);
      const { id } = client;
      await away(client, async () => {
        await say('a', 'one');
        await say('a', 'two');
      });
      expect([client.recovered, client.id]).toEqual([true, id]);
      await say('a', 'after');
      await heard(4);
      expect(all).toEqual(['a: before', 'a: one', 'a: two', 'a: after']);
      expect(await client.emitWithAck('message', 'a', 'mine')).toEqual({ ok: true });
      expect(await client.emitWithAck('leave', 'a')).toEqual({ ok: true });
    },
  );
});

test('it may be lost again and again', async () => {
  await start();
  const client = await open();
  const { all, heard } = hearing(client);
  await client.emitWithAck('join', 'a');
  await say('a', '0');
  await heard(1);
  for (let round = 1; round < 4; round++) {
    await away(client, () => say('a', String(round)));
    expect(client.recovered).toBe(true);
    await heard(round + 1);
  }
  expect(all).toEqual(['a: 0', 'a: 1', 'a: 2', 'a: 3']);
});

test('rooms in which nothing was said before the loss are gone on with, too', async () => {
  await start({ limits: { presenceGraceSeconds: 0.05 } });
  const [client, watcher] = [await open(), await open()];
  const { all, heard } = hearing(client);
  await say('quiet', 'before it came');
  await client.emitWithAck('join', 'a');
  await client.emitWithAck('join', 'quiet');
  await say('a', '1');
  await heard(1);
  // What is said before the loss is noticed may have been heard or not.
  const noticed = new Promise<void>((resolve) =>
    watcher.on('presence', (_room, { leave }) => leave && resolve()),
  );
  await watcher.emitWithAck('subscribe', '/presence/room/quiet');
  await away(client, async () => {
    await noticed;
    await say('quiet', '2');
    await say('a', '3');
  });
  expect(client.recovered).toBe(true);
  await heard(3);
  expect([...all].sort()).toEqual(['a: 1', 'a: 3', 'quiet: 2']);
});

describe('never in part: it begins anew', () => {
  /** Lost, and back without its rooms. */
  async function anew(client: Socket, meanwhile: () => Promise<void>): Promise<void> {
    const { id } = client;
    await away(client, meanwhile);
    expect(client.recovered).toBe(false);
    expect(client.id).not.toBe(id);
    const { all } = hearing(client);
    // Whatever is behind it would have come before its answer.
    await client.emitWithAck('join', 'other');
    expect(all).toEqual([]);
  }

  test('when two of its rooms had been talking', async () => {
    await start();
    const client = await open();
    const { heard } = hearing(client);
    await client.emitWithAck('join', 'a');
    await client.emitWithAck('join', 'b');
    await say('a', '1');
    await heard(1);
    await say('b', '1');
    await heard(2);
    await anew(client, () => say('a', '2'));
  });

  test('when it had asked a room for its past', async () => {
    await start();
    const client = await open();
    const { heard } = hearing(client);
    await say('b', 'old');
    await client.emitWithAck('join', 'a');
    await client.emitWithAck('join', 'b', { last: 1 });
    await say('a', '1');
    await heard(2);
    await anew(client, () => say('a', '2'));
  });

  test('when it heard what no log keeps', async () => {
    await start();
    const client = await open();
    await client.emitWithAck('join', 'a');
    await client.emitWithAck('subscribe', '/topic/passing');
    await anew(client, () => say('a', '1'));
  });

  test('when the room no longer has all of it', async () => {
    await start({ rules: [{ pattern: '/room/short', history: { count: 2 } }] });
    const client = await open();
    const { heard } = hearing(client);
    await client.emitWithAck('join', 'short');
    await say('short', '0');
    await heard(1);
    await anew(client, async () => {
      for (const text of ['1', '2', '3']) await say('short', text);
    });
  });

  test('when its time is over', async () => {
    await start({ limits: { recoverySeconds: 0.05 } });
    const client = await open();
    await client.emitWithAck('join', 'a');
    await anew(client, () => new Promise((resolve) => setTimeout(resolve, 80)));
  });

  test('when it had left by itself', async () => {
    await start();
    const client = await open();
    await client.emitWithAck('join', 'a');
    const { id } = client;
    client.disconnect();
    client.connect();
    await connected(client);
    expect([client.recovered, client.id === id]).toEqual([false, false]);
  });
});

test('who knows the sid but not the secret begins anew, and harms nobody', async () => {
  await start();
  const client = await open();
  const { all, heard } = hearing(client);
  await client.emitWithAck('join', 'a');
  const thief = await opened({ url: `http://127.0.0.1:${broker.port}/socket.io/` });
  thief.ws.send(`40{"pid":"${client.id}.00000000-0000-0000-0000-000000000000","offset":"x:0"}`);
  expect(await thief.next()).not.toContain(client.id);
  await say('a', '1');
  await heard(1);
  expect(all).toEqual(['a: 1']);
  thief.ws.close();
});

test('whoever comes back before the loss was noticed takes over, and the old socket is closed', async () => {
  await start();
  const target = { url: `http://127.0.0.1:${broker.port}/socket.io/` };
  const first = await opened(target);
  first.ws.send('40');
  const { sid, pid } = JSON.parse(String(await first.next()).slice(2));
  first.ws.send('420["join","a"]');
  expect(await first.next()).toMatch(/^430\[\{"ok":true/);
  await say('a', '1');
  const [, , , offset] = JSON.parse(String(await first.next()).slice(2)).toSpliced(0, 0);
  const second = await opened(target);
  second.ws.send(`40${JSON.stringify({ pid, offset })}`);
  expect(JSON.parse(String(await second.next()).slice(2))).toEqual({ sid, pid });
  await first.closed;
  await say('a', '2');
  expect(await second.next()).toMatch(/^42\["message","a","2",/);
  second.ws.close();
});

test('a pid longer than any key of the store is nobody’s, and begins anew', async () => {
  const data = await mkdtemp(join(tmpdir(), 'recovery-'));
  folders.push(data);
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (event: string) => void errors.push(event),
  };
  await start({ memory: false, data, log });
  const peer = await opened({ url: `http://127.0.0.1:${broker.port}/socket.io/` });
  peer.ws.send(`40${JSON.stringify({ pid: `${'x'.repeat(5000)}.y`, offset: 'a:1' })}`);
  expect(JSON.parse(String(await peer.next()).slice(2))).toHaveProperty('pid');
  peer.ws.close();
  expect(errors).toEqual([]);
});
