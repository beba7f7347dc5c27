/**
 * How long `npm start` takes from the spawn of its process to its `ready` line. The first start is
 * left out: it fills the caches of the disk and of tsx, as every start after an install finds them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { takeNoFlags } from '../local/flags.ts';

takeNoFlags('npm run bench:start takes no options.');

const STARTS = 7;

const folder = mkdtempSync(join(tmpdir(), 'stompway-bench-'));
const memory = await series(['--memory']);
const lmdb = await series(['--data', folder]);
rmSync(folder, { recursive: true, force: true });
console.log(`--memory   median ${median(memory)} ms of ${memory.join(', ')}`);
console.log(`--data     median ${median(lmdb)} ms of ${lmdb.join(', ')}`);
console.log(
  `BENCH ${JSON.stringify({
    bench: 'start',
    memoryMilliseconds: median(memory),
    lmdbMilliseconds: median(lmdb),
    starts: STARTS,
    barMilliseconds: 2000,
  })}`,
);

async function series(args: readonly string[]): Promise<number[]> {
  await start(args);
  const times: number[] = [];
  for (let count = 0; count < STARTS; count++) times.push(await start(args));
  return times;
}

async function start(args: readonly string[]): Promise<number> {
  const before = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', './local/sources.mjs', 'local/main.ts', '--port', '0', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  let took: number | undefined;
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('ready')) continue;
    took = Math.round(performance.now() - before);
    child.kill('SIGTERM');
  }
  await ended;
  if (took === undefined) throw new Error('npm start ended before it was ready');
  return took;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
