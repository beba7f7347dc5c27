/** What the contract cannot see: that cells which nobody removes do not pile up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbShelf } from '../../adapters/lmdb/shelf.ts';
import { openTables } from '../../adapters/lmdb/tables.ts';
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import type { Shelf } from '../../broker/ports.ts';
import { collectGarbage } from '../garbage.ts';

const COUNT = 500;
const LIFE_MILLISECONDS = 1000;

/** Cells alone on their shelves, and many on one. */
async function fill(shelf: Shelf, value: (n: number) => Uint8Array): Promise<void> {
  for (let n = 0; n < COUNT; n++) {
    const name = n % 2 === 0 ? 'one' : `shelf ${n}`;
    await shelf.write(name, [[`key ${n}`, value(n)]], LIFE_MILLISECONDS);
  }
}

test('memory lets go of cells that expired, as others are written', async () => {
  let now = 0;
  const shelf = memoryShelf({ now: () => now });
  const watched: WeakRef<Uint8Array>[] = [];
  await fill(shelf, (n) => {
    const value = new Uint8Array([n]);
    watched.push(new WeakRef(value));
    return value;
  });
  now = LIFE_MILLISECONDS + 1;
  for (let n = 0; n < COUNT; n++) {
    await shelf.write('new', [[`${n}`, new Uint8Array()]], 2 * LIFE_MILLISECONDS);
  }
  await collectGarbage();
  expect(watched.filter((one) => one.deref() !== undefined)).toEqual([]);
  expect(await shelf.read('new', { from: '', to: 'x', most: COUNT })).toHaveLength(COUNT);
});

test('lmdb drops cells that expired, as others are written', async () => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  let now = 0;
  const tables = openTables({ path, durable: false });
  const shelf = lmdbShelf(tables, { now: () => now });
  await fill(shelf, (n) => new Uint8Array([n]));
  now = LIFE_MILLISECONDS + 1;
  for (let n = 0; n < COUNT / 8; n++) {
    await shelf.write('new', [['same', new Uint8Array()]], 2 * LIFE_MILLISECONDS);
  }
  expect(tables.root.openDB({ name: 'Q' }).getKeysCount()).toBe(1);
  expect(tables.root.openDB({ name: 'QX' }).getKeysCount()).toBe(1);
  await tables.root.close();
  rmSync(path, { recursive: true });
});
