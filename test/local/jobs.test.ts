/** Jobs on one machine: kept in the store, done in order, one group beside another. */
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { consoleLog, systemClock, systemIds } from '../../adapters/system.ts';
import type { JobTask, ShardTask } from '../../broker/ports.ts';
import { shelfJobs, startJobs } from '../../local/jobs.ts';

const task = (body: string): ShardTask => ({
  type: 'shard',
  destination: '/topic/x',
  slice: { index: 0, of: 1 },
  messages: [{ id: body, destination: '/topic/x', headers: [['a', 'b']], body: Buffer.from(body) }],
});

const job = (group: string, body: string) => ({ group, once: body, task: task(body) });

function setting() {
  const shelf = memoryShelf(systemClock);
  const jobs = shelfJobs({ shelf, clock: systemClock, ids: systemIds });
  const logged: string[] = [];
  const log = consoleLog({ level: 'warn', write: (line) => logged.push(line) });
  return { shelf, jobs, log, logged, clock: systemClock, pollMilliseconds: 0 };
}

const idOf = (one: JobTask) => (one.type === 'shard' ? (one.messages[0]?.id ?? '') : '');

test('jobs of a group are done in the order of their sends, and each once', async () => {
  const world = setting();
  const done: string[] = [];
  const all = new Promise<void>((resolve) => {
    startJobs({
      ...world,
      perform: async (one) => {
        done.push(idOf(one));
        if (done.length === 6) resolve();
      },
    });
  });
  await world.jobs.send([job('g', 'g1'), job('h', 'h1')]);
  await world.jobs.send([job('g', 'g2'), job('h', 'h2')]);
  await world.jobs.send([job('g', 'g3'), job('h', 'h3')]);
  await all;
  expect(done.filter((id) => id.startsWith('g'))).toEqual(['g1', 'g2', 'g3']);
  expect(done.filter((id) => id.startsWith('h'))).toEqual(['h1', 'h2', 'h3']);
});

test('what a process before this one has left is done, as a repeat', async () => {
  const world = setting();
  await world.jobs.send([job('g', 'left')]);
  const attempt = await new Promise((resolve) => {
    startJobs({ ...world, perform: async (_, given) => resolve(given) });
  });
  expect(attempt).toEqual({ repeated: true });
});

test('a job that fails is given again before the next of its group, and holds up no other', async () => {
  const world = setting();
  const done: string[] = [];
  let failed = false;
  const all = new Promise<void>((resolve) => {
    startJobs({
      ...world,
      perform: async (one, { repeated }) => {
        if (idOf(one) === 'g1' && !failed) {
          failed = true;
          throw new Error('once');
        }
        done.push(`${idOf(one)} ${repeated}`);
        if (done.length === 3) resolve();
      },
    });
  });
  await world.jobs.send([job('g', 'g1'), job('g', 'g2'), job('h', 'h1')]);
  await all;
  expect(done).toEqual(['h1 false', 'g1 true', 'g2 false']);
  expect(world.logged.filter((line) => line.includes('job-failed'))).toHaveLength(1);
});

test('a group that fails hides no other, however many jobs of it stand in front', async () => {
  const world = setting();
  await world.jobs.send(Array.from({ length: 450 }, (_, n) => job('g', `g${n}`)));
  await world.jobs.send([job('h', 'h1')]);
  const first = await new Promise((resolve) => {
    startJobs({
      ...world,
      perform: async (one, { repeated }) => {
        if (idOf(one).startsWith('g')) throw new Error('for ever');
        resolve([idOf(one), repeated]);
      },
    });
  });
  expect(first).toEqual(['h1', true]);
});
