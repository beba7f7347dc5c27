/** Everything kept in this process's memory, gone at its end. */
import { memoryAgenda } from '../adapters/memory/agenda.ts';
import { memoryJournal } from '../adapters/memory/journal.ts';
import { memoryMailboxes } from '../adapters/memory/mailboxes.ts';
import { memoryChecks, memoryRoster } from '../adapters/memory/roster.ts';
import { memoryShelf } from '../adapters/memory/shelf.ts';
import { memoryStore } from '../adapters/memory/store.ts';
import { systemClock, systemIds } from '../adapters/system.ts';
import type { Limits } from '../broker/limits.ts';
import type { Keeping } from './handlers.ts';

export function memoryKeeping(limits: Limits): Keeping {
  const world = { clock: systemClock, ids: systemIds, limits };
  const store = memoryStore(world);
  return {
    store,
    held: store.held,
    journal: memoryJournal(world),
    roster: memoryRoster(),
    checks: memoryChecks(),
    mailboxes: memoryMailboxes(world),
    shelf: memoryShelf(systemClock),
    agenda: memoryAgenda(systemClock),
    openConnections: () => [],
  };
}
