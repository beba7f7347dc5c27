/**
 * What a queue took lately, by message-id: whoever appends again after a crash leaves out what is in
 * already, consumed or not. A queue keeps no history; the last few ids stand among its own facts,
 * which each run that adds writes anyway, and go into a cell of their own when they fill a kilobyte:
 * one write for some twenty messages. The cells are kept longer than an ingress tries.
 */
import { decodeCell, encodeCell } from './cell.ts';
import type { Limits } from './limits.ts';
import type { Shelf } from './ports.ts';
import { decodeMeta, META_KEY } from './queue-cells.ts';

type Change = readonly [key: string, value: Uint8Array];

const PREFIX = 'z';
const BEHIND = '{';

export interface Recent {
  /** Those to stand among the queue's facts from now on. */
  add(id: string, place: string): readonly string[];
  /** Since the last call: to be written before the facts. */
  fresh(): readonly Change[];
}

/** `before` as the facts have them. The same messages after the same facts make the same cells. */
export function queueRecent(before: readonly string[], { queueIdsBesideMax }: Limits): Recent {
  let ids = before;
  let cells: Change[] = [];
  return {
    add(id, place) {
      ids = [...ids, id];
      if (ids.length > queueIdsBesideMax) {
        cells.push([`${PREFIX}${place}`, encodeCell({ ids })]);
        ids = [];
      }
      return ids;
    },
    fresh() {
      const all = cells;
      cells = [];
      return all;
    },
  };
}

/** Ids of all that the queue took within `queueIdsSeconds`, as far as its deliverer has got. */
export async function recentIds(
  queue: string,
  shelf: Shelf,
  { queueCellsMax: most }: Limits,
): Promise<ReadonlySet<string>> {
  const [[facts], cells] = await Promise.all([
    shelf.read(queue, { from: META_KEY, to: `${META_KEY}\0`, most: 1 }),
    shelf.read(queue, { from: PREFIX, to: BEHIND, most }),
  ]);
  const all = new Set(facts === undefined ? [] : decodeMeta(facts[1]).recent);
  for (const [, cell] of cells) for (const id of idsIn(cell)) all.add(id);
  return all;
}

function idsIn(bytes: Uint8Array): readonly string[] {
  const { ids } = decodeCell(bytes).facts;
  return Array.isArray(ids) ? ids.map(String) : [];
}
