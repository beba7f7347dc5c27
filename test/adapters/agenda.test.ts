import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { memoryAgenda } from '../../adapters/memory/agenda.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Agenda, Clock, Log, Task } from '../../broker/ports.ts';
import { startAgenda } from '../../local/agenda.ts';

const START = 1_700_000_000_000;
const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const tick = (queue: string): Task => ({ type: 'tick', queue });
const folder = mkdtempSync(join(tmpdir(), 'stompway-agenda-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function onDisk(name: string, clock: Clock) {
  return lmdbStore({ path: join(folder, name), clock, limits: LIMITS });
}

const MAKERS: readonly (readonly [string, (clock: Clock) => Agenda])[] = [
  ['memory', memoryAgenda],
  ['lmdb', (clock) => onDisk('contract', clock).agenda],
];

test.each(MAKERS)(
  '%s: a task is due at its time and no earlier, until settled',
  async (_, make) => {
    const agenda = make({ now: () => START });
    await agenda.schedule(3, tick('later'));
    await agenda.schedule(0.5, tick('sooner'));
    expect(await agenda.due(START + 499, 10)).toEqual([]);
    const [first, ...none] = await agenda.due(START + 500, 10);
    expect([first?.task, none]).toEqual([tick('sooner'), []]);
    const both = await agenda.due(START + 3000, 10);
    expect(both.map(({ task }) => task)).toEqual([tick('sooner'), tick('later')]);
    expect(await agenda.due(START + 3000, 1)).toHaveLength(1);
    for (const { key } of both) await agenda.settle(key);
    expect(await agenda.due(START + 3000, 10)).toEqual([]);
  },
);

test('lmdb: what was planned is there after a restart', async () => {
  const clock = { now: () => START };
  const first = onDisk('restart', clock);
  await first.agenda.schedule(3, tick('q'));
  await first.close();
  const second = onDisk('restart', clock);
  expect((await second.agenda.due(START + 3000, 10)).map(({ task }) => task)).toEqual([tick('q')]);
  await second.close();
});

test('a task that fails is done again, one that is done is not', async () => {
  const agenda = memoryAgenda({ now: () => START });
  await agenda.schedule(0, tick('q'));
  let done: () => void = () => undefined;
  const twice = new Promise<void>((resolve) => {
    done = resolve;
  });
  let calls = 0;
  const running = startAgenda({
    agenda,
    clock: { now: () => START },
    log: silent,
    perform: async () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      done();
    },
  });
  await twice;
  await running.stop();
  expect(await agenda.due(START, 10)).toEqual([]);
  expect(calls).toBe(2);
});

test('a crowd of tasks that is due at once is done at one look', async () => {
  jest.useFakeTimers();
  try {
    const agenda = memoryAgenda({ now: () => START });
    const crowd = Array.from({ length: 1_050 }, (_, n) => tick(`q${n}`));
    for (const task of crowd) await agenda.schedule(0, task);
    const done: Task[] = [];
    const perform = async (task: Task) => void done.push(task);
    const running = startAgenda({ agenda, clock: { now: () => START }, log: silent, perform });
    await jest.advanceTimersByTimeAsync(100);
    expect(done).toEqual(crowd);
    await running.stop();
  } finally {
    jest.useRealTimers();
  }
});
