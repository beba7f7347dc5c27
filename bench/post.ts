/**
 * CPU per post over TLS on loopback, 50 in flight, as an outbox posts: signed, judged, with what it
 * takes to retry. The SDK's PostToConnectionCommand, our signer over node:https and over sockets of
 * our own, undici where it is installed, and sockets that sign and read nothing. Only the client's
 * CPU counts: each contender is a process, the gateway another; the median of rounds in which they
 * take turns, so that a busy machine slows all of them alike.
 *
 *   npm run bench:post [-- --profile FOLDER]     (a CPU profile of each contender)
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readFlags } from '../local/flags.ts';
import { bundledClient, keepTo, startClient } from './post-process.ts';

const IN_FLIGHT = 50;
const ROUNDS = 9;
const WARM_ROUNDS = 4;
const POSTS = 3000;
/** What a new process posts at once: a fan-out, as a new Lambda environment has it. */
const COLD_POSTS = 1000;
const COLD_ROUNDS = 5;
/** Each may take at most one part in so many of the SDK's CPU. */
const BARS: Readonly<Record<string, number>> = { https: 6, sockets: 15 };

const USAGE = `npm run bench:post -- [options]
  --profile FOLDER  a CPU profile of each contender`;

const values = readFlags(
  USAGE,
  (args) => parseArgs({ args, options: { profile: { type: 'string' } } }).values,
);
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));

const server = fork(join(here, 'post-server.ts'), { execArgv: process.execArgv });
const [{ port, cert }] = await once(server, 'message');
keepTo(1, server);
const ca = join(folder, 'ca.pem');
writeFileSync(ca, cert);
const file = await bundledClient(folder);
const kinds = ['sdk', 'https', 'sockets', ...(undiciIsThere() ? ['undici'] : []), 'bare'];
const contenders = await Promise.all(kinds.map(contender));
const warm = await measure(ROUNDS, WARM_ROUNDS, roundOf);
for (const { child } of contenders) child.disconnect();
const cold = await measure(COLD_ROUNDS, 0, coldRoundOf);
report();
server.disconnect();
rmSync(folder, { recursive: true, force: true });

interface Contender {
  readonly kind: string;
  readonly child: ChildProcess;
}

function undiciIsThere(): boolean {
  try {
    return import.meta.resolve('undici') !== '';
  } catch {
    return false;
  }
}

async function contender(kind: string): Promise<Contender> {
  const profile =
    values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const child = await startClient({ file, kind, port, ca, inFlight: IN_FLIGHT, execArgv: profile });
  return { kind, child };
}

type Costs = ReadonlyMap<string, readonly number[]>;

/** Microseconds per post, by contender and round; each round begins with another of them. */
async function measure(
  rounds: number,
  warmRounds: number,
  roundOf: (kind: string) => Promise<number>,
): Promise<Costs> {
  const found = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  for (let round = -warmRounds; round < rounds; round++) {
    for (let turn = 0; turn < kinds.length; turn++) {
      const kind = kinds[(turn + round + warmRounds) % kinds.length] ?? '';
      const microseconds = await roundOf(kind);
      if (round >= 0) found.get(kind)?.push(microseconds);
    }
  }
  return found;
}

async function roundOf(kind: string): Promise<number> {
  const one = contenders.find((contender) => contender.kind === kind);
  if (one === undefined) return Number.NaN;
  one.child.send(POSTS);
  const [{ microseconds }] = await once(one.child, 'message');
  return microseconds;
}

/** A new process, its handshakes and code not yet compiled included; not its start. */
async function coldRoundOf(kind: string): Promise<number> {
  const { child } = await contender(kind);
  child.send(COLD_POSTS);
  const [{ microseconds }] = await once(child, 'message');
  child.disconnect();
  await once(child, 'exit');
  return microseconds;
}

function report(): void {
  const rows = kinds.map((kind) => {
    const ofSdk = ratio(warm, kind);
    const bar = BARS[kind];
    return {
      kind,
      microseconds: Number(median(warm.get(kind) ?? []).toFixed(1)),
      ofSdk: Number(ofSdk.toFixed(4)),
      ...(bar === undefined ? {} : { bar: Number((1 / bar).toFixed(4)), met: ofSdk <= 1 / bar }),
      coldMicroseconds: Number(median(cold.get(kind) ?? []).toFixed(1)),
      coldOfSdk: Number(ratio(cold, kind).toFixed(4)),
    };
  });
  console.log(`CPU µs of the client per post over TLS, 50 in flight, 400 octets`);
  console.log(`              warm               first ${COLD_POSTS} of a process`);
  for (const row of rows) {
    const bar = BARS[row.kind];
    console.log(
      row.kind.padEnd(8) +
        row.microseconds.toFixed(1).padStart(10) +
        `1/${(1 / row.ofSdk).toFixed(1)}`.padStart(8) +
        row.coldMicroseconds.toFixed(1).padStart(12) +
        `1/${(1 / row.coldOfSdk).toFixed(1)}`.padStart(8) +
        (bar === undefined ? '' : `   (≤ 1/${bar} warm ${row.met ? 'holds' : 'MISSED'})`),
    );
  }
  const met = rows.every((row) => row.met !== false);
  console.log(
    `BENCH ${JSON.stringify({ bench: 'post', rounds: ROUNDS, posts: POSTS, rows, met })}`,
  );
}

/** The median of the rounds' own ratios: both sides of each ran in the same seconds. */
function ratio(costs: Costs, kind: string): number {
  const sdk = costs.get('sdk') ?? [];
  return median((costs.get(kind) ?? []).map((cost, round) => cost / (sdk[round] ?? Number.NaN)));
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
}
