/**
 * Shelves in this process's memory. Keys are kept in order; what has expired is not read, and each
 * write drops some of it, walking over all shelves in turn.
 */
import type { Clock, Shelf } from '../../broker/ports.ts';

interface Cell {
  readonly key: string;
  readonly value: Uint8Array;
  readonly expiresAt: number;
}

/** Cells looked at by each write, beside one for each that it puts: sweeping keeps up. */
const SWEPT_PER_CALL = 8;

export function memoryShelf(clock: Clock): Shelf {
  const shelves = new Map<string, Cell[]>();
  const sweep = sweeper(shelves);

  return {
    async write(name, changes, expiresAt) {
      const cells = shelves.get(name) ?? [];
      for (const [key, value] of changes) put(cells, key, value && { key, value, expiresAt });
      if (cells.length > 0) shelves.set(name, cells);
      else shelves.delete(name);
      sweep(clock.now(), SWEPT_PER_CALL + changes.length);
    },
    async read(name, { from, to, most }) {
      const cells = shelves.get(name) ?? [];
      const found: [string, Uint8Array][] = [];
      const now = clock.now();
      for (let at = placeOf(cells, from); at < cells.length && found.length < most; at++) {
        const cell = cells[at];
        if (cell === undefined || compare(cell.key, to) >= 0) break;
        if (cell.expiresAt > now) found.push([cell.key, cell.value]);
      }
      return found;
    },
  };
}

/** Goes on where the last call ended; at the end it begins anew. */
function sweeper(shelves: Map<string, Cell[]>): (now: number, cellsMax: number) => void {
  let walk = shelves.entries();
  let cells: Cell[] = [];
  let name = '';
  let at = 0;

  function turn(): void {
    const next = walk.next();
    if (next.done) walk = shelves.entries();
    [name, cells] = next.value ?? ['', []];
    at = 0;
  }

  return (now, cellsMax) => {
    for (let looked = 0; looked < cellsMax; looked++) {
      const cell = cells[at];
      if (cell === undefined) turn();
      else if (cell.expiresAt > now) at++;
      else cells.splice(at, 1);
      // An array that is no shelf any more, for it was emptied, is walked to its end all the same.
      if (cells.length === 0 && shelves.get(name) === cells) shelves.delete(name);
    }
  };
}

/** Replaces, adds or removes in place; most are added at the end or removed near the front. */
function put(cells: Cell[], key: string, cell: Cell | undefined): void {
  const at = placeOf(cells, key);
  const there = cells[at]?.key === key ? 1 : 0;
  if (cell === undefined) cells.splice(at, there);
  else cells.splice(at, there, cell);
}

/** Of the first cell that is not before `key`. */
function placeOf(cells: readonly Cell[], key: string): number {
  let [low, high] = [0, cells.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(cells[middle]?.key ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By UTF-8 octets, as every store orders keys; the core's keys are ASCII up to a client's own id. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
