/**
 * `npm run simulate -- --seeds N [--seed S] [--scenario rooms|crowds|queues]`: N seeds from S on, each
 * in every scenario, in crowds every second, or all in one. A failure prints its seed, its plan, the faults that fell and the last
 * events; `--seeds 1 --seed S --scenario …` replays it, every event told.
 */
import { parseArgs } from 'node:util';
import { readCount, readFlags, refuse } from '../../local/flags.ts';
import { SCENARIOS, type Scenario } from './plan.ts';
import { printFailure } from './report.ts';
import { runSeed } from './run.ts';

const USAGE = `npm run simulate -- [options]
  --seeds N        so many histories; 1000
  --seed S         the first of them; 1
  --scenario NAME  one of ${SCENARIOS.join(', ')}; all
  --failures N     goes on after a failure, up to so many; 1`;

const values = readFlags(
  USAGE,
  (args) =>
    parseArgs({
      args,
      options: {
        seeds: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        scenario: { type: 'string' },
        failures: { type: 'string', default: '1' },
      },
    }).values,
);
const seeds = readCount('--seeds', values.seeds, 1, USAGE);
const first = readCount('--seed', values.seed, 0, USAGE);
const most = readCount('--failures', values.failures, 1, USAGE);

const scenarios = SCENARIOS.filter((one) => (values.scenario ?? one) === one);
if (scenarios.length === 0) refuse(`There is no scenario ${values.scenario}.`, USAGE);

const began = performance.now();
let [passed, failed, played, events, arrived, repeated] = [0, 0, 0, 0, 0, 0];
for (let seed = first; seed < first + seeds && failed < most; seed++) {
  for (const scenario of scenarios) {
    // Crowds are a heavier sort of rooms: half as many take a quarter of the time of both.
    const passes = scenario === 'crowds' && scenarios.length > 1 && seed % 2 === 0;
    if (!passes) await play(seed, scenario);
  }
  played++;
}
const seconds = (performance.now() - began) / 1000;
const perMinute = (spent: number) => Math.round((played / spent) * 60);
const { user, system } = process.cpuUsage();
console.log(`${events} events, ${arrived} messages arrived, ${repeated} of them again`);
console.log(
  `${perMinute(seconds)} seeds a minute, ${perMinute((user + system) / 1e6)} a minute of processor time`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function play(seed: number, scenario: Scenario): Promise<void> {
  const result = await runSeed(seed, { scenario, verbose: seeds === 1 });
  events += result.events;
  arrived += result.arrived;
  repeated += result.repeated;
  if (result.violations.length === 0) passed++;
  else {
    failed++;
    printFailure(result);
  }
}
