/** The contract of logs: history, and how far it has been told. */
import type { LoggedMessage } from '../../broker/model.ts';
import {
  idsOf,
  type LogStage,
  logged,
  type MakeJournal,
  onLogs,
  START,
  said,
  upwards,
} from './journal-world.ts';

export function journalHistory(make: MakeJournal): void {
  ranges(make);
  keeping(make);
  expiring(make);
  progressing(make);
}

const HOUR = 3_600_000;

/** A log of so many messages, m1, m2 …, none of them kept yet. */
async function begun({ journal }: LogStage, count: number, room = '/room/x') {
  const { epoch } = await journal.append(
    room,
    upwards(1, count).map((n) => said(`m${n}`)),
  );
  return epoch;
}

function rows(first: number, last: number): readonly LoggedMessage[] {
  return upwards(first, last).map((seq) => logged(seq));
}

function ranges(make: MakeJournal): void {
  test.each([
    ['all of it', { after: 0, upTo: 10, most: 100 }, upwards(1, 10)],
    ['what follows a position', { after: 7, upTo: 10, most: 100 }, [8, 9, 10]],
    ['up to a position, which is part of it', { after: 0, upTo: 3, most: 100 }, [1, 2, 3]],
    ['a stretch', { after: 3, upTo: 6, most: 100 }, [4, 5, 6]],
    ['the newest of a stretch', { after: 1, upTo: 8, most: 3 }, [6, 7, 8]],
    ['exactly as many as there are', { after: 4, upTo: 8, most: 4 }, [5, 6, 7, 8]],
    ['beyond the end', { after: 8, upTo: 99, most: 100 }, [9, 10]],
    ['an empty stretch', { after: 5, upTo: 5, most: 100 }, []],
    ['a stretch that ends before it begins', { after: 7, upTo: 3, most: 100 }, []],
    ['none at all', { after: 0, upTo: 10, most: 0 }, []],
  ])('history gives %s, ascending', (_, range, wanted) =>
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 10);
      await stage.journal.keep('/room/x', epoch, rows(1, 10), START + HOUR);
      const found = await stage.journal.history('/room/x', epoch, range);
      expect(found.map(({ seq }) => seq)).toEqual(wanted);
    })(),
  );

  test(
    'what was appended but never kept is no history, and a hole shows as a gap',
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 6);
      const range = { after: 0, upTo: 6, most: 100 };
      expect(await stage.journal.history('/room/x', epoch, range)).toEqual([]);
      await stage.journal.keep('/room/x', epoch, [...rows(1, 2), ...rows(5, 6)], START + HOUR);
      const found = await stage.journal.history('/room/x', epoch, range);
      expect(found.map(({ seq }) => seq)).toEqual([1, 2, 5, 6]);
      const newest = await stage.journal.history('/room/x', epoch, { ...range, most: 3 });
      expect(newest.map(({ seq }) => seq)).toEqual([2, 5, 6]);
    }),
  );

  test(
    'history is of one log and one epoch',
    onLogs(make, async (stage) => {
      const { journal } = stage;
      const [x, y] = [await begun(stage, 2), await begun(stage, 2, '/room/x.y')];
      await journal.keep('/room/x', x, rows(1, 2), START + HOUR);
      const range = { after: 0, upTo: 2, most: 100 };
      expect(await journal.history('/room/x', `${x}0`, range)).toEqual([]);
      expect(await journal.history('/room/x', x.slice(0, -1), range)).toEqual([]);
      expect(await journal.history('/room/x.y', y, range)).toEqual([]);
      expect(await journal.history('/room/nobody', x, range)).toEqual([]);
    }),
  );
}

function keeping(make: MakeJournal): void {
  test(
    'a kept message is given as it was, everything in it',
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 3);
      const full = logged(1, {
        headers: [
          ['a', '1'],
          ['a', ''],
          ['ü', '東京 😀'],
        ],
        body: Uint8Array.from({ length: 256 }, (_, index) => index),
        audience: { to: ['s1'], except: ['s2', 's3'] },
        at: START + 5,
      });
      const bare = logged(2, { headers: [], body: new Uint8Array() });
      const open = logged(3, { audience: {} });
      await stage.journal.keep('/room/x', epoch, [full, bare, open], START + HOUR);
      const range = { after: 0, upTo: 3, most: 100 };
      expect(await stage.journal.history('/room/x', epoch, range)).toEqual([full, bare, open]);
    }),
  );

  test(
    'keeping again changes nothing, whole or in part',
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 6);
      const { journal } = stage;
      await journal.keep('/room/x', epoch, rows(1, 4), START + HOUR);
      await journal.keep('/room/x', epoch, rows(1, 4), START + HOUR);
      await journal.keep('/room/x', epoch, rows(3, 6), START + HOUR);
      await journal.keep('/room/x', epoch, [...rows(2, 3), ...rows(3, 3)], START + HOUR);
      const found = await journal.history('/room/x', epoch, { after: 0, upTo: 6, most: 100 });
      expect(found).toEqual(rows(1, 6));
      expect(await journal.head('/room/x')).toMatchObject({ seq: 6, revision: 1 });
    }),
  );

  test(
    'many messages are kept at once and found in order, past every ten and hundred',
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 120);
      await stage.journal.keep('/room/x', epoch, rows(1, 120), START + HOUR);
      const range = { after: 5, upTo: 117, most: 110 };
      const found = await stage.journal.history('/room/x', epoch, range);
      expect(found.map(({ seq }) => seq)).toEqual(upwards(8, 117));
    }),
  );

  test(
    'large messages are found however many fit a page of the store',
    onLogs(make, async (stage) => {
      const epoch = await begun(stage, 12);
      const body = new Uint8Array(stage.limits.publishBytesMax);
      const large = upwards(1, 12).map((seq) => logged(seq, { body }));
      await stage.journal.keep('/room/x', epoch, large, START + HOUR);
      const found = await stage.journal.history('/room/x', epoch, {
        after: 0,
        upTo: 12,
        most: 100,
      });
      expect(idsOf(found)).toEqual(idsOf(large));
      expect(new Set(found.map((one) => one.body.length))).toEqual(new Set([body.length]));
    }),
  );
}

function expiring(make: MakeJournal): void {
  test(
    'expired messages are left out, deleted or not',
    onLogs(make, async (stage) => {
      const { journal, pass } = stage;
      const epoch = await begun(stage, 4);
      await journal.keep('/room/x', epoch, rows(1, 2), START + HOUR);
      await journal.keep('/room/x', epoch, rows(3, 4), START + 2 * HOUR);
      const found = async () => {
        const range = { after: 0, upTo: 4, most: 100 };
        return (await journal.history('/room/x', epoch, range)).map(({ seq }) => seq);
      };
      pass(HOUR - 1000);
      expect(await found()).toEqual([1, 2, 3, 4]);
      pass(2000);
      expect(await found()).toEqual([3, 4]);
      pass(HOUR);
      expect(await found()).toEqual([]);
      expect(await journal.head('/room/x')).toMatchObject({ seq: 4 });
    }),
  );

  test(
    'expired ones do not count among the newest that are asked for',
    onLogs(make, async (stage) => {
      const { journal, pass } = stage;
      const epoch = await begun(stage, 6);
      await journal.keep('/room/x', epoch, rows(1, 3), START + 2 * HOUR);
      await journal.keep('/room/x', epoch, rows(4, 6), START + HOUR);
      pass(HOUR + 1000);
      const found = await journal.history('/room/x', epoch, { after: 0, upTo: 6, most: 2 });
      expect(found.map(({ seq }) => seq)).toEqual([2, 3]);
    }),
  );

  test(
    'a log goes on where it was after all its history has expired',
    onLogs(make, async (stage) => {
      const { journal, pass, limits } = stage;
      const epoch = await begun(stage, 2);
      await journal.keep('/room/x', epoch, rows(1, 2), START + limits.historySecondsDefault * 1000);
      pass((limits.historySecondsDefault + limits.headSecondsBeyondHistory / 2) * 1000);
      expect(await journal.append('/room/x', [said('m3')])).toEqual({ epoch, seq: 3 });
    }),
  );
}

function progressing(make: MakeJournal): void {
  test(
    'progress is what was last advanced to, of each log by itself',
    onLogs(make, async ({ journal }) => {
      const { epoch } = await journal.append('/room/x', [said('a')]);
      await journal.append('/room/y', [said('b')]);
      expect(await journal.progress('/room/x')).toBeUndefined();
      await journal.advance('/room/x', { epoch, revision: 1 });
      expect(await journal.progress('/room/x')).toEqual({ epoch, revision: 1 });
      await journal.advance('/room/x', { epoch, revision: 7 });
      await journal.advance('/room/x', { epoch, revision: 7 });
      expect(await journal.progress('/room/x')).toEqual({ epoch, revision: 7 });
      const spread = { durables: true, slices: 4, slicesSeq: 7, slicesAt: 1_800_000_000_000 };
      await journal.advance('/room/x', { epoch, revision: 8, ...spread });
      expect(await journal.progress('/room/x')).toEqual({ epoch, revision: 8, ...spread });
      await journal.advance('/room/x', { epoch: 'another', revision: 2 });
      expect(await journal.progress('/room/x')).toEqual({ epoch: 'another', revision: 2 });
      await journal.advance('/room/x', { epoch, revision: 8, durables: true });
      expect(await journal.progress('/room/x')).toEqual({ epoch, revision: 8, durables: true });
      expect(await journal.progress('/room/y')).toBeUndefined();
    }),
  );

  test(
    'neither progress nor history is a change of the log',
    onLogs(make, async (stage) => {
      const { journal, records } = stage;
      const epoch = await begun(stage, 2);
      await journal.keep('/room/x', epoch, rows(1, 2), START + HOUR);
      await journal.advance('/room/x', { epoch, revision: 1 });
      await journal.append('/room/x', [said('m3')]);
      expect(await journal.head('/room/x')).toEqual({ epoch, seq: 3, revision: 2 });
      expect((await records(2)).map(({ revision }) => revision)).toEqual([1, 2]);
    }),
  );
}
