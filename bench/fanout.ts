/**
 * Fan-out on one machine beside bare `ws.send`: 1 → 100 and 1 → 1,000 subscribers, 256 octets, a
 * backlog of 8 messages and of 1. CPU of the server's process alone per delivered message, user and
 * system: the median of rounds in which the servers take turns; a ratio is the median of the ratios
 * of the rounds, so that a busy machine slows both sides alike. The bars are for the store in memory; LMDB is printed beside it.
 *
 *   npm run bench:fanout [-- --profile FOLDER]     (a CPU profile of each server)
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Crowd, gatherCrowd } from './fanout-crowd.ts';
import { KINDS, type Kind } from './fanout-server.ts';

const BODY_BYTES = 256;
const SUBSCRIBERS = [100, 1000] as const;
const BACKLOGS = [
  { backlog: 8, bar: 0.6, stretch: 0.4 },
  { backlog: 1, bar: 1.3, stretch: 1.15 },
] as const;
const ROUNDS = 31;
/** Deliveries of one round: a tenth of a second, so that neighbours are measured side by side. */
const ROUND_DELIVERIES = 16_000;
const WARM_ROUNDS = 3;
/** Before that, so many bursts to one subscriber: code that runs once a message must run hot too. */
const WARM_BURSTS = 4_000;

interface Contender {
  readonly kind: Kind;
  readonly child: ChildProcess;
  readonly crowd: Crowd;
}

type Costs = Readonly<Record<Kind, readonly number[]>>;

interface Row {
  readonly subscribers: number;
  readonly backlog: number;
  /** CPU microseconds of the server per delivered message. */
  readonly microseconds: Readonly<Record<Kind, number>>;
  readonly ratio: number;
  readonly ratioLmdb: number;
  readonly bar: number;
  readonly stretch: number;
}

const { values } = parseArgs({ options: { profile: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const rows: Row[] = [];
console.log('CPU µs of the server per delivered message, 256 octets');
console.log('subscribers backlog     bare   memory     lmdb   memory ÷ bare   lmdb ÷ bare');
for (const subscribers of SUBSCRIBERS) {
  const contenders = await Promise.all(KINDS.map((kind) => contender(kind, subscribers)));
  for (const { backlog, bar, stretch } of BACKLOGS) {
    const costs = await measure(contenders, { subscribers, backlog });
    const row = { subscribers, backlog, ...compared(costs), bar, stretch };
    rows.push(row);
    console.log(line(row));
  }
  await Promise.all(contenders.map(end));
}
rmSync(folder, { recursive: true, force: true });
console.log(
  `BENCH ${JSON.stringify({
    bench: 'fanout',
    rows: rows.map(rounded),
    met: rows.every(({ ratio, bar }) => ratio <= bar),
    stretch: rows.every(({ ratio, stretch }) => ratio <= stretch),
  })}`,
);

async function contender(kind: Kind, subscribers: number): Promise<Contender> {
  const profile =
    values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const server = fileURLToPath(new URL('fanout-server.ts', import.meta.url));
  const child = fork(server, [kind, join(folder, String(subscribers))], {
    execArgv: [...process.execArgv, ...profile],
  });
  const [port] = await once(child, 'message');
  const stomp = kind !== 'bare';
  const load = { port, bodyBytes: BODY_BYTES, stomp };
  const few = await gatherCrowd({ ...load, subscribers: 1 });
  for (let burst = 0; burst < WARM_BURSTS; burst++) await few.burst(burst % 2 === 0 ? 1 : 8);
  few.close();
  return { kind, child, crowd: await gatherCrowd({ ...load, subscribers }) };
}

async function end({ child, crowd }: Contender): Promise<void> {
  const ended = once(child, 'exit');
  crowd.close();
  child.disconnect();
  await ended;
}

/** CPU microseconds a delivery, by round; each round begins with another contender. */
async function measure(
  contenders: readonly Contender[],
  load: { readonly subscribers: number; readonly backlog: number },
): Promise<Costs> {
  const costs: Record<Kind, number[]> = { bare: [], memory: [], lmdb: [] };
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round + WARM_ROUNDS) % contenders.length];
      if (one === undefined) continue;
      const cost = await roundOf(one, load);
      if (round >= 0) costs[one.kind].push(cost);
    }
  }
  return costs;
}

function compared(costs: Costs): Pick<Row, 'microseconds' | 'ratio' | 'ratioLmdb'> {
  const { bare, memory, lmdb } = costs;
  const toBare = (cost: number, round: number) => cost / (bare[round] ?? Number.NaN);
  return {
    microseconds: { bare: median(bare), memory: median(memory), lmdb: median(lmdb) },
    ratio: median(memory.map(toBare)),
    ratioLmdb: median(lmdb.map(toBare)),
  };
}

async function roundOf(
  { child, crowd }: Contender,
  { subscribers, backlog }: { readonly subscribers: number; readonly backlog: number },
): Promise<number> {
  const bursts = Math.ceil(ROUND_DELIVERIES / subscribers / backlog);
  const before = await cpuMicroseconds(child);
  for (let burst = 0; burst < bursts; burst++) await crowd.burst(backlog);
  const after = await cpuMicroseconds(child);
  return (after - before) / (bursts * backlog * subscribers);
}

async function cpuMicroseconds(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = await once(child, 'message');
  return user + system;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function line({ subscribers, backlog, microseconds, ratio, ratioLmdb, bar }: Row): string {
  const cell = (value: number, width: number) => value.toFixed(2).padStart(width);
  const verdict = ratio <= bar ? 'holds' : 'MISSED';
  return [
    String(subscribers).padStart(11),
    String(backlog).padStart(7),
    cell(microseconds.bare, 8),
    cell(microseconds.memory, 8),
    cell(microseconds.lmdb, 8),
    `${cell(ratio, 9)} (≤ ${bar} ${verdict})`,
    cell(ratioLmdb, 7),
  ].join(' ');
}

function rounded(row: Row): Row {
  const two = (value: number) => Number(value.toFixed(2));
  const { bare, memory, lmdb } = row.microseconds;
  return {
    ...row,
    microseconds: { bare: two(bare), memory: two(memory), lmdb: two(lmdb) },
    ratio: two(row.ratio),
    ratioLmdb: two(row.ratioLmdb),
  };
}
