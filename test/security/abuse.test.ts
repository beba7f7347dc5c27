/**
 * What else one client may try, over real sockets: each bounded, and answered where there is anybody
 * to answer. Connections, subscriptions and long tokens are in test/identity/abuse.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { frame } from '../broker/world.ts';
import { collectGarbage } from '../garbage.ts';
import { type Talker, talk } from '../identity/talker.ts';
import { settings, tokenFor } from '../identity/tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const brokers: Broker[] = [];
const open: { destroy(): void }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

async function serve(options: Partial<BrokerOptions> = {}): Promise<Broker> {
  const broker = await startBroker({ port: 0, memory: true, log: SILENT, ...options });
  brokers.push(broker);
  return broker;
}

async function enter({ port }: Broker, protocols = ['json.stompway']): Promise<Talker> {
  const talker = await talk(`ws://127.0.0.1:${port}/ws`, { protocols });
  open.push({ destroy: () => talker.ws.terminate() });
  return talker;
}

/** Somebody honest, and how long he waits for an answer. */
async function served(broker: Broker): Promise<number> {
  const began = performance.now();
  const talker = await enter(broker);
  talker.ws.send('{"send":"/topic/honest","body":"hi","receipt":"r"}');
  await talker.until('RECEIPT');
  return performance.now() - began;
}

function raw({ port }: Broker, text: string): Socket & { readonly told: () => string } {
  const socket = connect(port, '127.0.0.1');
  let told = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    told += chunk.toString('latin1');
  });
  socket.write(text);
  open.push(socket);
  return Object.assign(socket, { told: () => told });
}

describe('slow loris', () => {
  const patience = { headerMilliseconds: 300, requestMilliseconds: 600 };

  test.each([
    ['whose headers never end', 'POST /topic/a HTTP/1.1\r\nHost: h\r\nX-', 'a'],
    [
      'whose body never ends',
      'POST /topic/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n',
      'b',
    ],
  ])(
    'a hundred requests %s are answered 408 and cut, and keep nobody waiting',
    async (_, text, drop) => {
      const broker = await serve({ patience });
      const slow = Array.from({ length: 100 }, () => raw(broker, text));
      const dripping = setInterval(() => {
        for (const socket of slow) socket.write(drop);
      }, 50);
      try {
        expect(await served(broker)).toBeLessThan(2_000);
        await Promise.all(slow.map((socket) => once(socket, 'close')));
        const answers = slow.map((socket) => socket.told().slice(0, 12));
        expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 408']));
      } finally {
        clearInterval(dripping);
      }
    },
  );
});

describe('half a frame', () => {
  test('that grows without end is an ERROR at 128 KB, and the end of its connection', async () => {
    const broker = await serve();
    const talker = await enter(broker, ['v12.stomp']);
    talker.ws.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
    await talker.until('CONNECTED');
    talker.ws.send('SEND\ndestination:/topic/a\n\n');
    for (let n = 0; n < 10; n++) talker.ws.send('x'.repeat(30_000));
    await talker.closed;
    expect(talker.heard.at(-1)).toContain('code:frame-too-large');
    expect(await served(broker)).toBeLessThan(2_000);
  });

  test('in more pieces than may be, however small, is one too', async () => {
    const broker = await serve({ limits: { halfPiecesMax: 20 } });
    const talker = await enter(broker, ['v12.stomp']);
    talker.ws.send('SEND\ndestination:/topic/a\n\n');
    for (let n = 0; n < 40; n++) talker.ws.send('x');
    await talker.closed;
    expect(talker.heard.at(-1)).toContain('code:frame-too-large');
  });
});

test('a flood ends in words that say when to come back, and the others are served meanwhile', async () => {
  const identity = await settings({}, [
    { pattern: '/**', actions: ['subscribe', 'publish'], for: 'anyone' },
  ]);
  const security = {
    identity: { ...identity, anonymous: true },
    limits: { messagesPerSecond: 500 },
  };
  const broker = await serve({ security });
  const flooder = await talk(`ws://127.0.0.1:${broker.port}/ws?token=${await tokenFor('flood')}`, {
    protocols: ['json.stompway'],
  });
  for (let n = 0; n < 20_000; n++) flooder.ws.send('{"send":"/topic/flood","body":"x"}');
  expect(await served(broker)).toBeLessThan(5_000);
  await flooder.closed;
  expect(flooder.heard.at(-1)).toMatch(/"code":"rate-limited".*"retry-after":"1"/);
});

test('a client that never reads costs a buffer of a megabyte, and nobody else a message', async () => {
  const broker = await serve();
  const [deaf, reader, writer] = [await enter(broker), await enter(broker), await enter(broker)];
  for (const { ws, until } of [deaf, reader]) {
    ws.send('{"subscribe":"/topic/big"}');
    await until('RECEIPT');
  }
  deaf.ws.pause();
  await collectGarbage();
  const before = process.memoryUsage();
  const body = randomBytes(15_000).toString('base64');
  for (let n = 0; n < 2_000; n++) {
    writer.ws.send(
      JSON.stringify({ send: '/topic/big', body, ...(n % 20 === 19 ? { receipt: n } : {}) }),
    );
    if (n % 20 === 19) await writer.until(`"receipt-id":"${n}"`);
  }
  await reader.until('"body"');
  expect(reader.heard.filter((text) => text.includes('MESSAGE'))).toHaveLength(2_000);
  reader.heard.length = 0;
  // 40 MB were sent; what waits for the deaf one is bounded.
  await collectGarbage();
  const grown = process.memoryUsage().external - before.external;
  expect(grown).toBeLessThan(2 * 1024 * 1024);
  expect(await served(broker)).toBeLessThan(2_000);
});

describe('a huge room list', () => {
  const permissions = [{ pattern: '/room/{room}', actions: ['subscribe'] }];

  test('in a token makes more grants than a connection may hold: it lets nobody in', async () => {
    const broker = await serve({ security: { identity: await settings({}, permissions) } });
    const rooms = (count: number) => Array.from({ length: count }, (_, n) => `r${n}`);
    const url = async (count: number) =>
      `ws://127.0.0.1:${broker.port}/ws?token=${await tokenFor('ann', { rooms: rooms(count) })}`;
    await expect(talk(await url(101))).rejects.toThrow('HTTP 401');
    await expect(talk(await url(1_000))).rejects.toThrow('HTTP 401');
    open.push({ destroy: () => talker.ws.terminate() });
    const talker = await talk(await url(60), { protocols: ['json.stompway'] });
    talker.ws.send('{"subscribe":"/room/r59"}');
    expect(await talker.until('command')).toContain('RECEIPT');
  });

  test('in `to` is refused in words', async () => {
    const broker = await serve();
    const talker = await enter(broker);
    const to = Array.from({ length: 1_000 }, (_, n) => `m${n}`).join(',');
    talker.ws.send(JSON.stringify({ send: '/room/a', to, body: 'x' }));
    expect(await talker.until('ERROR')).toContain('"code":"header-malformed"');
  });

  test('to join is cut off at a hundred', async () => {
    const broker = await serve();
    const talker = await enter(broker);
    for (let n = 0; n < 10_000; n++) talker.ws.send(`{"subscribe":"/room/r${n}"}`);
    await talker.closed;
    expect(talker.heard.at(-1)).toMatch(/too-many-subscriptions|rate-limited/);
    expect(talker.heard.filter((text) => text.includes('RECEIPT')).length).toBeLessThanOrEqual(100);
  });
});

describe('what is small on the wire and large when unpacked', () => {
  test('compression is not offered, and a compressed frame is a fault of the protocol', async () => {
    const { port } = await serve();
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: true });
    await once(ws, 'open');
    expect(ws.extensions).toBe('');
    ws.terminate();
    const key = randomBytes(16).toString('base64');
    const handshake = `GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
    const socket = raw({ port } as Broker, handshake);
    await once(socket, 'data');
    const bomb = deflateRawSync(Buffer.alloc(60_000, 'a'));
    const [closed] = [once(socket, 'close')];
    // FIN, RSV1 (compressed), text; masked by zeros.
    const head = Buffer.from([0xc1, 0x80 | 126, bomb.length >> 8, bomb.length & 255, 0, 0, 0, 0]);
    socket.write(Buffer.concat([head, bomb]));
    await closed;
    expect(socket.told()).toContain('\x88\x02\x03\xea');
  });

  test('a body that says it is compressed is passed on as it came', async () => {
    const broker = await serve();
    const talker = await enter(broker);
    talker.ws.send('{"subscribe":"/topic/zip"}');
    await talker.until('RECEIPT');
    const body = gzipSync(Buffer.alloc(10_000_000));
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'application/octet-stream' };
    const url = `http://127.0.0.1:${broker.port}/topic/zip`;
    const { status } = await fetch(url, { method: 'POST', headers, body });
    expect(status).toBe(200);
    const message = JSON.parse(await talker.until('MESSAGE'));
    expect(Buffer.from(message.body, 'base64')).toEqual(body);
  });

  test.each([
    ['a header of 9 KB', [`a:${'x'.repeat(9_000)}`], 'too-many-headers'],
    ['escapes that swell', [`a:${'\\n'.repeat(9_000)}`], 'too-many-headers'],
    ['a thousand headers', Array.from({ length: 1_000 }, (_, n) => `h${n}:x`), 'too-many-headers'],
    [
      'one header a thousand times',
      Array.from({ length: 1_000 }, () => 'same:x'),
      'too-many-headers',
    ],
  ])('STOMP with %s is refused in words, and closed', async (_, headers, code) => {
    const broker = await serve();
    const talker = await enter(broker, ['v12.stomp']);
    talker.ws.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
    await talker.until('CONNECTED');
    talker.ws.send(frame('SEND', ['destination:/topic/a', ...headers]));
    await talker.closed;
    expect(talker.heard.at(-1)).toContain(`code:${code}`);
  });

  test('JSON that nests ten thousand deep is refused in words', async () => {
    const broker = await serve();
    const talker = await enter(broker);
    talker.ws.send(`{"send":"/topic/a","body":${'['.repeat(10_000)}${']'.repeat(10_000)}}`);
    expect(await talker.until('ERROR')).toContain('protocol-violation');
  });
});
