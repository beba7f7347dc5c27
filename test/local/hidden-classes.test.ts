/**
 * A message makes no hidden class. V8 of Node 20 makes new ones for an object literal with an
 * accessor, for one that begins by spreading another object and is added to, and for every
 * AbortSignal: 1.5 to 3.5 µs each, and what they belong to outlives its message by many.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PLAY = fileURLToPath(new URL('./hidden-classes-play.ts', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../local/sources.mjs', import.meta.url));

test('topics, rooms, queues, polls of SockJS and plain HTTP make no hidden class a message', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-test-'));
  try {
    const log = join(folder, 'v8.log');
    const flags = ['--log-maps', `--logfile=${log}`, '--no-logfile-per-isolate'];
    const told = execFileSync(process.execPath, [...flags, '--import', SOURCES, PLAY], {
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
      timeout: 60_000,
    });
    const { rounds }: { rounds: number } = JSON.parse(told);
    const lines = readFileSync(log, 'utf8').split('\n');
    const made = madeBetween(lines, 'markOfTheBeginning', 'markOfTheEnd');
    // Code that is compiled anew meanwhile makes a few.
    expect([...made].filter(([, times]) => times > rounds / 10)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 90_000);

/** How often a property, or whatever else, led to a new hidden class. */
function madeBetween(
  lines: readonly string[],
  beginning: string,
  end: string,
): ReadonlyMap<string, number> {
  const marked = (mark: string) =>
    lines.findIndex((line) => line.startsWith('map,') && line.endsWith(`,${mark}`));
  const [from, to] = [marked(beginning), marked(end)];
  // This V8 writes another log, or none.
  if (from < 0 || to < from) throw new Error('The log shows no marks');
  const made = new Map<string, number>();
  for (const line of lines.slice(from + 1, to)) {
    const [kind, how, , , , , , , reason, ...name] = line.split(',');
    if (kind !== 'map' || how === 'InitialMap') continue;
    const key = `${how} ${reason} ${name.join(',')}`;
    made.set(key, (made.get(key) ?? 0) + 1);
  }
  return made;
}
