/** When the end of a session is told, by a clock that the test moves. */
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { systemIds } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Timer } from '../../broker/ports.ts';
import { type Attached, makeSessions } from '../../lambda/sessions.ts';

const SESSION_SECONDS = 5;

/** Actions run, in order, as `pass` comes to their time, whatever the clock is set to. */
function movedTime() {
  let now = 1_000_000;
  let ahead = 0;
  const actions = new Map<object, { at: number; action: () => void }>();
  const timer: Timer = {
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    after(milliseconds, action) {
      const key = {};
      actions.set(key, { at: now + milliseconds, action });
      return () => actions.delete(key);
    },
  };
  return {
    clock: { now: () => now + ahead },
    setClock(milliseconds: number): void {
      ahead += milliseconds;
    },
    timer,
    set: () => actions.size,
    async pass(milliseconds: number): Promise<void> {
      const end = now + milliseconds;
      for (;;) {
        const due = [...actions].filter(([, { at }]) => at <= end);
        const next = due.sort(([, a], [, b]) => a.at - b.at)[0];
        if (next === undefined) break;
        const [key, { at, action }] = next;
        actions.delete(key);
        now = at;
        action();
        await new Promise(setImmediate);
      }
      now = end;
    },
  };
}

function world() {
  const time = movedTime();
  const lost: string[] = [];
  const looked: string[] = [];
  const { clock, timer } = time;
  const mailboxes = memoryMailboxes({ clock, limits: LIMITS });
  const log = { info: () => undefined, warn: () => undefined, error: fail };
  const sessions = makeSessions(
    {
      mailboxes: {
        ...mailboxes,
        find(session) {
          looked.push(session);
          return mailboxes.find(session);
        },
      },
      clock,
      timer,
      ids: systemIds,
      limits: LIMITS,
      log,
    },
    {
      service: {
        opened: async () => undefined,
        heard: async () => undefined,
        lost: async (connectionId) => void lost.push(connectionId),
      },
      sessionSeconds: SESSION_SECONDS,
      keepsInterrupted: false,
    },
  );
  const poll = async (): Promise<Attached> => {
    const attached = await sessions.attach('s.a', false);
    if (attached === 'busy') throw new Error('busy');
    return attached;
  };
  return { time, lost, looked, sessions, poll };
}

function fail(event: string, cause: unknown): never {
  throw new Error(event, { cause });
}

test('the end of a session is told once, its time after the last of many receivers', async () => {
  const { time, lost, sessions, poll } = world();
  let last = await poll();
  await sessions.release(last);
  for (let polls = 0; polls < 20; polls++) {
    await time.pass(2_000);
    last = await poll();
    await time.pass(500);
    await sessions.release(last);
  }
  expect(lost).toEqual([]);
  await time.pass(SESSION_SECONDS * 1000 - 1);
  expect(lost).toEqual([]);
  await time.pass(100);
  expect(lost).toEqual([last.connectionId]);
  await time.pass(60_000);
  expect(lost).toEqual([last.connectionId]);
  expect(time.set()).toBe(0);
});

test('a receiver that stays for long is not taken for none, nor looked for', async () => {
  const { time, lost, looked, sessions, poll } = world();
  await sessions.release(await poll());
  const held = await poll();
  await time.pass(4 * SESSION_SECONDS * 1000);
  expect([lost, looked]).toEqual([[], []]);
  await sessions.release(held);
  await time.pass(SESSION_SECONDS * 1000 - 1);
  expect(lost).toEqual([]);
  await time.pass(100);
  expect(lost).toEqual([held.connectionId]);
});

test('the end of a session is told in time though the clock was set back meanwhile', async () => {
  const { time, lost, sessions, poll } = world();
  await sessions.release(await poll());
  time.setClock(-3_600_000);
  await time.pass(2 * SESSION_SECONDS * 1000);
  const last = await poll();
  await sessions.release(last);
  await time.pass(2 * SESSION_SECONDS * 1000 + 100);
  expect(lost).toEqual([last.connectionId]);
  expect(time.set()).toBe(0);
});

test('a session waits on one timer, however often it is polled, and stop forgets it', async () => {
  const { time, lost, sessions, poll } = world();
  for (let polls = 0; polls < 100; polls++) await sessions.release(await poll());
  expect(time.set()).toBe(1);
  sessions.stop();
  expect(time.set()).toBe(0);
  await time.pass(60_000);
  expect(lost).toEqual([]);
});
