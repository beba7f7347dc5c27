/**
 * `npm run simulate:bugs [-- words]`: every planted bug (whose name holds the words) must be found
 * within so many seeds of its scenario. Prints the table of docs/simulation.md, and fails if one lives.
 */
import { refuse } from '../../local/flags.ts';
import { BUGS, type Bug } from './bugs.ts';
import { CROWD_BUGS } from './bugs-crowds.ts';
import { QUEUE_BUGS } from './bugs-queues.ts';
import { runSeed } from './run.ts';

const SEEDS_MAX = 500;

interface Catch {
  readonly checkers: readonly string[];
  readonly seeds: number;
}

/** The first seed that shows the bug, counted from 1; undefined: none of so many. */
async function hunt(bug: Bug): Promise<Catch | undefined> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { violations } = await runSeed(seed, { bug });
    if (violations.length === 0) continue;
    return { checkers: [...new Set(violations.map(({ checker }) => checker))], seeds: seed };
  }
  return undefined;
}

const words = process.argv[2] ?? '';
const wanted = [...BUGS, ...CROWD_BUGS, ...QUEUE_BUGS].filter(({ name }) => name.includes(words));
if (wanted.length === 0) {
  refuse(`No bug's name holds "${words}".`, 'npm run simulate:bugs [-- words of its name]');
}
let alive = 0;
console.log('| bug | breaks (LANES) | found by | seeds |\n|---|---|---|---|');
for (const bug of wanted) {
  const found = await hunt(bug);
  if (found === undefined) alive++;
  const by = found === undefined ? '**not found**' : found.checkers.join(', ');
  console.log(`| ${bug.name} | ${bug.breaks} | ${by} | ${found?.seeds ?? `> ${SEEDS_MAX}`} |`);
}
console.log(`${wanted.length - alive} passed, ${alive} failed`);
process.exitCode = alive === 0 ? 0 : 1;
