/**
 * The broker beside socket.io 4.8, both with connection state recovery: fan-out in one room of 100,
 * and 100 rooms of 10; 256 octets. CPU of the server's process alone per delivered message, user and
 * system: the median of rounds in which the servers take turns, and the median of the rounds' ratios.
 *
 *   npm run bench:socketio
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { takeNoFlags } from '../local/flags.ts';
import { LOADED, STARTED } from './peers/peer.ts';
import { type Crowd, gatherCrowd } from './socketio-crowd.ts';
import { KINDS, type Kind } from './socketio-server.ts';

takeNoFlags('npm run bench:socketio takes no options.');

const BODY_BYTES = 256;
const BAR = 1.2;
const CASES = [
  { name: '1 → 100', rooms: 1, listeners: 100, backlog: 1 },
  { name: '1 → 100, 8 at once', rooms: 1, listeners: 100, backlog: 8 },
  { name: '100 rooms × 10', rooms: 100, listeners: 9, backlog: 1 },
] as const;
const ROUNDS = 21;
const ROUND_DELIVERIES = 9_000;
const WARM_ROUNDS = 4;
/** Before that, so many messages to one listener: code that runs once a message must run hot too. */
const WARM_BURSTS = 4_000;

interface Contender {
  readonly kind: Kind;
  readonly child: ChildProcess;
  readonly crowd: Crowd;
}

interface Row {
  readonly name: string;
  readonly original: number;
  readonly memory: number;
  readonly ratio: number;
}

const rows: Row[] = [];
console.log('CPU µs of the server per delivered message, 256 octets');
console.log('case                  socket.io    memory    memory ÷ socket.io');
for (const { name, rooms, listeners, backlog } of CASES) {
  const contenders = await Promise.all(KINDS.map((kind) => contender(kind, { rooms, listeners })));
  const row = { name, ...(await measure(contenders, backlog)) };
  rows.push(row);
  const cells = [row.original, row.memory, row.ratio].map((one) => one.toFixed(2).padStart(9));
  console.log(
    `${name.padEnd(21)}${cells.join(' ')} (≤ ${BAR} ${row.ratio <= BAR ? 'holds' : 'MISSED'})`,
  );
  await Promise.all(contenders.map(end));
}
const met = rows.every(({ ratio }) => ratio <= BAR);
console.log(`BENCH ${JSON.stringify({ bench: 'socketio', rows, bar: BAR, met })}`);

async function contender(
  kind: Kind,
  size: { readonly rooms: number; readonly listeners: number },
): Promise<Contender> {
  const server = fileURLToPath(new URL('socketio-server.ts', import.meta.url));
  const execArgv = [...(kind === 'memory' ? STARTED : LOADED)];
  const child = fork(server, [kind], { execArgv });
  const [port] = await once(child, 'message');
  const few = await gatherCrowd({ port, rooms: 1, listeners: 1, bodyBytes: BODY_BYTES });
  for (let burst = 0; burst < WARM_BURSTS; burst++) await few.burst(burst % 2 === 0 ? 1 : 8);
  few.close();
  return { kind, child, crowd: await gatherCrowd({ port, ...size, bodyBytes: BODY_BYTES }) };
}

async function end({ child, crowd }: Contender): Promise<void> {
  const ended = once(child, 'exit');
  crowd.close();
  child.disconnect();
  await ended;
}

async function measure(
  contenders: readonly Contender[],
  backlog: number,
): Promise<Omit<Row, 'name'>> {
  const costs: Record<Kind, number[]> = { original: [], memory: [] };
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round + WARM_ROUNDS) % contenders.length];
      if (one === undefined) continue;
      const cost = await roundOf(one, backlog);
      if (round >= 0) costs[one.kind].push(cost);
    }
  }
  const { original, memory } = costs;
  const ratios = memory.map((cost, round) => cost / (original[round] ?? Number.NaN));
  return { original: median(original), memory: median(memory), ratio: median(ratios) };
}

async function roundOf({ child, crowd }: Contender, backlog: number): Promise<number> {
  const bursts = Math.ceil(ROUND_DELIVERIES / crowd.deliveries / backlog);
  const before = await cpuMicroseconds(child);
  for (let burst = 0; burst < bursts; burst++) await crowd.burst(backlog);
  const after = await cpuMicroseconds(child);
  return (after - before) / (bursts * backlog * crowd.deliveries);
}

async function cpuMicroseconds(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = await once(child, 'message');
  return user + system;
}

function median(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return Number(middle.toFixed(2));
}
