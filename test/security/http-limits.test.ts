/** Limits as HTTP tells them: 429, Retry-After, and nothing half done. */
import { parseRules } from '../../broker/rules.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { talk } from '../identity/talker.ts';
import { settings, tokenFor } from '../identity/tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALL = [{ pattern: '/**', actions: ['subscribe', 'publish', 'consume'] }];
let broker: Broker;

beforeAll(async () => {
  const limits = { userMessagesPerSecond: 50, userBytesPerSecond: 10_000 };
  const security = { identity: await settings({}, ALL), limits };
  const rules = parseRules([{ pattern: '/topic/slow', limits: { messagesPerSecond: 1 } }]);
  broker = await startBroker({ port: 0, memory: true, log: SILENT, rules, security });
});
afterAll(() => broker.close());

async function post(user: string, path: string, body: string, type = 'text/plain') {
  const headers = { Authorization: `Bearer ${await tokenFor(user)}`, 'Content-Type': type };
  const url = `http://127.0.0.1:${broker.port}${path}`;
  const response = await fetch(url, { method: 'POST', headers, body });
  const { code } = JSON.parse(await response.text());
  return { status: response.status, after: response.headers.get('retry-after'), code };
}

test('a destination over its rate is 429 with Retry-After, for whoever sends', async () => {
  expect(await post('ann', '/topic/slow', 'x')).toMatchObject({ status: 200, after: null });
  expect(await post('bob', '/topic/slow', 'x')).toEqual({
    status: 429,
    after: '1',
    code: 'destination-busy',
  });
  expect(await post('bob', '/topic/fast', 'x')).toMatchObject({ status: 200 });
});

test('a batch over its sender’s rate is refused as a whole: nothing of it is published', async () => {
  const url = `ws://127.0.0.1:${broker.port}/ws?token=${await tokenFor('listener')}`;
  const listener = await talk(url, { protocols: ['json.stompway'] });
  listener.ws.send('{"subscribe":"/topic/batch"}');
  await listener.until('RECEIPT');
  const lines = (count: number) => Array.from({ length: count }, (_, n) => String(n)).join('\n');
  const ndjson = 'application/x-ndjson';
  // Fifty may come at once.
  expect(await post('crowd', '/topic/batch', lines(40), ndjson)).toMatchObject({ status: 200 });
  expect(await post('crowd', '/topic/batch', lines(40), ndjson)).toMatchObject({
    status: 429,
    code: 'rate-limited',
  });
  expect(await post('other', '/topic/batch', '"end"', ndjson)).toMatchObject({ status: 200 });
  await listener.until('"end"');
  expect(listener.heard.filter((text) => text.includes('MESSAGE'))).toHaveLength(41);
  listener.ws.terminate();
});

test('octets of a user are counted over HTTP as well', async () => {
  expect(await post('large', '/topic/a', 'x'.repeat(9_000))).toMatchObject({ status: 200 });
  expect(await post('large', '/topic/a', 'x'.repeat(9_000))).toMatchObject({
    status: 429,
    after: '1',
  });
});
