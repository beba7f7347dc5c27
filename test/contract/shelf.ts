/** The contract of the `Shelf` port: ordered cells that one writer at a time keeps. */
import type { Clock, Shelf } from '../../broker/ports.ts';
import { START, upwards } from './journal-world.ts';

/** Makes one that is empty. */
export type MakeShelf = (clock: Clock) => Promise<{
  readonly shelf: Shelf;
  close(): Promise<void>;
}>;

const HOUR = 3_600_000;

interface ShelfStage {
  readonly shelf: Shelf;
  pass(milliseconds: number): void;
  /** Keys and values, as text, of one shelf. */
  read(from: string, to: string, most?: number): Promise<readonly string[]>;
  put(...cells: readonly string[]): Promise<void>;
}

export function shelfContract(name: string, make: MakeShelf): void {
  const onShelf = (body: (stage: ShelfStage) => Promise<void>) => async () => {
    let now = START;
    const { shelf, close } = await make({ now: () => now });
    try {
      await body({
        shelf,
        pass(milliseconds) {
          now += milliseconds;
        },
        async read(from, to, most = 100) {
          const cells = await shelf.read('s', { from, to, most });
          return cells.map(([key, value]) => `${key}=${Buffer.from(value)}`);
        },
        put: (...keys) =>
          shelf.write(
            's',
            keys.map((key) => [key, Buffer.from(key)]),
            now + HOUR,
          ),
      });
    } finally {
      await close();
    }
  };

  describe(`${name} keeps the promises of shelves`, () => {
    test(
      'cells are read in order of their keys, from the first asked for to before the last',
      onShelf(async ({ put, read }) => {
        await put('b', 'd', 'a', 'c', 'b1');
        expect(await read('a', 'z')).toEqual(['a=a', 'b=b', 'b1=b1', 'c=c', 'd=d']);
        expect(await read('', '\uffff')).toEqual(await read('a', 'z'));
        expect(await read('b', 'd')).toEqual(['b=b', 'b1=b1', 'c=c']);
        expect(await read('b', 'b1')).toEqual(['b=b']);
        expect(await read('e', 'z')).toEqual([]);
        expect(await read('c', 'c')).toEqual([]);
        expect(await read('c', 'a')).toEqual([]);
      }),
    );

    test(
      'at most so many, the first of them',
      onShelf(async ({ put, read }) => {
        await put('a', 'b', 'c');
        expect(await read('a', 'z', 2)).toEqual(['a=a', 'b=b']);
        expect(await read('a', 'c', 2)).toEqual(['a=a', 'b=b']);
        expect(await read('b', 'c', 2)).toEqual(['b=b']);
        expect(await read('a', 'z', 0)).toEqual([]);
      }),
    );

    test(
      'keys order by their octets',
      onShelf(async ({ put, read }) => {
        await put('é', 'Z', 'a', '10', '9', '~', '\u{1F600}', '\uFFFD');
        const keys = (await read('!', '\u{10FFFF}')).map((cell) => cell.split('=')[0]);
        expect(keys).toEqual(['10', '9', 'Z', 'a', '~', 'é', '\uFFFD', '\u{1F600}']);
      }),
    );

    test(
      'a value replaces the one before, none removes it, and doing so again ends the same',
      onShelf(async ({ shelf, put, read }) => {
        await put('a', 'b');
        const changes = [
          ['a', undefined],
          ['b', Buffer.from('new')],
          ['c', Buffer.from('c')],
          ['never', undefined],
        ] as const;
        for (const _ of ['once', 'again']) {
          await shelf.write('s', changes, START + HOUR);
          expect(await read('a', 'z')).toEqual(['b=new', 'c=c']);
        }
        await shelf.write('s', [], START + HOUR);
        expect(await read('a', 'z')).toEqual(['b=new', 'c=c']);
      }),
    );

    test(
      'of two changes of one key in a write the later counts',
      onShelf(async ({ shelf, read }) => {
        const value = Buffer.from('x');
        const changes = [
          ['a', value],
          ['a', undefined],
          ['b', undefined],
          ['b', value],
        ] as const;
        await shelf.write('s', changes, START + HOUR);
        expect(await read('a', 'z')).toEqual(['b=x']);
      }),
    );

    test(
      'shelves are apart, and a value is any octets',
      onShelf(async ({ shelf, put, read }) => {
        const octets = Uint8Array.from({ length: 256 }, (_, index) => index);
        await shelf.write('other', [['a', octets]], START + HOUR);
        await shelf.write('s2', [['a', new Uint8Array()]], START + HOUR);
        await put('b');
        expect(await read('a', 'z')).toEqual(['b=b']);
        const [cell] = await shelf.read('other', { from: 'a', to: 'z', most: 9 });
        expect(Buffer.compare(cell?.[1] ?? new Uint8Array(), octets)).toBe(0);
        const [empty] = await shelf.read('s2', { from: 'a', to: 'z', most: 9 });
        expect(empty?.[1]).toHaveLength(0);
      }),
    );

    test(
      'what has expired is not read, deleted or not, and counts for nothing',
      onShelf(async ({ shelf, put, read, pass }) => {
        await shelf.write('s', [['a', Buffer.from('short')]], START + 1000);
        await put('b', 'c');
        pass(1001);
        expect(await read('a', 'z', 1)).toEqual(['b=b']);
        expect(await read('a', 'z')).toEqual(['b=b', 'c=c']);
        await shelf.write('s', [['b', Buffer.from('longer')]], START + 2 * HOUR);
        pass(HOUR + 1000);
        expect(await read('a', 'z')).toEqual(['b=longer']);
      }),
    );

    test(
      'many cells are written at once and read in order',
      onShelf(async ({ put, read }) => {
        const keys = upwards(100, 230).map((n) => `k${n}`);
        await put(...[...keys].reverse());
        expect(await read('k', 'l', 1000)).toEqual(keys.map((key) => `${key}=${key}`));
      }),
    );
  });
}
