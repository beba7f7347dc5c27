/** Durable subscriptions as an administrator sees them, over HTTP and by `npm run admin`. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '../../local/broker.ts';
import { openPeer, type Peer } from '../template/stomp-client.ts';

const KEY = 'the-key-of-an-administrator-long-and-random';
const folder = mkdtempSync(join(tmpdir(), 'stompway-durables-'));
const security = { administration: [createHash('sha256').update(KEY).digest('hex')] };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function enter({ port }: Broker, name: string): Promise<Peer> {
  const peer = await openPeer(`ws://127.0.0.1:${port}/ws`, ['v12.stomp'], 20_000);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'test', 'client-id': name });
  expect((await peer.frame()).command).toBe('CONNECTED');
  return peer;
}

/** Resolves with the answer to a frame that asked for one. */
async function settled(peer: Peer, command: string, headers: Record<string, string>, body = '') {
  peer.send(command, { ...headers, receipt: 'r' }, body);
  for (;;) {
    const frame = await peer.frame();
    if (frame.command === 'RECEIPT') return frame;
  }
}

async function ask({ port }: Broker, query: string, key = KEY) {
  const url = `http://127.0.0.1:${port}/durables${query}`;
  const response = await fetch(url, { headers: { Authorization: `Bearer ${key}` } });
  return { status: response.status, text: await response.text() };
}

test.each([
  ['memory', { memory: true }],
  ['LMDB', { memory: false, data: folder }],
])('%s: where a client’s durable subscriptions stand, there or away', async (_, store) => {
  const broker = await startBroker({ port: 0, security, ...store });
  try {
    const ann = await enter(broker, 'ann');
    const durable = { id: 'd', destination: '/room/x', durable: 'true' };
    const { headers } = await settled(ann, 'SUBSCRIBE', durable);
    await settled(ann, 'DISCONNECT', {});
    const bob = await enter(broker, 'bob');
    for (const body of ['1', '2']) {
      await settled(bob, 'SEND', { destination: '/room/x' }, body);
    }
    const listed = await ask(broker, '?client-id=ann');
    expect(listed.status).toBe(200);
    const position = headers['position'];
    expect(JSON.parse(listed.text)).toEqual({
      durables: [{ destination: '/room/x', subscription: 'd', position, behind: 2 }],
    });
    expect(JSON.parse((await ask(broker, '?client-id=bob')).text)).toEqual({ durables: [] });
    expect((await ask(broker, '')).text).toContain('Whose durable subscriptions?');
    expect((await ask(broker, '?client-id=ann', 'wrong')).status).toBe(401);
    bob.close();
  } finally {
    await broker.close();
  }
});

test('npm run admin -- durables tells the same', async () => {
  const broker = await startBroker({ port: 0, memory: true, security });
  try {
    const ann = await enter(broker, 'ann & bob');
    await settled(ann, 'SUBSCRIBE', { id: 'd', destination: '/room/x', durable: 'true' });
    ann.close();
    const args = ['--import', 'tsx', 'local/admin.ts', 'durables', 'ann & bob'];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        STOMPWAY_URL: `http://127.0.0.1:${broker.port}`,
        STOMPWAY_ADMIN_KEY: KEY,
      },
    });
    let told = '';
    child.stdout.on('data', (some: Buffer) => {
      told += some;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    expect(JSON.parse(told).durables).toMatchObject([{ destination: '/room/x', behind: 0 }]);
  } finally {
    await broker.close();
  }
}, 30_000);
