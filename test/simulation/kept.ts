/** What is kept: the memory adapters, which outlive every invocation, and their stream. */
import { type MemoryJournal, memoryJournal } from '../../adapters/memory/journal.ts';
import { memoryChecks, memoryRoster } from '../../adapters/memory/roster.ts';
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { type MemoryStore, memoryStore } from '../../adapters/memory/store.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { LogRecord } from '../../broker/model.ts';
import type { Checks, Ids, Roster, Shelf } from '../../broker/ports.ts';
import type { Scheduler } from './scheduler.ts';

/** What outlives every invocation. */
export interface Kept {
  readonly store: MemoryStore;
  readonly journal: MemoryJournal;
  readonly roster: Roster;
  readonly checks: Checks;
  readonly shelf: Shelf;
}

export function makeKept(scheduler: Scheduler): Kept {
  const world = { clock: { now: scheduler.now }, limits: LIMITS, ids: idsOf(scheduler) };
  const store = memoryStore(world);
  return {
    store,
    journal: memoryJournal(world),
    roster: memoryRoster(),
    checks: memoryChecks(),
    shelf: memoryShelf(world.clock),
  };
}

/** Takes what is appended out of the journal's own stream, at once and each record once. */
export function follow({ stream }: MemoryJournal, take: (record: LogRecord) => void): void {
  let seen = 0;
  stream.onAppend(async () => {
    for (const { cursor, record } of await stream.read(seen, 1000)) {
      if (cursor <= seen) continue;
      seen = cursor;
      take(record);
    }
    await stream.commit(seen);
  });
}

/** Ids from the seed. */
export function idsOf({ random }: Scheduler): Ids {
  return {
    random: () =>
      `${Math.floor(random.next() * 2 ** 32).toString(36)}${Math.floor(random.next() * 2 ** 32).toString(36)}`,
  };
}
