/** What one client or one user may try to take: each bounded, and answered. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { type Broker, startBroker } from '../../local/broker.ts';
import { talk } from './talker.ts';
import { settings, tokenFor } from './tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALL = [
  { pattern: '/**', actions: ['subscribe', 'publish', 'history', 'presence', 'consume'] },
];
const brokers: Broker[] = [];
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

async function serve(connectionsPerUser?: number): Promise<Broker> {
  const security = {
    identity: await settings({}, ALL),
    ...(connectionsPerUser === undefined ? {} : { limits: { connectionsPerUser } }),
  };
  const gateway = { connectsPerSecond: 5_000 };
  const broker = await startBroker({ port: 0, memory: true, log: SILENT, security, gateway });
  brokers.push(broker);
  return broker;
}

const url = ({ port }: Broker, token: string) => `ws://127.0.0.1:${port}/ws?token=${token}`;

test('1,000 connections of one user: as many as he may have, the others are told 429', async () => {
  const broker = await serve(50);
  const token = await tokenFor('many');
  const outcomes: string[] = [];
  const open: Awaited<ReturnType<typeof talk>>[] = [];
  for (let round = 0; round < 50; round++) {
    const tried = Array.from({ length: 20 }, () =>
      talk(url(broker, token)).then(
        (talker) => {
          open.push(talker);
          outcomes.push('in');
        },
        (cause: Error) => void outcomes.push(cause.message),
      ),
    );
    await Promise.all(tried);
  }
  expect(new Set(outcomes)).toEqual(new Set(['in', 'HTTP 429']));
  // Those that begin at one moment do not see each other yet.
  expect(open.length).toBeGreaterThanOrEqual(50);
  expect(open.length).toBeLessThan(50 + 20);
  (await talk(url(broker, await tokenFor('other')))).ws.terminate();
  for (const { ws } of open) ws.terminate();
});

test('10,000 subscriptions: a hundred stand, then the connection ends in words', async () => {
  const broker = await serve();
  const talker = await talk(url(broker, await tokenFor('greedy')), {
    protocols: ['json.stompway'],
  });
  for (let n = 0; n < 10_000; n++) talker.ws.send(`{"subscribe":"/topic/a${n}","id":"s${n}"}`);
  await talker.closed;
  expect(talker.heard.filter((text) => text.includes('RECEIPT')).length).toBeLessThanOrEqual(100);
  expect(talker.heard.at(-1)).toMatch(/too-many-subscriptions|rate-limited/);
});

test('a token as long as a header may be is refused, and one that is longer never read', async () => {
  const broker = await serve();
  for (const length of [9_000, 15_000, 100_000]) {
    const status = await new Promise<number>((resolve) => {
      const headers = { Authorization: `Bearer ${'a.'.repeat(length / 2)}b` };
      const asked = request(
        { port: broker.port, host: '127.0.0.1', path: '/topic/a', method: 'POST', headers },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.on('error', () => resolve(0));
      asked.end('x');
    });
    expect([401, 431, 0]).toContain(status);
  }
});

test('a hundred who never finish their request keep nobody else waiting', async () => {
  const broker = await serve();
  const slow = Array.from({ length: 100 }, () => {
    const socket = connect(broker.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /topic/a HTTP/1.1\r\nHost: h\r\nContent-Le');
    return socket;
  });
  const began = Date.now();
  const talker = await talk(url(broker, await tokenFor('ann')), { protocols: ['json.stompway'] });
  talker.ws.send('{"subscribe":"/topic/a"}');
  await talker.until('RECEIPT');
  expect(Date.now() - began).toBeLessThan(2_000);
  talker.ws.terminate();
  for (const socket of slow) socket.destroy();
});
