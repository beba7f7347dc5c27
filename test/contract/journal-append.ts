/** The contract of logs: appending, the head, and what the stream gives of it. */
import type { Entry } from '../../broker/model.ts';
import {
  joined,
  type MakeJournal,
  membership,
  onLogs,
  START,
  said,
  saidIn,
  upwards,
} from './journal-world.ts';

export function journalAppend(make: MakeJournal): void {
  positions(make);
  sideBySide(make);
  contents(make);
}

function positions(make: MakeJournal): void {
  test(
    'a log has no head before its first change',
    onLogs(make, async ({ journal }) => {
      await journal.append('/room/other', [said('a')]);
      expect(await journal.head('/room/x')).toBeUndefined();
      expect(await journal.progress('/room/x')).toBeUndefined();
    }),
  );

  test(
    'messages of one change take the next seqs, in their order; the position is the last',
    onLogs(make, async ({ journal, records }) => {
      const first = await journal.append('/room/x', [said('a'), said('b')]);
      expect(first).toEqual({ epoch: expect.stringMatching(/^[0-9a-z]{6,32}$/), seq: 2 });
      const { epoch } = first;
      expect(await journal.append('/room/x', [said('c')])).toEqual({ epoch, seq: 3 });
      expect(await journal.head('/room/x')).toEqual({ epoch, seq: 3, revision: 2 });
      expect(await records(2)).toEqual([
        { destination: '/room/x', epoch, seq: 2, revision: 1, entries: [said('a'), said('b')] },
        { destination: '/room/x', epoch, seq: 3, revision: 2, entries: [said('c')] },
      ]);
    }),
  );

  test(
    'an entry that is no message takes no seq and is a change all the same',
    onLogs(make, async ({ journal, records }) => {
      const { epoch, seq } = await journal.append('/room/x', [joined('a')]);
      expect(seq).toBe(0);
      expect(await journal.head('/room/x')).toEqual({ epoch, seq: 0, revision: 1 });
      const mixed = [said('a'), joined('b'), said('b')];
      expect(await journal.append('/room/x', mixed)).toEqual({ epoch, seq: 2 });
      expect(await journal.head('/room/x')).toEqual({ epoch, seq: 2, revision: 2 });
      expect((await records(2)).map((one) => one.entries)).toEqual([[joined('a')], mixed]);
    }),
  );

  test(
    'appending twice appends twice',
    onLogs(make, async ({ journal, records }) => {
      const first = await journal.append('/room/x', [said('a')]);
      expect(await journal.append('/room/x', [said('a')])).toEqual({ ...first, seq: 2 });
      expect(saidIn(await records(2))).toEqual(['a', 'a']);
    }),
  );

  test(
    'logs are apart, each with an epoch of its own',
    onLogs(make, async ({ journal }) => {
      const x = await journal.append('/room/x', [said('a'), said('b')]);
      const y = await journal.append('/room/y', [said('c')]);
      expect([x.seq, y.seq]).toEqual([2, 1]);
      expect(y.epoch).not.toBe(x.epoch);
      expect(await journal.append('/room/x', [])).toEqual(x);
      expect(await journal.head('/room/y')).toEqual({ ...y, revision: 1 });
    }),
  );
}

function sideBySide(make: MakeJournal): void {
  test(
    'changes side by side: every seq and revision once, and the stream in their order',
    onLogs(make, async ({ journal, records }) => {
      const wanted = upwards(1, 20);
      const answers = await Promise.all(
        wanted.map((n) => journal.append('/room/x', [joined(`c${n}`), said(`m${n}`)])),
      );
      const [{ epoch } = { epoch: '' }] = answers;
      expect(answers.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(wanted);
      expect(new Set(answers.map((one) => one.epoch))).toEqual(new Set([epoch]));
      expect(await journal.head('/room/x')).toEqual({ epoch, seq: 20, revision: 20 });
      const given = await records(20);
      expect(given.map(({ revision }) => revision)).toEqual(wanted);
      expect(given.map(({ seq }) => seq)).toEqual(wanted);
      // Each position was answered to the very append that the record holds.
      const order = saidIn(given);
      for (const [index, { seq }] of answers.entries()) {
        expect(order[seq - 1]).toBe(`m${index + 1}`);
      }
    }),
  );

  test(
    'changes of several messages side by side are never mixed',
    onLogs(make, async ({ journal, records }) => {
      const batch = (n: number) => ['a', 'b', 'c'].map((letter) => said(`${n}${letter}`));
      const answers = await Promise.all(
        upwards(1, 8).map((n) => journal.append('/room/x', batch(n))),
      );
      const ends = answers.map(({ seq }) => seq).sort((a, b) => a - b);
      expect(ends).toEqual(upwards(1, 8).map((n) => 3 * n));
      const together = (await records(8)).map((one) => saidIn([one]).join());
      expect([...together].sort()).toEqual(upwards(1, 8).map((n) => `${n}a,${n}b,${n}c`));
    }),
  );

  test(
    'new logs begun by many at once have one epoch each',
    onLogs(make, async ({ journal, records }) => {
      const rooms = ['/room/x', '/room/y', '/room/x', '/room/y', '/room/x'];
      const answers = await Promise.all(
        rooms.map((room, n) => journal.append(room, [said(`${n}`)])),
      );
      expect(new Set(answers.map(({ epoch }) => epoch)).size).toBe(2);
      const given = await records(5);
      for (const [room, count] of [
        ['/room/x', 3],
        ['/room/y', 2],
      ] as const) {
        const mine = given.filter(({ destination }) => destination === room);
        expect(mine.map(({ seq }) => seq)).toEqual(upwards(1, count));
      }
    }),
  );
}

/** Every kind of entry, with everything it can hold and with nothing it need not. */
const ENTRIES: readonly Entry[] = [
  said('plain'),
  said('bare', { headers: [], body: new Uint8Array() }),
  said('octets', { body: Uint8Array.from({ length: 256 }, (_, index) => index) }),
  said('repeats', {
    destination: '/room/x#y z',
    headers: [
      ['a', '1'],
      ['a', ''],
      ['ü', 'Grüße, 東京 😀'],
    ],
  }),
  said('narrow', { audience: { to: ['s1', 's2'], except: ['s3'] }, at: START + 1 }),
  said('everyone', { audience: {} }),
  said('nobody', { audience: { to: [] } }),
  { type: 'join', membership: membership('a') },
  { type: 'join', membership: membership('a'), past: { from: 'last', count: 10 }, receipt: 'r' },
  {
    type: 'join',
    membership: membership('a', 'Zoë'),
    past: { from: 'since', position: { epoch: 'e', seq: 7 } },
  },
  { type: 'join', membership: membership('a'), past: { from: 'after', at: START } },
  {
    type: 'join',
    membership: membership('a'),
    consumer: { ack: 'client-individual', prefetch: 1, selector: "colour = 'red'" },
  },
  { type: 'join', membership: membership('a'), consumer: { ack: 'auto', prefetch: 100 } },
  { type: 'join', membership: membership('a'), durable: 'client' },
  { type: 'leave', membership: membership('a'), how: 'left' },
  { type: 'leave', membership: membership('a'), how: 'lost' },
  { type: 'leave', membership: membership('a'), how: 'refused' },
  { type: 'gone', membership: membership('a'), mark: 'e-1-0' },
  { type: 'watch', membership: membership('a') },
  { type: 'watch', membership: membership('a'), receipt: 'r' },
  { type: 'ack', connectionId: 'a', subscriptionId: '1', id: 'm1', requeue: true },
  { type: 'nack', connectionId: 'a', id: 'm1', requeue: false },
  { type: 'tick' },
];

function contents(make: MakeJournal): void {
  test(
    'the stream gives every kind of entry as it was appended',
    onLogs(make, async ({ journal, records }) => {
      await journal.append('/room/x', ENTRIES);
      const [record] = await records(1);
      expect(record?.entries).toEqual(ENTRIES);
      expect(record?.seq).toBe(ENTRIES.filter(({ type }) => type === 'message').length);
    }),
  );

  test(
    'bodies of any size there may be come out of the stream whole, each in its place',
    onLogs(make, async ({ journal, records, limits }) => {
      const body = (bytes: number, fill: number) => new Uint8Array(bytes).fill(fill);
      const large = [said('large', { body: body(limits.publishBytesMax, 1) })];
      const mixed = [
        said('1', { body: body(5000, 2) }),
        said('2', { body: body(4096, 3) }),
        joined('a'),
        said('3', { body: body(4097, 4) }),
        said('4', { body: body(30_000, 5) }),
      ];
      await journal.append('/room/x', large);
      await journal.append('/room/x', mixed);
      const [first, second] = await records(2);
      expect(bytesOf(first?.entries)).toEqual(bytesOf(large));
      expect(bytesOf(second?.entries)).toEqual(bytesOf(mixed));
    }),
  );
}

/** A failing comparison of 120 KB as an object takes minutes to print. */
function bytesOf(entries: readonly Entry[] = []): readonly string[] {
  return entries.map((entry) =>
    entry.type === 'message'
      ? `${entry.message.id}: ${entry.message.body.length} × ${entry.message.body[0]}, ${entry.message.body.at(-1)}`
      : entry.type,
  );
}
