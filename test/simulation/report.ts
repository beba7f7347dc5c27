/** A failure, as one wants to read it: what, under which plan, after which faults and events. */
import type { Result } from './run.ts';

const FAULTS_SHOWN = 40;

export function printFailure({ seed, plan, violations, faults, lastEvents }: Result): void {
  const rain = Object.entries(plan.faults)
    .filter(([, chance]) => chance > 0)
    .map(([name, chance]) => `${name} ${chance.toFixed(3)}`);
  console.log(`seed ${seed} fails`);
  console.log(JSON.stringify({ ...plan, faults: undefined }));
  console.log(`faults: ${rain.join(', ') || 'none'}`);
  for (const fault of faults.slice(-FAULTS_SHOWN)) console.log(`  ${fault}`);
  console.log('events:');
  for (const line of lastEvents) console.log(`  ${line}`);
  for (const { checker, text } of violations) console.log(`${checker}: ${text}`);
  console.log(`again: npm run simulate -- --seeds 1 --seed ${seed} --scenario ${plan.scenario}`);
}
