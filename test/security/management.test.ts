/** `/ws/@connections`, which posts as the broker: programs of this machine alone, or administrators. */
import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Broker, startBroker } from '../../local/broker.ts';
import { settings } from '../identity/tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const KEY = 'a-long-random-key-of-an-administrator';
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function serve(security: Parameters<typeof startBroker>[0]['security']): Promise<Broker> {
  const broker = await startBroker({
    port: 0,
    memory: true,
    log: SILENT,
    ...(security && { security }),
  });
  closers.push(() => broker.close());
  return broker;
}

/** The status of GET /ws/@connections/x; 410 is the answer of one who is trusted. */
function ask(port: number, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path: '/ws/@connections/x', headers },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

/** As nginx does where nobody tells it more: the target's own Host, and no word of the client. */
async function proxy(port: number): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    const { method, url: path } = incoming;
    const { host: _, ...headers } = incoming.headers;
    const passed = request({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

test('where nobody is asked who he is, a program of this machine is served', async () => {
  const { port } = await serve(undefined);
  expect(await ask(port)).toBe(410);
  expect(await ask(port, { Host: `localhost:${port}` })).toBe(410);
});

test.each([
  ['a proxy that says for whom it asks', { 'X-Forwarded-For': '203.0.113.7' }],
  ['one that says so in the standard’s words', { Forwarded: 'for=203.0.113.7' }],
  ['one that says that it is one', { Via: '1.1 proxy' }],
  ['a page', { Origin: 'http://localhost:1' }],
  ['a name that was made to lead here', { Host: 'evil.example' }],
])('%s is not', async (_, headers) => {
  const { port } = await serve(undefined);
  expect(await ask(port, headers)).toBe(403);
});

test('where identity is configured not even a proxy that says nothing opens it', async () => {
  const { port } = await serve({ identity: await settings() });
  expect(await ask(port)).toBe(403);
  expect(await ask(await proxy(port))).toBe(403);
});

test('an administrator’s key opens it', async () => {
  const sha256 = createHash('sha256').update(KEY).digest('hex');
  const { port } = await serve({ identity: await settings(), administration: [sha256] });
  expect(await ask(port, { Authorization: `Bearer ${KEY}` })).toBe(410);
  expect(await ask(port, { Authorization: 'Bearer another' })).toBe(403);
  expect(await ask(port)).toBe(403);
});
