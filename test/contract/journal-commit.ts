/** The contract of logs: changes of several at once, under one name. */
import { joined, type MakeJournal, onLogs, said, saidIn, upwards } from './journal-world.ts';

export function journalCommit(make: MakeJournal): void {
  test(
    'a commit is one change of each of its logs, each by its own numbers',
    onLogs(make, async ({ journal, records }) => {
      await journal.append('/room/x', [said('before')]);
      const changes = [
        { destination: '/room/x', entries: [said('a'), said('b')] },
        { destination: '/room/y', entries: [joined('c'), said('c')] },
      ];
      expect(await journal.commit(changes, 'once')).toBe('done');
      expect(await journal.head('/room/x')).toMatchObject({ seq: 3, revision: 2 });
      expect(await journal.head('/room/y')).toMatchObject({ seq: 1, revision: 1 });
      const given = await records(3);
      for (const { destination, entries } of changes) {
        const last = given.filter((record) => record.destination === destination).at(-1);
        expect(last?.entries).toEqual(entries);
      }
    }),
  );

  test(
    'a commit of the same name is repeated for its time, and appends nothing',
    onLogs(make, async ({ journal, pass, limits }) => {
      const commit = (id: string) =>
        journal.commit([{ destination: '/room/x', entries: [said(id)] }], 'once');
      expect(await commit('a')).toBe('done');
      expect(await commit('b')).toBe('repeated');
      const elsewhere = [{ destination: '/room/y', entries: [said('c')] }];
      expect(await journal.commit(elsewhere, 'once')).toBe('repeated');
      expect(await journal.head('/room/y')).toBeUndefined();
      pass(limits.publishIdSeconds * 1000 - 1000);
      expect(await commit('d')).toBe('repeated');
      pass(2000);
      expect(await commit('e')).toBe('done');
      expect(await journal.head('/room/x')).toMatchObject({ seq: 2, revision: 2 });
    }),
  );

  test(
    'names of commits and publish ids are apart',
    onLogs(make, async ({ journal }) => {
      const changes = [{ destination: '/room/x', entries: [said('a')] }];
      expect(await journal.commit(changes, 'p')).toBe('done');
      expect(await journal.appendOnce('/room/x', said('b'), 'p')).toMatchObject({ seq: 2 });
      expect(await journal.commit(changes, 'q')).toBe('done');
      expect(await journal.appendOnce('/room/x', said('c'), 'q')).toMatchObject({ seq: 4 });
    }),
  );

  test(
    'commits side by side, and one of them twice: all or nothing of each, once',
    onLogs(make, async ({ journal, records }) => {
      const rooms = ['/room/x', '/room/y', '/room/z'];
      const names = [1, 2, 3, 4, 4, 4];
      const answers = await Promise.all(
        names.map((n) =>
          journal.commit(
            rooms.map((destination) => ({ destination, entries: [said(`m${n}`)] })),
            `commit ${n}`,
          ),
        ),
      );
      expect(answers.filter((answer) => answer === 'done')).toHaveLength(4);
      const given = await records(12);
      for (const room of rooms) {
        const mine = given.filter(({ destination }) => destination === room);
        expect(mine.map(({ seq }) => seq)).toEqual(upwards(1, 4));
        expect([...saidIn(mine)].sort()).toEqual(['m1', 'm2', 'm3', 'm4']);
      }
    }),
    20_000,
  );

  test(
    'as many logs as a commit may have are committed at once',
    onLogs(make, async ({ journal, limits, records }) => {
      const changes = upwards(1, limits.commitLogsMax).map((n) => ({
        destination: `/room/r${n}`,
        entries: [said(`m${n}`)],
      }));
      expect(await journal.commit(changes, 'once')).toBe('done');
      expect(new Set(saidIn(await records(limits.commitLogsMax))).size).toBe(limits.commitLogsMax);
    }),
  );
}
