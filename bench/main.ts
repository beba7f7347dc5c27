/**
 * The broker beside its peers on this machine, in one run: bare `ws`, Socket.IO 4 and, where it is
 * installed, RabbitMQ's Web-STOMP. CPU of the server's processes alone, user and system, per unit of
 * work; medians of rounds in which the peers take turns; a ratio is the median of the rounds' own.
 * Every message is numbered: one lost, doubled or out of order ends the bench.
 *
 *   npm run bench                        all cases
 *   npm run bench -- --only pairs,rooms  some of them
 *   npm run bench -- --bill              and what AWS would charge for the same traffic
 *   npm run bench -- --write             and renews docs/benchmarks.md and its picture
 *   npm run bench -- --profile FOLDER    a CPU profile of each server
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readCount, readFlags } from '../local/flags.ts';
import { withPart } from './part.ts';
import { CASES, type Case } from './peers/cases.ts';
import type { PeerName } from './peers/manner.ts';
import type { Row } from './peers/measure.ts';
import { type Peer, startPeer } from './peers/peer.ts';
import { COLUMNS, markdown, met, PART, PEER_TITLES, picture, verdicts } from './peers/report.ts';

const known = CASES.map(({ name }) => name);
const USAGE = `npm run bench -- [options]
  --only CASE,CASE  some of ${known.join(', ')}
  --rounds N        medians of so many; 15
  --bill            and what AWS would charge for the same traffic
  --write           renews docs/benchmarks.md and its picture
  --profile FOLDER  a CPU profile of each server`;

const values = readFlags(
  USAGE,
  (args) =>
    parseArgs({
      args,
      options: {
        only: { type: 'string' },
        rounds: { type: 'string', default: '15' },
        bill: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        profile: { type: 'string' },
      },
    }).values,
);

const rounds = readCount('--rounds', values.rounds, 1, USAGE);
const only = values.only?.split(',');
for (const name of only ?? []) {
  if (!known.includes(name)) fail(`--only knows ${known.join(', ')}; not ${name}`);
}
if (values.write && only !== undefined) fail('--write needs all cases');

const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const clear = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
// Also by Ctrl-C, while a peer that catches it is up.
process.once('exit', clear);
const missing = new Set<PeerName>();
const rows: Row[] = [];
let started = 0;
try {
  for (const one of CASES.filter(({ name }) => only?.includes(name) ?? true)) {
    console.log(`\n${one.name}`);
    for (const row of await runCase(one)) {
      rows.push(row);
      console.log(line(row));
    }
  }
} finally {
  clear();
}
for (const name of missing) console.log(`\n${PEER_TITLES[name]} is not installed: left out`);
if (values.bill) {
  const { bill } = await import('./peers/bill.ts');
  console.log(`\n${(await bill(rows)).join('\n')}`);
}
if (values.write) write();
const machine = { node: process.version, cores: cpus().length, load: loadavg()[0]?.toFixed(1) };
console.log(`\nBENCH ${JSON.stringify({ bench: 'peers', machine, rounds, rows, met: met(rows) })}`);

async function runCase({ peers, run }: Case): Promise<readonly Row[]> {
  const running: Peer[] = [];
  try {
    for (const name of peers) {
      const peer = await startPeer(name, {
        folder: mkdtempSync(join(folder, `${started++}-`)),
        profile: values.profile,
      });
      if (peer === undefined) missing.add(name);
      else running.push(peer);
    }
    return await run(running, rounds);
  } finally {
    for (const peer of running) await peer.stop();
  }
}

function line(row: Row): string {
  const cells = COLUMNS.flatMap((name) => {
    const value = row.medians[name];
    return value === undefined ? [] : [`${name} ${value.toFixed(2)}`];
  });
  return [`  ${row.label}, ${row.unit}: ${cells.join(', ')}`, ...verdicts(row)].join('\n    ');
}

function write(): void {
  const page = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
  const date = new Date().toISOString().slice(0, 10);
  const words = `${date}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}`;
  writeFileSync(page, withPart(readFileSync(page, 'utf8'), PART, `${words}.\n\n${markdown(rows)}`));
  const caption = `What it costs on one machine, as a share of bare ws (less is better), ${words}`;
  writeFileSync(new URL('../docs/benchmarks.svg', import.meta.url), picture(rows, caption));
}

function fail(words: string): never {
  console.error(words);
  process.exit(2);
}
