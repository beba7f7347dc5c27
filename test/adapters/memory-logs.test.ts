import { memoryJournal } from '../../adapters/memory/journal.ts';
import { memoryChecks, memoryRoster } from '../../adapters/memory/roster.ts';
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { memoryStore } from '../../adapters/memory/store.ts';
import { checksContract } from '../contract/checks.ts';
import { durablesContract } from '../contract/durables.ts';
import { heldContract } from '../contract/held.ts';
import { journalContract } from '../contract/journal.ts';
import { keepsNoMoreThanCanBeAsked } from '../contract/journal-bound.ts';
import { type MakeStream, streamContract, withRecords } from '../contract/log-stream.ts';
import { rosterContract } from '../contract/roster.ts';
import { shelfContract } from '../contract/shelf.ts';

const close = async (): Promise<void> => {};
const inMemory: MakeStream = async (world) => ({ journal: memoryJournal(world), close });

journalContract('memory', withRecords(inMemory));
streamContract('memory', inMemory);
heldContract('memory', async (world) => ({ store: memoryStore(world), close }));
rosterContract('memory', async () => ({ roster: memoryRoster(), close }));
checksContract('memory', async () => ({ checks: memoryChecks(), close }));
shelfContract('memory', async (clock) => ({ shelf: memoryShelf(clock), close }));

durablesContract('memory', async (clock) => ({ shelf: memoryShelf(clock), close }));

test('what is older than any SUBSCRIBE can get is dropped, however long it might be kept', () =>
  keepsNoMoreThanCanBeAsked(inMemory));
