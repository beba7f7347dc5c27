/** Bans, ends of tokens and an operator's hand, over real sockets and by the clock on the wall. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { type Talker, talk } from './talker.ts';
import { settings, tokenFor } from './tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const KEY = 'the-key-of-an-administrator-long-and-random';
const ALL = [
  { pattern: '/**', actions: ['subscribe', 'publish', 'history', 'presence', 'consume'] },
];
const brokers: Broker[] = [];
const talkers: Talker[] = [];

afterEach(async () => {
  for (const { ws } of talkers.splice(0)) ws.terminate();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

async function serve(more: Partial<BrokerOptions> = {}) {
  const identity = await settings({}, ALL);
  const security = {
    // A thread does not see what a test writes into its environment.
    identity: { ...identity, tokens: identity.tokens.slice(more.environments ? 1 : 0) },
    administration: [createHash('sha256').update(KEY).digest('hex')],
  };
  const broker = await startBroker({ port: 0, memory: true, log: SILENT, security, ...more });
  brokers.push(broker);
  return { ws: `ws://127.0.0.1:${broker.port}/ws`, http: `http://127.0.0.1:${broker.port}` };
}

async function enter(url: string, token: string): Promise<Talker> {
  const talker = await talk(`${url}?token=${token}`, { protocols: ['json.stompway'] });
  talkers.push(talker);
  return talker;
}

async function subscribed(url: string, token: string, destination: string): Promise<Talker> {
  const talker = await enter(url, token);
  talker.ws.send(JSON.stringify({ subscribe: destination }));
  await talker.until('RECEIPT');
  return talker;
}

async function administer(base: string, method: string, path: string, body?: string) {
  const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'text/plain' };
  const response = await fetch(base + path, { method, headers, ...(body ? { body } : {}) });
  return { status: response.status, json: JSON.parse(await response.text()) };
}

const messages = ({ heard }: Talker) => heard.filter((text) => text.includes('"MESSAGE"')).length;

test.each(['/topic/a', '/room/a'])(
  'a banned user’s 100 subscribers of %s are gone within 2 s, and hear nothing published later',
  async (destination) => {
    const { ws, http } = await serve();
    const token = await tokenFor('bad');
    const bad = await Promise.all(
      Array.from({ length: 100 }, () => subscribed(ws, token, destination)),
    );
    const good = await subscribed(ws, await tokenFor('good'), destination);
    good.ws.send(JSON.stringify({ send: destination, body: 'before' }));
    await Promise.all([...bad, good].map((one) => one.until('before')));
    const began = Date.now();
    const { json } = await administer(http, 'DELETE', '/users/bad?ban=1h');
    expect(json).toEqual({ ended: 100 });
    good.ws.send(JSON.stringify({ send: destination, body: 'after' }));
    await good.until('after');
    await Promise.all(bad.map(({ closed }) => closed));
    expect(Date.now() - began).toBeLessThan(2000);
    for (const one of bad) {
      expect(messages(one)).toBe(1);
      expect(one.heard.at(-1)).toContain('"code":"unauthenticated"');
    }
    await expect(enter(ws, token)).rejects.toThrow('HTTP 401');
    await administer(http, 'DELETE', '/users/bad?ban=off');
    await enter(ws, token);
  },
);

test('a ban by another process counts at the next delivery within 2 s', async () => {
  const { ws, http } = await serve({ environments: 2 });
  const tokenNamed = (jti: string) => tokenFor('ann', { jti }, 600, 'ES256');
  const bad = await subscribed(ws, await tokenNamed('stolen'), '/topic/a');
  const good = await subscribed(ws, await tokenNamed('mine'), '/topic/a');
  await administer(http, 'DELETE', '/tokens/stolen');
  await bad.closed;
  good.ws.send(JSON.stringify({ send: '/topic/a', body: 'after' }));
  await good.until('after');
  expect(messages(bad)).toBe(0);
});

test('the end of a token ends its connection, in words, and a fresh one in time does not', async () => {
  const { ws } = await serve();
  const short = await subscribed(ws, await tokenFor('ann', {}, 2), '/topic/a');
  const renewed = await subscribed(ws, await tokenFor('bob', {}, 2), '/topic/a');
  renewed.ws.send(JSON.stringify({ connect: true, passcode: await tokenFor('bob'), receipt: 'r' }));
  await renewed.until('"receipt-id":"r"');
  await short.closed;
  expect(short.heard.at(-1)).toContain('The token has expired');
  renewed.ws.send(JSON.stringify({ send: '/topic/a', body: 'after' }));
  await renewed.until('after');
  expect(messages(short)).toBe(0);
});

test('whoever does not connect in time is told so, and closed', async () => {
  const { ws } = await serve({ limits: { connectSecondsMax: 1 } });
  const silent = await talk(ws, { protocols: ['v12.stomp'] });
  talkers.push(silent);
  await silent.closed;
  expect(silent.heard.join('')).toContain('Nobody has connected in time');
});

test('connected users by hand: list, a word, the end of one, and nothing without the key', async () => {
  const { ws, http } = await serve();
  const ann = await subscribed(ws, await tokenFor('ann'), '/user/queue/x');
  const bob = await subscribed(ws, await tokenFor('bob'), '/topic/a');
  const { json } = await administer(http, 'GET', '/connections');
  expect(json.connections.map(({ user }: { user: string }) => user).sort()).toEqual(['ann', 'bob']);
  const heard = await administer(http, 'GET', '/connections?destination=/topic/a');
  expect(heard.json.connections).toMatchObject([{ user: 'bob', dialect: 'json' }]);
  const mine = await administer(http, 'GET', '/connections?user=ann');
  expect(mine.json.connections).toHaveLength(1);
  await administer(http, 'POST', '/users/ann/queue/x', 'hello');
  expect(await ann.until('hello')).toContain('"MESSAGE"');
  const { id } = heard.json.connections[0];
  const ended = await administer(http, 'DELETE', `/connections/${encodeURIComponent(id)}`);
  expect(ended.json).toEqual({ ended: 1 });
  await bob.closed;
  expect((await administer(http, 'DELETE', '/connections/nobody')).status).toBe(404);
  for (const headers of [{}, { Authorization: 'Bearer wrong' }]) {
    expect((await fetch(`${http}/connections`, { headers })).status).toBe(401);
  }
});

test('npm run admin does the same', async () => {
  const { ws, http } = await serve();
  const ann = await subscribed(ws, await tokenFor('ann'), '/user/queue/x');
  const run = (...args: string[]) =>
    new Promise<{ status: number; stdout: string }>((resolve) => {
      const child = spawn(process.execPath, ['--import', 'tsx', 'local/admin.ts', ...args], {
        env: { ...process.env, STOMPWAY_URL: http, STOMPWAY_ADMIN_KEY: KEY },
      });
      let stdout = '';
      child.stdout.on('data', (chunk) => {
        stdout += String(chunk);
      });
      child.on('close', (status) => resolve({ status: status ?? 1, stdout }));
    });
  expect(JSON.parse((await run('list', '--user', 'ann')).stdout).connections).toHaveLength(1);
  expect((await run('send', 'ann', 'queue/x', 'hello', 'you')).status).toBe(0);
  await ann.until('hello you');
  expect(JSON.parse((await run('ban', 'ann', '1h')).stdout)).toEqual({ ended: 1 });
  await ann.closed;
  expect((await run('dance')).status).toBe(2);
});
