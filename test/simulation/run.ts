/** One seed, from its first event to its last checker. */
import type { Bug } from './bugs.ts';
import { type Violation, watch } from './checks/index.ts';
import { makeClient } from './client.ts';
import { makePlan, makeWeather, type Plan, type Scenario } from './plan.ts';
import { makeScheduler } from './scheduler.ts';
import { type Cast, play } from './script.ts';
import { makeTruth } from './truth.ts';
import { drain, playWork } from './work-script.ts';
import { makeWorld, type World } from './world.ts';

export interface Result {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly faults: readonly string[];
  readonly lastEvents: readonly string[];
  readonly traceHash: string;
  readonly events: number;
  /** MESSAGEs that arrived, and those of them that the wire repeated. */
  readonly arrived: number;
  readonly repeated: number;
}

export interface RunOptions {
  readonly bug?: Bug | undefined;
  readonly verbose?: boolean;
  /** @default rooms */
  readonly scenario?: Scenario;
}

/** Longer than a visibility time-out, two sweeps and every reconnect. */
const CALM_SECONDS = 150;
/** A slow stream may take so many times longer. */
const DRAINS_MAX = 20;
const PROBE_SECONDS = 30;

export async function runSeed(seed: number, options: RunOptions = {}): Promise<Result> {
  const plan = makePlan(seed, options.scenario ?? options.bug?.scenario ?? 'rooms');
  const scheduler = makeScheduler(seed, options.verbose);
  const weather = makeWeather(plan, scheduler.random);
  const truth = makeTruth();
  const watcher = watch(scheduler, truth, plan);
  const world = makeWorld({
    scheduler,
    weather,
    truth,
    bug: options.bug,
    unexplained: (event, cause) => watcher.report('unexplained', `${event}: ${String(cause)}`),
  });
  const rooms = plan.scenario !== 'queues';
  const cast = (rooms ? play : playWork)(world, watcher.report);
  await scheduler.run(plan.seconds * 1000);
  weather.calm();
  cast.calm();
  scheduler.note('all is calm');
  await scheduler.run(CALM_SECONDS * 1000);
  if (!rooms) await emptied(world);
  await watcher.settled({ world, cast });
  await (rooms ? probe : drain)(world, cast, watcher.report);
  if (plan.scenario === 'crowds') await emptied(world);
  await watcher.quiet({ world, cast });
  return {
    seed,
    plan,
    violations: watcher.violations,
    faults: weather.told,
    lastEvents: scheduler.lastEvents(),
    traceHash: scheduler.traceHash(),
    events: scheduler.events,
    arrived: watcher.arrived,
    repeated: watcher.repeated,
  };
}

/** Until the stream is, however slow. */
async function emptied({ scheduler, stream }: World): Promise<void> {
  for (let more = 0; stream.waiting > 0 && more < DRAINS_MAX; more++) {
    await scheduler.run(CALM_SECONDS * 1000);
  }
}

/** One more message to every place: whoever does not live is found out by it. */
async function probe(
  world: World,
  { places }: Cast,
  report: (checker: string, text: string) => void,
): Promise<void> {
  const { scheduler } = world;
  const prober = makeClient(
    { name: 'prober', language: 'stomp', hasty: false },
    { ...world, report },
  );
  prober.come();
  // Joining and leaving, it lets every watcher be posted to as well.
  for (const place of places) prober.join(place);
  for (const [index, place] of places.entries()) {
    prober.send([{ destination: place, body: `probe${index}`, receipt: true, exceptSelf: false }]);
  }
  await scheduler.run((PROBE_SECONDS * 1000) / 2);
  prober.quit();
  await scheduler.run((PROBE_SECONDS * 1000) / 2);
}
