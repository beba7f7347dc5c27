import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LmdbStore, lmdbStore } from '../../adapters/lmdb/store.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Clock, Ids } from '../../broker/ports.ts';
import { checksContract } from '../contract/checks.ts';
import { durablesContract } from '../contract/durables.ts';
import { heldContract } from '../contract/held.ts';
import { journalContract } from '../contract/journal.ts';
import { keepsNoMoreThanCanBeAsked } from '../contract/journal-bound.ts';
import { idsInARow, joined, START, said, saidIn } from '../contract/journal-world.ts';
import { type MakeStream, streamContract, withRecords } from '../contract/log-stream.ts';
import { rosterContract, there } from '../contract/roster.ts';
import { type MakeShelf, shelfContract } from '../contract/shelf.ts';

interface World {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly ids?: Ids;
}

async function opened(world: World) {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const store = lmdbStore({ path, ...world });
  return {
    store,
    async close() {
      await store.close();
      rmSync(path, { recursive: true });
    },
  };
}

const journals: MakeStream = async (world) => {
  const { store, close } = await opened(world);
  return { journal: store.journal, close };
};

journalContract('lmdb', withRecords(journals));
streamContract('lmdb', journals);
heldContract('lmdb', opened);
rosterContract('lmdb', async (world) => {
  const { store, close } = await opened(world);
  return { roster: store.roster, close };
});
checksContract('lmdb', async (world) => {
  const { store, close } = await opened(world);
  return { checks: store.checks, close };
});
const makeShelf: MakeShelf = async (clock) => {
  const { store, close } = await opened({ clock, limits: LIMITS });
  return { shelf: store.shelf, close };
};
shelfContract('lmdb', makeShelf);
durablesContract('lmdb', makeShelf);

test('what is older than any SUBSCRIBE can get is dropped, however long it might be kept', () =>
  keepsNoMoreThanCanBeAsked(journals));

describe('after a restart', () => {
  async function twice(
    before: (store: LmdbStore) => Promise<void>,
    after: (store: LmdbStore) => Promise<void>,
  ): Promise<void> {
    const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
    const world = { path, clock: { now: () => START }, ids: idsInARow(), limits: LIMITS };
    try {
      for (const act of [before, after]) {
        const store = lmdbStore(world);
        await act(store);
        await store.close();
      }
    } finally {
      rmSync(path, { recursive: true });
    }
  }

  test('the stream goes on from what was committed, and cursors rise on', async () => {
    let committed = 0;
    await twice(
      async ({ journal }) => {
        for (const id of ['1', '2', '3']) await journal.append('/room/x', [said(id)]);
        committed = (await journal.stream.read(0, 2)).at(-1)?.cursor ?? 0;
        await journal.stream.commit(committed);
      },
      async ({ journal }) => {
        expect(committed).toBeGreaterThan(0);
        expect(await journal.stream.committed()).toBe(committed);
        await journal.append('/room/x', [said('4')]);
        const rows = await journal.stream.read(committed, 10);
        expect(saidIn(rows.map(({ record }) => record))).toEqual(['3', '4']);
        expect(rows.map(({ record }) => record.revision)).toEqual([3, 4]);
        expect(rows[0]?.cursor).toBeGreaterThan(committed);
      },
    );
  });

  test('everything committed and restarted, what is appended next is read next', async () => {
    let committed = 0;
    await twice(
      async ({ journal }) => {
        await journal.append('/room/x', [said('1')]);
        committed = (await journal.stream.read(0, 2)).at(-1)?.cursor ?? 0;
        await journal.stream.commit(committed);
      },
      async ({ journal }) => {
        await journal.append('/room/x', [joined('a')]);
        const rows = await journal.stream.read(committed, 10);
        expect(rows.map(({ record }) => record.entries)).toEqual([[joined('a')]]);
      },
    );
  });

  test('a log has its epoch, history, publish ids and progress still', async () => {
    let epoch = '';
    await twice(
      async ({ journal }) => {
        const entry = said('m1');
        const position = await journal.appendOnce('/room/x', entry, 'p');
        epoch = position === 'repeated' ? '' : position.epoch;
        const kept = [{ ...entry.message, seq: 1 }];
        await journal.keep('/room/x', epoch, kept, START + 60_000);
        await journal.advance('/room/x', { epoch, revision: 1 });
      },
      async ({ journal }) => {
        expect(await journal.appendOnce('/room/x', said('m2'), 'p')).toBe('repeated');
        expect(await journal.append('/room/x', [said('m2')])).toEqual({ epoch, seq: 2 });
        expect(await journal.progress('/room/x')).toEqual({ epoch, revision: 1 });
        const range = { after: 0, upTo: 2, most: 10 };
        const found = await journal.history('/room/x', epoch, range);
        expect(found.map(({ id }) => id)).toEqual(['m1']);
      },
    );
  });

  test('members and checks are there still', () =>
    twice(
      async ({ roster, checks }) => {
        await roster.enter('/room/x', there('ann'), 'm1');
        await roster.enter('/room/x', there('ben'), 'm2');
        await roster.leave('/room/x', there('ben'), 'm3');
        await checks.enroll('a', START);
      },
      async ({ roster, checks }) => {
        expect(await roster.leave('/room/x', there('ben'), 'm3')).toBe('left');
        const members = await roster.members('/room/x', undefined, 10);
        expect(members.map(({ member }) => member)).toEqual(['ann']);
        expect(await checks.due(START, 10)).toEqual([{ connectionId: 'a', at: START }]);
      },
    ));
});
