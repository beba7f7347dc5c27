/**
 * Rooms on one machine: 100 rooms of 10 members, 256 octets, one member of each speaks. CPU of the
 * server's process alone, user and system, per delivered message, beside bare `ws` and Socket.IO 4;
 * the servers take turns round by round, so that a busy machine slows all of them alike, and ratios
 * are medians of the rounds' own. The broker does more than the two others: it keeps every message,
 * numbers it, and can give it again. And what the logged lane adds to a message's way, one at a time.
 *
 *   npm run bench:rooms
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gatherRooms, type RoomsCrowd } from './rooms-crowd.ts';
import { type Latency, latencyAt } from './rooms-latency.ts';
import { KINDS, type Kind } from './rooms-server.ts';

const ROOMS = 100;
const MEMBERS = 10;
const BODY_BYTES = 256;
const BACKLOGS = [8, 1] as const;
const ROUNDS = 21;
const WARM_ROUNDS = 3;
const ROUND_DELIVERIES = 16_000;
/** DynamoDB Streams on AWS: docs/architecture.md. Not measured here. */
const AWS_STREAM_MILLISECONDS = [100, 300] as const;

interface Contender {
  readonly kind: Kind;
  readonly port: number;
  readonly child: ChildProcess;
  readonly crowd: RoomsCrowd;
}

type PerKind = Readonly<Record<Kind, number>>;

interface Row {
  readonly backlog: number;
  readonly microseconds: PerKind;
  /** To bare `ws`. */
  readonly ratios: PerKind;
}

const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const contenders = await Promise.all(KINDS.map(contender));
console.log(`CPU µs of the server per delivered message, ${ROOMS} rooms of ${MEMBERS}`);
console.log(`backlog ${KINDS.map((kind) => kind.padStart(9)).join('')}   ÷ bare`);
const rows: Row[] = [];
for (const backlog of BACKLOGS) {
  const row = { backlog, ...compared(await measure(backlog)) };
  rows.push(row);
  console.log(line(row));
}
const latency: Partial<Record<Kind, Latency>> = {};
for (const { kind, port } of contenders) {
  if (kind !== 'memory' && kind !== 'lmdb') continue;
  const { topic, room } = await latencyAt(port);
  latency[kind] = { topic, room };
  const told = (lane: typeof topic) => `${lane.median.toFixed(2)} ms (p99 ${lane.p99.toFixed(2)})`;
  console.log(`${kind}: a message takes ${told(topic)} by /topic, ${told(room)} by /room`);
}
await Promise.all(contenders.map(end));
rmSync(folder, { recursive: true, force: true });
const awsStreamMilliseconds = AWS_STREAM_MILLISECONDS;
const result = { bench: 'rooms', rooms: ROOMS, members: MEMBERS, rows: rows.map(rounded) };
console.log(`BENCH ${JSON.stringify({ ...result, latency, awsStreamMilliseconds })}`);

async function contender(kind: Kind): Promise<Contender> {
  const server = fileURLToPath(new URL('rooms-server.ts', import.meta.url));
  const child = fork(server, [kind, join(folder, kind)]);
  const [port] = await once(child, 'message');
  const load = { rooms: ROOMS, members: MEMBERS, bodyBytes: BODY_BYTES };
  return { kind, port, child, crowd: await gatherRooms({ kind, port, ...load }) };
}

async function end({ child, crowd }: Contender): Promise<void> {
  const ended = once(child, 'exit');
  crowd.close();
  child.disconnect();
  await ended;
}

/** CPU microseconds a delivery, by round; each round begins with another contender. */
async function measure(backlog: number): Promise<Readonly<Record<Kind, readonly number[]>>> {
  const costs: Record<Kind, number[]> = { bare: [], socketio: [], memory: [], lmdb: [] };
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round + WARM_ROUNDS) % contenders.length];
      if (one === undefined) continue;
      const cost = await roundOf(one, backlog);
      if (round >= 0) costs[one.kind].push(cost);
    }
  }
  return costs;
}

async function roundOf({ child, crowd }: Contender, backlog: number): Promise<number> {
  const bursts = Math.ceil(ROUND_DELIVERIES / ROOMS / MEMBERS / backlog);
  const before = await cpuMicroseconds(child);
  for (let burst = 0; burst < bursts; burst++) await crowd.burst(backlog);
  const after = await cpuMicroseconds(child);
  return (after - before) / (bursts * backlog * ROOMS * MEMBERS);
}

async function cpuMicroseconds(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = await once(child, 'message');
  return user + system;
}

function compared(costs: Readonly<Record<Kind, readonly number[]>>) {
  const each = (value: (kind: Kind) => number): PerKind => ({
    bare: value('bare'),
    socketio: value('socketio'),
    memory: value('memory'),
    lmdb: value('lmdb'),
  });
  const toBare = (cost: number, round: number) => cost / (costs.bare[round] ?? Number.NaN);
  return {
    microseconds: each((kind) => median(costs[kind])),
    ratios: each((kind) => median(costs[kind].map(toBare))),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function line({ backlog, microseconds, ratios }: Row): string {
  const cells = (values: PerKind) => KINDS.map((kind) => values[kind].toFixed(2).padStart(9));
  return `${String(backlog).padStart(7)} ${cells(microseconds).join('')}  ${cells(ratios).join('')}`;
}

function rounded({ backlog, microseconds, ratios }: Row): Row {
  const two = (values: PerKind): PerKind => ({
    bare: Number(values.bare.toFixed(2)),
    socketio: Number(values.socketio.toFixed(2)),
    memory: Number(values.memory.toFixed(2)),
    lmdb: Number(values.lmdb.toFixed(2)),
  });
  return { backlog, microseconds: two(microseconds), ratios: two(ratios) };
}
