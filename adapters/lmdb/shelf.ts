/** Shelves in the LMDB folder: each write one transaction, expired cells dropped by later ones. */
import type { Key } from 'lmdb';
import type { Clock, Shelf } from '../../broker/ports.ts';
import type { Tables } from './tables.ts';

interface CellRow {
  readonly value: Uint8Array;
  readonly expiresAt: number;
}

/** Expired cells dropped by each write, beside one for each that it puts: sweeping keeps up. */
const SWEPT_PER_CALL = 8;

export function lmdbShelf({ root }: Pick<Tables, 'root'>, clock: Clock): Shelf {
  const table = <Row, RowKey extends Key>(name: string) => root.openDB<Row, RowKey>({ name });
  /** Q: shelf, key. */
  const cells = table<CellRow, [string, string]>('Q');
  /** QX: when a cell can be dropped, shelf, key. */
  const expiries = table<number, [number, string, string]>('QX');

  function sweep(now: number, limit: number): void {
    for (const key of [...expiries.getKeys({ end: [now, '', ''], limit })]) {
      expiries.removeSync(key);
      const name: [string, string] = [key[1], key[2]];
      const row = cells.get(name);
      if (row !== undefined && row.expiresAt <= now) cells.removeSync(name);
    }
  }

  return {
    async write(shelf, changes, expiresAt) {
      root.transactionSync(() => {
        for (const [name, value] of changes) {
          const key: [string, string] = [shelf, name];
          const before = cells.get(key);
          if (before !== undefined) expiries.removeSync([before.expiresAt, ...key]);
          if (value === undefined) cells.removeSync(key);
          else {
            cells.putSync(key, { value: Buffer.from(value), expiresAt });
            expiries.putSync([expiresAt, ...key], 0);
          }
        }
        sweep(clock.now(), SWEPT_PER_CALL + changes.length);
      });
    },
    async read(shelf, { from, to, most }) {
      root.resetReadTxn();
      const now = clock.now();
      const found: [string, Uint8Array][] = [];
      for (const { key, value } of cells.getRange({ start: [shelf, from], end: [shelf, to] })) {
        if (found.length >= most) break;
        if (value.expiresAt > now) found.push([key[1], value.value]);
      }
      return found;
    },
  };
}
