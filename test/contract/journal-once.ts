/** The contract of logs: one message under its publisher's own id. */
import { type MakeJournal, onLogs, said, saidIn, upwards } from './journal-world.ts';

export function journalOnce(make: MakeJournal): void {
  test(
    'a publish id is appended once; a repeat appends nothing',
    onLogs(make, async ({ journal, records }) => {
      const first = await journal.appendOnce('/room/x', said('a'), 'p1');
      expect(first).toEqual({ epoch: expect.stringMatching(/^[0-9a-z]{6,32}$/), seq: 1 });
      expect(await journal.appendOnce('/room/x', said('again'), 'p1')).toBe('repeated');
      expect(await journal.head('/room/x')).toMatchObject({ seq: 1, revision: 1 });
      expect(saidIn(await records(1))).toEqual(['a']);
    }),
  );

  test(
    'publish ids are a log’s own, and of any text',
    onLogs(make, async ({ journal }) => {
      const names = ['p', 'P', 'p#1', 'ü 😀', 'x'.repeat(128)];
      for (const [index, name] of names.entries()) {
        const position = await journal.appendOnce('/room/x', said(name), name);
        expect(position).toMatchObject({ seq: index + 1 });
      }
      expect(await journal.appendOnce('/room/y', said('y'), 'p')).toMatchObject({ seq: 1 });
      expect(await journal.appendOnce('/room/x', said('again'), 'p#1')).toBe('repeated');
    }),
  );

  test(
    'a publish id is remembered for its time and then free again',
    onLogs(make, async ({ journal, pass, limits }) => {
      await journal.appendOnce('/room/x', said('a'), 'p');
      pass(limits.publishIdSeconds * 1000 - 1000);
      expect(await journal.appendOnce('/room/x', said('b'), 'p')).toBe('repeated');
      pass(2000);
      expect(await journal.appendOnce('/room/x', said('c'), 'p')).toMatchObject({ seq: 2 });
      expect(await journal.appendOnce('/room/x', said('d'), 'p')).toBe('repeated');
      pass(limits.publishIdSeconds * 1000 - 1000);
      expect(await journal.appendOnce('/room/x', said('e'), 'p')).toBe('repeated');
    }),
  );

  test(
    'one publish id many times at once is appended once',
    onLogs(make, async ({ journal, records }) => {
      const answers = await Promise.all(
        upwards(1, 8).map((n) => journal.appendOnce('/room/x', said(`m${n}`), 'p')),
      );
      const taken = answers.filter((answer) => answer !== 'repeated');
      expect(taken).toHaveLength(1);
      expect(await journal.head('/room/x')).toMatchObject({ seq: 1, revision: 1 });
      expect(saidIn(await records(1))).toHaveLength(1);
    }),
  );

  test(
    'different publish ids and plain changes at once: all are there, without a gap',
    onLogs(make, async ({ journal, records }) => {
      const answers = await Promise.all(
        upwards(1, 12).map((n) =>
          n % 2 === 0
            ? journal.append('/room/x', [said(`m${n}`)])
            : journal.appendOnce('/room/x', said(`m${n}`), `p${n}`),
        ),
      );
      expect(answers).not.toContain('repeated');
      expect(await journal.head('/room/x')).toMatchObject({ seq: 12, revision: 12 });
      const given = await records(12);
      expect(given.map(({ seq }) => seq)).toEqual(upwards(1, 12));
      expect(given.map(({ revision }) => revision)).toEqual(upwards(1, 12));
      expect(new Set(saidIn(given)).size).toBe(12);
      // A position answered is never before the message it is about.
      const order = saidIn(given);
      for (const [index, answer] of answers.entries()) {
        if (answer === 'repeated') continue;
        expect(answer.seq).toBeGreaterThan(order.indexOf(`m${index + 1}`));
        expect(answer.seq).toBeLessThanOrEqual(12);
      }
    }),
    20_000,
  );

  test(
    'a large body under a publish id comes out of the stream whole',
    onLogs(make, async ({ journal, records, limits }) => {
      const body = new Uint8Array(limits.publishBytesMax).fill(7);
      await journal.appendOnce('/room/x', said('large', { body }), 'p');
      const [record] = await records(1);
      const [entry] = record?.entries ?? [];
      const given = entry?.type === 'message' ? entry.message.body : new Uint8Array();
      expect(Buffer.compare(given, body)).toBe(0);
    }),
  );
}
