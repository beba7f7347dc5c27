import { memoryJournal } from '../../adapters/memory/journal.ts';
import { memoryChecks, memoryRoster } from '../../adapters/memory/roster.ts';
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { memoryStore } from '../../adapters/memory/store.ts';
import { systemClock, systemIds } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
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

test('a message of the past keeps its own octets, and not all that came with them', async () => {
  const journal = memoryJournal({ clock: systemClock, ids: systemIds, limits: LIMITS });
  const read = Buffer.alloc(1_000_000, 'x');
  const body = read.subarray(9, 11);
  const message = { id: 'm', destination: '/room/a', headers: [], body, at: Date.now() };
  const { epoch, seq } = await journal.append('/room/a', [{ type: 'message', message }]);
  const kept = [{ ...message, seq }];
  await journal.keep('/room/a', epoch, kept, Date.now() + 60_000);
  const [found] = await journal.history('/room/a', epoch, { after: 0, upTo: seq, most: 1 });
  expect(String(found?.body)).toBe('xx');
  expect(found?.body.buffer.byteLength).toBeLessThan(100_000);
});
