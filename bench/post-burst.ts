/**
 * How long one publish to 1,000 connections takes the handler's outbox where every post takes the
 * gateway 30 ms, by posts under way at once: our sender warm, and as a new process has it, with its
 * handshakes to make; beside a loop on the SDK that awaits post after post (fewer, scaled), and the
 * SDK with 50 under way. Client and gateway are processes with a core each.
 *
 *   npm run bench:burst
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../broker/limits.ts';
import { takeNoFlags } from '../local/flags.ts';
import { bundledClient, keepTo, startClient } from './post-process.ts';

takeNoFlags('npm run bench:burst takes no options.');

const POSTS = 1000;
const ANSWER_MILLISECONDS = 30;
const ROUNDS = 30;
const WARM_ROUNDS = 5;
const NEW_ROUNDS = 7;
const LOOP_POSTS = 50;
const P99_MILLISECONDS_MAX = 300;

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const server = fork(join(here, 'post-server.ts'), [String(ANSWER_MILLISECONDS)], {
  execArgv: process.execArgv,
});
const [{ port, cert }] = await once(server, 'message');
keepTo(1, server);
const ca = join(folder, 'ca.pem');
writeFileSync(ca, cert);
const file = await bundledClient(folder);

interface Row {
  readonly name: string;
  readonly inFlight: number;
  readonly p50: number;
  readonly p99: number;
  readonly newP50: number;
  readonly cpuMicroseconds: number;
}

const rows: Row[] = [];
for (const inFlight of [50, 128, 192, 256]) rows.push(await row('sockets', inFlight));
rows.push(await row('sdk', 50, 7));
const loop = await loopMilliseconds();
report();
server.disconnect();
rmSync(folder, { recursive: true, force: true });

async function row(name: string, inFlight: number, rounds = ROUNDS): Promise<Row> {
  const child = await client(name, inFlight);
  const all: Took[] = [];
  for (let round = -WARM_ROUNDS; round < rounds; round++) {
    const one = await posts(child, POSTS);
    if (round >= 0) all.push(one);
  }
  child.disconnect();
  const fresh: number[] = [];
  for (let round = 0; round < NEW_ROUNDS; round++) {
    const another = await client(name, inFlight);
    fresh.push((await posts(another, POSTS)).milliseconds);
    another.disconnect();
    await once(another, 'exit');
  }
  const milliseconds = all.map((one) => one.milliseconds);
  return {
    name,
    inFlight,
    p50: quantile(milliseconds, 0.5),
    p99: quantile(milliseconds, 0.99),
    newP50: quantile(fresh, 0.5),
    cpuMicroseconds: quantile(
      all.map((one) => one.microseconds),
      0.5,
    ),
  };
}

/** One after another, as a loop that awaits each does it. */
async function loopMilliseconds(): Promise<number> {
  const child = await client('sdk', 1);
  await posts(child, LOOP_POSTS);
  const { milliseconds } = await posts(child, LOOP_POSTS);
  child.disconnect();
  return (milliseconds * POSTS) / LOOP_POSTS;
}

interface Took {
  readonly milliseconds: number;
  readonly microseconds: number;
}

async function posts(child: ChildProcess, count: number): Promise<Took> {
  child.send(count);
  const [took] = await once(child, 'message');
  return took;
}

function client(kind: string, inFlight: number): Promise<ChildProcess> {
  return startClient({ file, kind, port, ca, inFlight, execArgv: [] });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1);
  return Number((sorted[Math.max(0, at)] ?? Number.NaN).toFixed(1));
}

function report(): void {
  console.log(`${POSTS} posts, each answered after ${ANSWER_MILLISECONDS} ms; milliseconds`);
  console.log('           at once      p50      p99   new process   CPU µs a post');
  for (const { name, inFlight, p50, p99, newP50, cpuMicroseconds } of rows) {
    const numbers = [p50, p99].map((one) => one.toFixed(0).padStart(9)).join('');
    console.log(
      `${name.padEnd(10)}${String(inFlight).padStart(8)}${numbers}${newP50.toFixed(0).padStart(14)}${cpuMicroseconds.toFixed(0).padStart(16)}`,
    );
  }
  console.log(`a loop on the SDK: ${loop.toFixed(0)} (of ${LOOP_POSTS}, scaled)`);
  const own = rows.find(
    ({ name, inFlight }) => name === 'sockets' && inFlight === LIMITS.postsAtOnceMax,
  );
  const met = own !== undefined && own.p99 <= P99_MILLISECONDS_MAX;
  console.log(
    `at postsAtOnceMax, ${LIMITS.postsAtOnceMax}: p99 ≤ ${P99_MILLISECONDS_MAX} ms ${met ? 'holds' : 'MISSED'}`,
  );
  console.log(`BENCH ${JSON.stringify({ bench: 'burst', posts: POSTS, rows, loop, met })}`);
}
