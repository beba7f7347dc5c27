/** The wired broker, over a real socket: the same conversation in every way it can be run. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../broker/ports.ts';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { readConfig } from '../../local/config.ts';
import { client } from './gateway.ts';

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const open: Broker[] = [];
const folder = mkdtempSync(join(tmpdir(), 'stompway-test-'));

afterEach(async () => {
  await Promise.all(open.splice(0).map((broker) => broker.close()));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(options: Partial<BrokerOptions> = {}): Promise<string> {
  const broker = await startBroker({ port: 0, memory: true, log: silent, ...options });
  open.push(broker);
  return `ws://127.0.0.1:${broker.port}/ws`;
}

/** CONNECT, SUBSCRIBE and a SEND to oneself, in one breath as every tutorial does; half a frame apart. */
async function conversation(url: string): Promise<void> {
  const { ws, texts } = await client(url, ['v12.stomp']);
  ws.send('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
  expect(await texts.next()).toMatch(/^CONNECTED\nversion:1\.2\n/);
  ws.send('SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:r\n\n\0');
  expect(await texts.next()).toMatch(/^RECEIPT\nreceipt-id:r\n/);
  ws.send('SEND\ndestination:/topic/a\n\nhello\0');
  expect(await texts.next()).toMatch(/^MESSAGE\nsubscription:s\n[\s\S]*\n\nhello\0$/);
}

test.each<[string, Partial<BrokerOptions>]>([
  ['in memory', {}],
  ['in memory, straight from the gateway', { ingress: 'direct' }],
  ['in an LMDB folder', { memory: false, data: join(folder, 'plain') }],
  ['in an LMDB folder, durable', { memory: false, data: join(folder, 'durable'), durable: true }],
])('a client is served %s', async (_name, options) => {
  await conversation(await start(options));
});

test('a burst sent in one breath is handled in order', async () => {
  const { ws, texts } = await client(await start(), ['v12.stomp']);
  ws.send('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
  ws.send('SUBSCRIBE\nid:s\ndestination:/topic/b\n\n\0');
  for (let index = 0; index < 30; index++) ws.send(`SEND\ndestination:/topic/b\n\n<${index}>\0`);
  let heard = '';
  while (!heard.includes('<29>')) heard += await texts.next();
  const bodies = [...heard.matchAll(/<(\d+)>/g)].map(([, index]) => Number(index));
  expect(bodies).toEqual(Array.from({ length: 30 }, (_, index) => index));
});

test('a subscriber that leaves in its first seconds keeps no publisher waiting', async () => {
  const url = await start();
  const leaver = await client(url);
  leaver.ws.send('{"command":"SUBSCRIBE","destination":"/topic/l","receipt":"1"}');
  await leaver.texts.next();
  const { ws, texts } = await client(url);
  ws.send('{"command":"SEND","destination":"/topic/l","body":"x","receipt":"2"}');
  leaver.ws.terminate();
  const before = Date.now();
  expect(JSON.parse(await texts.next())).toMatchObject({ command: 'RECEIPT' });
  expect(Date.now() - before).toBeLessThan(2000);
});

describe('rule 9: environments', () => {
  test('two threads serve one conversation over a shared store, and the folder is gone after', async () => {
    const before = passingFolders();
    const url = await start({ environments: 2 });
    expect(passingFolders()).toHaveLength(before.length + 1);
    await conversation(url);
    await Promise.all(open.splice(0).map((broker) => broker.close()));
    expect(passingFolders()).toEqual(before);
  });

  test('one environment runs one invocation at a time, and all get their turn', async () => {
    const url = await start({ environments: 1, ingress: 'direct' });
    await Promise.all(Array.from({ length: 8 }, () => conversation(url)));
  });

  test('polls and streams held at the end are let go without a fault', async () => {
    const faults: unknown[] = [];
    const log: Log = { ...silent, error: (...said) => faults.push(said) };
    const url = await start({ environments: 2, log });
    const base = `${url.replace('ws:', 'http:').replace(/ws$/, '')}sockjs/000`;
    const post = async (path: string) => fetch(`${base}/${path}`, { method: 'POST' });
    const names = Array.from({ length: 6 }, (_, n) => `s${n}`);
    const all = names.flatMap((name) => [`poll-${name}`, `stream-${name}`]);
    await Promise.all(all.map(async (name) => (await post(`${name}/xhr`)).text()));
    const polls = names.map((name) => post(`poll-${name}/xhr`));
    // A stream begins with 2 KB of its own: it is held once they are there.
    const streams = await Promise.all(names.map((name) => post(`stream-${name}/xhr_streaming`)));
    const readers = streams.flatMap(({ body }) => body?.getReader() ?? []);
    await Promise.all(readers.map((reader) => reader.read()));
    const ended = Promise.allSettled([...polls, ...readers.map((reader) => reader.closed)]);
    await Promise.all(open.splice(0).map((broker) => broker.close()));
    await ended;
    expect(faults).toEqual([]);
  });

  function passingFolders(): string[] {
    return readdirSync(tmpdir()).filter((name) => name.startsWith(`stompway-${process.pid}-`));
  }
});

test('a close says Going away to every client, within two seconds', async () => {
  const { closed } = await client(await start());
  const before = Date.now();
  await Promise.all(open.splice(0).map((broker) => broker.close()));
  expect(await closed).toEqual({ code: 1001, reason: 'Going away' });
  expect(Date.now() - before).toBeLessThan(2000);
});

test('a taken port rejects, and gives the folder back', async () => {
  const url = await start();
  const port = Number(new URL(url).port);
  const data = join(folder, 'taken');
  await expect(startBroker({ port, data, log: silent })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  await conversation(await start({ memory: false, data }));
});

describe('the operator’s file', () => {
  function config(text: string): string {
    const file = join(folder, 'stompway.json');
    writeFileSync(file, text);
    return file;
  }

  test('rules are read', () => {
    const rules = [{ pattern: '/topic/orders.**', publish: 'members' }];
    expect(readConfig(config(JSON.stringify({ rules })))).toMatchObject({ rules });
  });

  test('without one there are no rules, unless it was named', () => {
    expect(existsSync('stompway.json')).toBe(false);
    expect(readConfig(undefined)).toMatchObject({ rules: [] });
    expect(() => readConfig(join(folder, 'missing.json'))).toThrow(/missing\.json cannot be read/);
  });

  test.each([
    ['{', /stompway\.json: .*JSON/],
    ['[]', /must be an object/],
    ['{"rulez":[]}', /unknown key "rulez"; known: rules/],
    ['{"rules":[{"pattern":"/topic/a","colour":1}]}', /unknown key "colour"/],
    ['{"rules":[{"pattern":"nowhere"}]}', /rules\[0\]\.pattern "nowhere"/],
  ])('%s is refused in words', (text, words) => {
    expect(() => readConfig(config(text))).toThrow(words);
  });
});
