/** The contract of the `LogStream` port: what a store in this process hands to `deliver`. */
import type { Journal, LogStream } from '../../broker/ports.ts';
import {
  type JournalWorld,
  joined,
  type MakeJournal,
  onLogs,
  said,
  saidIn,
  upwards,
} from './journal-world.ts';

export interface OpenStream {
  readonly journal: Journal & { readonly stream: LogStream };
  close(): Promise<void>;
}

export type MakeStream = (world: JournalWorld) => Promise<OpenStream>;

/** Reads the stream's records for the contract of journals. */
export function withRecords(make: MakeStream): MakeJournal {
  return async (world) => {
    const { journal, close } = await make(world);
    const records = async () => {
      const rows = await journal.stream.read(0, 100_000);
      return rows.map(({ record }) => record);
    };
    return { journal, records, close };
  };
}

export function streamContract(name: string, make: MakeStream): void {
  const withStream = (body: (open: OpenStream['journal']) => Promise<void>) => {
    let journal: OpenStream['journal'];
    const noting: MakeStream = async (world) => {
      const open = await make(world);
      journal = open.journal;
      return open;
    };
    return onLogs(withRecords(noting), () => body(journal));
  };

  describe(`${name} keeps the stream's promises`, () => {
    test(
      'records of all logs are read from a cursor on, oldest first, as many as asked for',
      withStream(async ({ stream, ...journal }) => {
        expect(await stream.read(0, 10)).toEqual([]);
        for (const n of upwards(1, 5)) await journal.append(`/room/${n % 2}`, [said(`m${n}`)]);
        const all = await stream.read(0, 10);
        expect(saidIn(all.map(({ record }) => record))).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
        const cursors = all.map(({ cursor }) => cursor);
        expect([...new Set(cursors)].sort((a, b) => a - b)).toEqual(cursors);
        expect(cursors[0]).toBeGreaterThan(0);
        expect(await stream.read(0, 2)).toEqual(all.slice(0, 2));
        expect(await stream.read(cursors[1] ?? 0, 2)).toEqual(all.slice(2, 4));
        expect(await stream.read(cursors[4] ?? 0, 2)).toEqual([]);
      }),
    );

    test(
      'what is committed may be gone, what is not is there, and committing never goes back',
      withStream(async ({ stream, ...journal }) => {
        expect(await stream.committed()).toBe(0);
        for (const n of upwards(1, 4)) await journal.append('/room/x', [said(`m${n}`)]);
        const all = await stream.read(0, 10);
        const [first = 0, , third = 0] = all.map(({ cursor }) => cursor);
        await stream.commit(third);
        expect(await stream.committed()).toBe(third);
        expect(await stream.read(third, 10)).toEqual(all.slice(3));
        await stream.commit(first);
        await stream.commit(third);
        expect(await stream.committed()).toBe(third);
        await journal.append('/room/x', [said('m5')]);
        const rest = await stream.read(third, 10);
        expect(saidIn(rest.map(({ record }) => record))).toEqual(['m4', 'm5']);
      }),
    );

    test(
      'a listener hears of every change until it is stopped',
      withStream(async ({ stream, ...journal }) => {
        let heard = 0;
        let wake = () => {};
        const stop = stream.onAppend(() => {
          heard += 1;
          wake();
        });
        const next = () =>
          new Promise<void>((resolve) => {
            wake = resolve;
          });
        const one = next();
        await journal.append('/room/x', [joined('a')]);
        await one;
        const two = next();
        await journal.appendOnce('/room/x', said('b'), 'p');
        await two;
        const before = heard;
        stop();
        await journal.append('/room/x', [joined('c')]);
        await new Promise((resolve) => setImmediate(resolve));
        expect(heard).toBe(before);
      }),
    );

    test(
      'whoever is woken by a change finds it in the stream',
      withStream(async ({ stream, ...journal }) => {
        const found = new Promise<number>((resolve, reject) => {
          stream.onAppend(() => {
            stream.read(0, 10).then((rows) => resolve(rows.length), reject);
          });
        });
        await journal.append('/room/x', [said('a')]);
        expect(await found).toBe(1);
      }),
    );
  });
}
