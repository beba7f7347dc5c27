/** What workers and durable subscribers of a seed do: consume, send, run errands, come and go. */
import { type Faithful, makeFaithful } from './faithful.ts';
import type { Letter } from './letters.ts';
import type { LineWorld } from './line.ts';
import type { Random } from './random.ts';
import type { Cast } from './script.ts';
import { type Hiring, makeWorker, type Worker } from './worker.ts';
import type { World } from './world.ts';

export const QUEUES = ['/queue/a', '/queue/bb'];
export const DURABLE_ROOM = '/room/d';

/** Schedules everything; the scheduler then makes it happen. */
export function playWork(world: World, report: LineWorld['report']): Cast {
  const { scheduler, weather } = world;
  const { random } = scheduler;
  const { plan } = weather;
  const queues = QUEUES.slice(0, plan.rooms);
  const places = [...queues, DURABLE_ROOM];
  const ordered = plan.ingress === 'fifo';
  const lineWorld = { ...world, report };
  const workers = Array.from({ length: plan.clients }, (_, index) =>
    makeWorker(
      {
        name: `w${index}`,
        version: random.chance(0.75) ? '1.2' : '1.1',
        hasty: ordered && random.chance(0.3),
        places: ordered ? places : [],
      },
      lineWorld,
    ),
  );
  const faithful = Array.from({ length: random.between(1, 2) }, (_, index) =>
    makeFaithful(
      {
        name: `f${index}`,
        mode: random.pick(['auto', 'client']),
        destination: DURABLE_ROOM,
        hasty: ordered && random.chance(0.3),
      },
      lineWorld,
    ),
  );
  const scene: Scene = { world, queues, letters: post(world) };
  for (const worker of workers) {
    scheduler.after(2000 * random.next(), `${worker.name} comes`, () => {
      for (const queue of queues) if (random.chance(0.7)) worker.hire(hiring(queue, world));
      worker.come();
    });
    breakNow(worker, world);
  }
  for (const one of faithful) {
    scheduler.after(2000 * random.next(), `${one.name} comes`, () => one.come());
    wander(one, world);
    breakNow(one, world);
  }
  for (let count = 0; count < plan.actions; count++) {
    const worker = random.pick(workers);
    scheduler.after(plan.seconds * 1000 * random.next(), `${worker.name} acts`, () =>
      act(worker, scene),
    );
  }
  return {
    clients: [],
    places: [],
    watched: [],
    workers,
    faithful,
    queues,
    calm() {
      for (const worker of workers) worker.calm();
      for (const one of faithful) one.come();
    },
  };
}

interface Scene {
  readonly world: World;
  readonly queues: readonly string[];
  readonly letters: (destination: string) => readonly Letter[];
}

function act(worker: Worker, { world, queues, letters }: Scene): void {
  const { random } = world.scheduler;
  const dice = random.next();
  if (dice < 0.55) worker.send(letters(random.chance(0.75) ? random.pick(queues) : DURABLE_ROOM));
  else if (dice < 0.7) worker.run();
  else if (dice < 0.78) worker.hire(hiring(random.pick(queues), world));
  else if (dice < 0.85) worker.leave(random.pick(queues));
  else if (dice < 0.92) worker.quit();
  else worker.come();
}

function hiring(queue: string, { scheduler: { random } }: World): Hiring {
  const picky = random.chance(0.1) ? { selector: "colour = 'red'" } : {};
  return {
    queue,
    mode: random.pick(['auto', 'client', 'client-individual', 'client-individual']),
    prefetch: random.pick([1, 2, 5, 100]),
    ...picky,
  };
}

/** Letters with a name each: some live short, some wait, some are large. */
function post({ scheduler: { random } }: World): Scene['letters'] {
  let count = 0;
  return (destination) =>
    Array.from({ length: random.chance(0.6) ? 1 : random.between(2, 6) }, () => {
      const name = `b${++count}`;
      const receipt = random.chance(0.7);
      const publishId = receipt && random.chance(0.3) ? { publishId: `p-${name}` } : {};
      const headers = destination.startsWith('/queue/') ? wishes(random) : {};
      const body = random.chance(0.1) ? name.padEnd(1500, '.') : name;
      return { destination, body, receipt, ...publishId, exceptSelf: false, headers };
    });
}

/** What a sender may ask of a queue. */
function wishes(random: Random): Readonly<Record<string, string>> {
  const some = (chance: number, name: string, value: () => string | number) =>
    random.chance(chance) ? { [name]: String(value()) } : {};
  return {
    ...some(0.08, 'expiration', () => random.between(0, 20_000)),
    ...some(0.1, 'x-delay', () => random.between(1, 15_000)),
    ...some(0.2, 'priority', () => random.between(0, 9)),
    ...some(0.3, 'colour', () => random.pick(['red', 'blue'])),
  };
}

/** Comes, goes, and now and then gives up, as long as faults fall. */
function wander(one: Faithful, world: World): void {
  const { scheduler, weather } = world;
  scheduler.after(8000 * scheduler.random.next(), `${one.name} wanders`, () => {
    if (weather.isCalm) return;
    const dice = scheduler.random.next();
    if (dice < 0.1) one.giveUp();
    else if (one.wantsOnline && dice < 0.6) one.quit();
    else one.come();
    wander(one, world);
  });
}

/** Drawn every second, as long as faults fall. */
function breakNow(client: Pick<Worker, 'name' | 'cut'>, world: World): void {
  const { scheduler, weather } = world;
  if (weather.isCalm) return;
  scheduler.after(1000, `${client.name} holds?`, () => {
    if (weather.falls('cut')) {
      weather.tell(`the network of ${client.name} breaks`);
      client.cut();
    }
    breakNow(client, world);
  });
}

const PATIENCE_SECONDS = 90;

/** Everybody goes, leases run out, and one who takes all empties every queue and its dead letters. */
export async function drain(
  world: World,
  { workers, queues }: Cast,
  report: LineWorld['report'],
): Promise<void> {
  const { scheduler, weather } = world;
  for (const worker of workers) worker.quit();
  const drainer = makeWorker(
    { name: 'drainer', version: '1.2', hasty: false, diligent: true, places: [] },
    { ...world, report },
  );
  for (const queue of queues) {
    for (const one of [queue, queue.replace('/queue/', '/queue/dead.')]) {
      drainer.hire({ queue: one, mode: 'auto', prefetch: 100 });
    }
  }
  drainer.come();
  await scheduler.run((weather.plan.work.ackSeconds + PATIENCE_SECONDS) * 1000);
}
