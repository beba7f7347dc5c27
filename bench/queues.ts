/**
 * Queues on one machine: messages through send, delivery and ACK, with one writer and one consumer
 * for each of ten queues; beside RabbitMQ's Web-STOMP where it is installed. Messages a second, and
 * CPU of the server per message, user and system; contenders take turns round by round, and medians
 * are told. RabbitMQ may use both cores; the broker's process is one thread, but for Node's own.
 *
 *   npm run bench:queues
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeNoFlags } from '../local/flags.ts';
import type { PeerName } from './peers/manner.ts';
import { type Peer, startPeer } from './peers/peer.ts';
import { gatherQueues, type QueuesCrowd } from './queues-crowd.ts';

takeNoFlags('npm run bench:queues takes no options.');

const QUEUES = 10;
const BODY_BYTES = 256;
const PREFETCH = 100;
/** Messages through each queue in a round, all sent at once. */
const BACKLOGS = [200, 1] as const;
/** Messages of a round, over all queues and bursts. */
const ROUND_MESSAGES = 2000;
const ROUNDS = 9;
const WARM_ROUNDS = 2;

interface Contender extends Peer {
  readonly crowd: QueuesCrowd;
}

interface Row {
  readonly backlog: number;
  readonly name: string;
  readonly messagesPerSecond: number;
  readonly cpuMicroseconds: number;
}

const load = { queues: QUEUES, bodyBytes: BODY_BYTES, prefetch: PREFETCH };
const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const contenders: Contender[] = [];
for (const name of ['memory', 'lmdb', 'rabbitmq'] as const) {
  const one = await contender(name);
  if (one === undefined) console.log(`${name} is not installed: left out`);
  else contenders.push(one);
}
const rows: Row[] = [];
try {
  for (const backlog of BACKLOGS) {
    for (const row of await measure(backlog)) {
      rows.push(row);
      const { name, messagesPerSecond, cpuMicroseconds } = row;
      const told = `${messagesPerSecond} messages/s, ${cpuMicroseconds} µs of CPU a message`;
      console.log(`backlog ${String(backlog).padStart(3)}  ${name.padEnd(8)}  ${told}`);
    }
  }
} finally {
  for (const one of contenders) {
    one.crowd.close();
    await one.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `BENCH ${JSON.stringify({ bench: 'queues', queues: QUEUES, bodyBytes: BODY_BYTES, rows })}`,
);

async function contender(name: PeerName): Promise<Contender | undefined> {
  const peer = await startPeer(name, { folder });
  if (peer === undefined) return undefined;
  const login = name === 'rabbitmq' ? ['login:guest', 'passcode:guest'] : [];
  return { ...peer, crowd: await gatherQueues({ ...load, url: peer.url, login }) };
}

/** Each round begins with another contender. */
async function measure(backlog: number): Promise<readonly Row[]> {
  const seconds = new Map<Contender, number[]>(contenders.map((one) => [one, []]));
  const cpu = new Map<Contender, number[]>(contenders.map((one) => [one, []]));
  const bursts = backlog === 1 ? ROUND_MESSAGES / QUEUES / 4 : ROUND_MESSAGES / QUEUES / backlog;
  const messages = bursts * backlog * QUEUES;
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round + WARM_ROUNDS) % contenders.length];
      if (one === undefined) continue;
      const before = await one.cpuMicroseconds();
      const began = performance.now();
      for (let burst = 0; burst < bursts; burst++) await one.crowd.round(backlog);
      const took = (performance.now() - began) / 1000;
      const used = (await one.cpuMicroseconds()) - before;
      if (round < 0) continue;
      seconds.get(one)?.push(messages / took);
      cpu.get(one)?.push(used / messages);
    }
  }
  return contenders.map((one) => ({
    backlog,
    name: one.name,
    messagesPerSecond: Math.round(median(seconds.get(one))),
    cpuMicroseconds: Math.round(median(cpu.get(one))),
  }));
}

function median(values: readonly number[] = []): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
