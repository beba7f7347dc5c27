/**
 * What the logged lane adds to one message's way on one machine: SEND to MESSAGE at the sender
 * itself, one at a time, the lanes in turns; and what a rule's `coalesce` adds for one who sends a
 * hundred kilobytes a second. Milliseconds, median and 99th percentile.
 *
 *   npm run bench:latency
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { startBroker } from '../local/broker.ts';
import { takeNoFlags } from '../local/flags.ts';
import { startPeer } from './peers/peer.ts';

takeNoFlags('npm run bench:latency takes no options.');

interface Latency {
  readonly topic: Percentiles;
  readonly room: Percentiles;
}

interface Percentiles {
  readonly median: number;
  readonly p99: number;
}

const ROUNDS = 2_000;
const WARM = 200;
const WINDOWED = 600;
const STORES = ['memory', 'lmdb'] as const;

const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const latency: Record<string, Latency> = {};
for (const store of STORES) {
  const peer = await startPeer(store, { folder });
  if (peer === undefined) continue;
  const { topic, room } = await latencyAt(peer.url);
  await peer.stop();
  latency[store] = { topic, room };
  const told = (lane: Percentiles) => `${lane.median.toFixed(2)} ms (p99 ${lane.p99.toFixed(2)})`;
  console.log(`${store}: a message takes ${told(topic)} by /topic, ${told(room)} by /room`);
}
rmSync(folder, { recursive: true, force: true });
const windows = await windowsOf();
for (const [coalesce, { posts, ...way }] of Object.entries(windows)) {
  const told = `${way.median.toFixed(1)} ms (p99 ${way.p99.toFixed(1)})`;
  console.log(`coalesce ${coalesce}: ${told}, ${WINDOWED} messages in ${posts} posts`);
}
console.log(`BENCH ${JSON.stringify({ bench: 'latency', latency, windows })}`);

/** The lanes take turns, message by message. */
async function latencyAt(url: string): Promise<Latency> {
  const client = new WebSocket(url, ['v12.stomp']);
  await once(client, 'open');
  await ask(client, 'CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,0\n\n\0');
  const lanes = { topic: '/topic/latency', room: '/room/latency' };
  const times: Record<keyof typeof lanes, number[]> = { topic: [], room: [] };
  for (const [lane, destination] of Object.entries(lanes)) {
    await ask(client, `SUBSCRIBE\nid:${lane}\ndestination:${destination}\nreceipt:r\n\n\0`);
  }
  const body = 'x'.repeat(256);
  for (let round = -WARM; round < ROUNDS; round++) {
    for (const lane of ['topic', 'room'] as const) {
      const began = performance.now();
      await ask(client, `SEND\ndestination:${lanes[lane]}\n\n${body}\0`);
      if (round >= 0) times[lane].push(performance.now() - began);
    }
  }
  client.terminate();
  return { topic: percentiles(times.topic), room: percentiles(times.room) };
}

interface Windowed extends Percentiles {
  readonly posts: number;
}

/** A room without a window and one with, a kilobyte to each every 10 ms, in one process. */
async function windowsOf(): Promise<Readonly<Record<string, Windowed>>> {
  const rules = [{ pattern: '/room/100ms', coalesce: '100ms' }];
  const broker = await startBroker({ port: 0, memory: true, rules });
  const all: Record<string, Windowed> = {};
  for (const coalesce of ['none', '100ms']) {
    all[coalesce] = await windowed(`ws://127.0.0.1:${broker.port}/ws`, `/room/${coalesce}`);
  }
  await broker.close();
  return all;
}

async function windowed(url: string, room: string): Promise<Windowed> {
  const client = new WebSocket(url, ['v12.stomp']);
  await once(client, 'open');
  await ask(client, 'CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,0\n\n\0');
  await ask(client, `SUBSCRIBE\nid:0\ndestination:${room}\nreceipt:r\n\n\0`);
  const sent: number[] = [];
  const ways: number[] = [];
  let posts = 0;
  const over = new Promise<void>((resolve) => {
    client.on('message', (data) => {
      posts++;
      const now = performance.now();
      for (const [, index] of String(data).matchAll(/#(\d+) /g)) {
        ways.push(now - (sent[Number(index)] ?? now));
      }
      if (ways.length >= WINDOWED) resolve();
    });
  });
  const clock = setInterval(() => {
    const text = `#${sent.length} `.padEnd(1024, 'x');
    sent.push(performance.now());
    client.send(`SEND\ndestination:${room}\n\n${text}\0`);
    if (sent.length === WINDOWED) clearInterval(clock);
  }, 10);
  await over;
  client.terminate();
  return { ...percentiles(ways), posts };
}

async function ask(client: WebSocket, text: string): Promise<void> {
  const answered = once(client, 'message');
  client.send(text);
  await answered;
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return Number(value.toFixed(3));
  };
  return { median: at(0.5), p99: at(0.99) };
}
