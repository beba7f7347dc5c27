/**
 * `npm run fuzz [-- --seconds N --seed N]`: ten minutes over every parser, every HTTP route and the
 * WebSocket of a running server with identity configured: no crash, no hang, memory bounded, no 500.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { parseIdentity } from '../../broker/identity-settings.ts';
import { startBroker } from '../../local/broker.ts';
import { readCount, readFlags } from '../../local/flags.ts';
import { fuzzParsers } from './parsers.ts';
import { unlessDone } from './patience.ts';
import { mutated, type Random, randomness } from './random.ts';
import { AUTHORIZATIONS, BODIES, JSON_TEXTS, PATHS, SOCKETIO, SOCKJS, STOMP } from './seeds.ts';

const USAGE = `npm run fuzz -- [options]
  --seconds N  for so long; 600
  --seed N     the same chances again; by the clock`;

const values = readFlags(
  USAGE,
  (args) =>
    parseArgs({
      args,
      options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string' } },
    }).values,
);
const seed = readCount('--seed', values.seed ?? String(Date.now() % 1_000_000), 0, USAGE);
const until = Date.now() + readCount('--seconds', values.seconds, 1, USAGE) * 1000;
const KEY = 'a-long-random-key-for-fuzzing';
const PATIENCE = 10_000;
const HEAP_MAX = 512 * 1024 * 1024;
/** A WebSocket's door, what is said there, and what may be offered. */
const SOCKETS: readonly {
  readonly path: string;
  readonly seeds: readonly string[];
  readonly protocols: readonly (readonly string[])[];
}[] = [
  {
    path: '/ws',
    seeds: STOMP,
    protocols: [[], ['v12.stomp'], ['v10.stomp'], ['bearer.x', 'v11.stomp']],
  },
  { path: '/ws', seeds: JSON_TEXTS, protocols: [[], ['json.stompway']] },
  { path: '/sockjs/000/abc/websocket', seeds: SOCKJS, protocols: [[]] },
  { path: '/sockjs/websocket', seeds: STOMP, protocols: [[], ['v12.stomp']] },
  { path: '/socket.io/?EIO=4&transport=websocket', seeds: SOCKETIO, protocols: [[]] },
  { path: '/ws?EIO=4&transport=websocket', seeds: SOCKETIO, protocols: [[]] },
];

const SAID = [...JSON_TEXTS, ...STOMP, ...SOCKJS, ...SOCKETIO, ...BODIES];
const faults = new Map<string, number>();
const blame = (what: string) => void faults.set(what, (faults.get(what) ?? 0) + 1);
const counts = { parsers: 0, requests: 0, sockets: 0, polling: 0 };
let heapMax = 0;
process.on('uncaughtException', (cause) => blame(`uncaught: ${cause.stack}`));
process.on('unhandledRejection', (cause) => blame(`unhandled: ${String(cause)}`));

const sha256 = createHash('sha256').update(KEY).digest('hex');
const identity = parseIdentity({ keys: [{ sha256, user: 'ann' }], anonymous: true }, [
  { pattern: '/**', actions: ['subscribe', 'publish', 'history', 'presence', 'consume'] },
]);
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (event: string, cause: unknown) =>
    blame(`logged ${event}: ${String(cause).slice(0, 200)}`),
};
const limits = { holdSeconds: 1, streamSeconds: 1 };
const security = { identity, administration: [sha256] };
const broker = await startBroker({ port: 0, memory: true, log, limits, security });
const lanes = [
  ...Array.from({ length: 4 }, (_, at) => lane(seed + at, httpRound)),
  ...Array.from({ length: 4 }, (_, at) => lane(seed + 10 + at, socketRound)),
  ...Array.from({ length: 2 }, (_, at) => lane(seed + 15 + at, pollingRound)),
  lane(seed + 20, rawRound),
  lane(seed + 30, async (random) => {
    fuzzParsers(random, 500, blame);
    counts.parsers += 500;
    await new Promise((resolve) => setImmediate(resolve));
  }),
];
await Promise.all(
  lanes.map((one) => one.catch((cause: unknown) => blame(`a lane broke: ${String(cause)}`))),
);
if (!(await answers())) blame('the server does not answer any more');
await broker.close();
for (const [what, times] of faults) console.error(`${times} × ${what}`);
const heap = Math.round(heapMax / 1024 / 1024);
console.log(`seed ${seed}: ${JSON.stringify(counts)}, at most ${heap} MB of heap`);
console.log(`${faults.size === 0 ? 1 : 0} passed, ${faults.size} failed`);
process.exit(faults.size === 0 ? 0 : 1);

async function lane(own: number, round: (random: Random) => Promise<void>): Promise<void> {
  const random = randomness(own * 7919);
  while (Date.now() < until) {
    await round(random);
    const { heapUsed } = process.memoryUsage();
    heapMax = Math.max(heapMax, heapUsed);
    if (heapUsed > HEAP_MAX) blame('memory grows without bound');
  }
}

function spoken(random: Random, seeds: readonly string[]): Buffer {
  return Buffer.from(mutated(random, seeds).toString('latin1').replaceAll('TOKEN', KEY), 'latin1');
}

/** Node's own client sends no header with a control character. */
function header(random: Random, seeds: readonly string[]): string {
  return spoken(random, seeds)
    .toString('latin1')
    .replace(/[^ -~]/g, '');
}

async function httpRound(random: Random): Promise<void> {
  counts.requests++;
  const path =
    spoken(random, PATHS)
      .toString('latin1')
      .replace(/[^!-~]/g, '') || '/';
  const method = random.one(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']);
  const headers: Record<string, string> = {};
  if (random.chance(0.5)) headers['Authorization'] = `Bearer ${random.chance(0.7) ? KEY : 'x'}`;
  else if (random.chance(0.3)) headers['Authorization'] = header(random, AUTHORIZATIONS);
  if (random.chance(0.3))
    headers['Accept'] = random.one(['application/json', 'text/event-stream', '*/*']);
  if (random.chance(0.3))
    headers['Content-Type'] = random.one(['application/x-ndjson', 'text/plain', 'x']);
  if (random.chance(0.2)) headers['Last-Event-ID'] = random.one(['abc:1', '~x', '%']);
  const body = method === 'GET' || method === 'HEAD' ? undefined : spoken(random, SAID);
  await new Promise<void>((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port: broker.port, method, path, headers },
      (response) => {
        // SockJS answers a client's own faults so (sockjs-protocol 0.3.3); ours are logged as well.
        if (response.statusCode === 500 && !path.startsWith('/sockjs/')) {
          blame(`500: ${method} ${path.slice(0, 80)}`);
        }
        response.resume();
        response.on('close', resolve);
      },
    );
    const done = unlessDone(PATIENCE, () => {
      blame(`no end: ${method} ${path.slice(0, 80)}`);
      asked.destroy();
    });
    asked.on('error', () => resolve());
    asked.on('close', () => {
      done();
      resolve();
    });
    if (random.chance(0.05)) setTimeout(() => asked.destroy(), random.number(20));
    asked.end(body);
  });
}

async function socketRound(random: Random): Promise<void> {
  counts.sockets++;
  const { path, seeds, protocols } = random.one(SOCKETS);
  const offered = random.one(protocols);
  const ws = new WebSocket(`ws://127.0.0.1:${broker.port}${path}`, [...offered]);
  const over = new Promise<void>((resolve) => ws.on('close', () => resolve()));
  ws.on('error', () => undefined);
  ws.on('message', (data) => {
    if (/code\\?(:|":\\?")internal/.test(String(data)))
      blame(`internal after ${said.slice(0, 200)}`);
  });
  let said = '';
  ws.on('open', () => {
    if (random.chance(0.8)) ws.send((seeds[0] ?? '').replaceAll('TOKEN', KEY));
    for (let frames = random.number(12); frames > 0; frames--) {
      const text = spoken(random, seeds);
      said = text.toString('latin1');
      ws.send(text, { binary: random.chance(0.02) });
    }
    setTimeout(() => (random.chance(0.5) ? ws.close() : ws.terminate()), 20 + random.number(100));
  });
  const done = unlessDone(PATIENCE, () => {
    blame(`a socket that never ends: ${path}`);
    ws.terminate();
  });
  await over;
  done();
}

/** A session of its own by polling, Engine.IO's or SockJS's: what is said after a good beginning. */
async function pollingRound(random: Random): Promise<void> {
  counts.polling++;
  const base = `http://127.0.0.1:${broker.port}`;
  const ask = async (url: string, body?: Buffer): Promise<string> => {
    const late = new AbortController();
    const done = unlessDone(PATIENCE, () => {
      blame(`a poll without an end: ${url.slice(base.length)}`);
      late.abort();
    });
    const response = await fetch(url, {
      signal: late.signal,
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    if (response.status === 500 && !url.includes('/sockjs/')) blame(`500: ${url}`);
    return response.text().finally(done);
  };
  try {
    if (random.chance(0.5)) {
      const session = `${base}/socket.io/?EIO=4&transport=polling`;
      const { sid } = JSON.parse((await ask(session)).slice(1));
      await ask(`${session}&sid=${sid}`, Buffer.from(`40{"passcode":"${KEY}"}`));
      for (let n = random.number(4); n > 0; n--) {
        await ask(`${session}&sid=${sid}`, spoken(random, SOCKETIO));
      }
      await ask(`${session}&sid=${sid}`);
    } else {
      const session = `${base}/sockjs/000/f${counts.polling}`;
      await ask(`${session}/xhr`, Buffer.alloc(0));
      for (let n = random.number(4); n > 0; n--) {
        await ask(`${session}/xhr_send`, spoken(random, SOCKJS));
      }
      await ask(`${session}/xhr`, Buffer.alloc(0));
    }
  } catch {
    // A session that was ended by what was said in it.
  }
}

/** Below HTTP: half requests, header bombs, nonsense; the server may cut, and must live. */
async function rawRound(random: Random): Promise<void> {
  const bombs = [
    `GET /ws HTTP/1.1\r\n${'X-A: b\r\n'.repeat(3000)}\r\n`,
    `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n\r\n`,
    'POST /topic/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nx',
    'GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\xfe',
  ];
  await new Promise<void>((resolve) => {
    const socket = connect(broker.port, '127.0.0.1', () => {
      socket.write(mutated(random, bombs));
      setTimeout(() => socket.destroy(), 50 + random.number(100));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

async function answers(): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${broker.port}/topic/alive`, {
    method: 'POST',
    body: 'x',
  });
  return response.status === 200 || response.status === 403;
}
