/** What a run of a queue's deliverer reads at its beginning. */
import type { Ports, Shelf } from './ports.ts';
import {
  type Consumer,
  decodeConsumer,
  decodeItem,
  decodeLease,
  decodeMeta,
  type Item,
  isAhead,
  type Lease,
  META_KEY,
  type Meta,
  PREFIX,
} from './queue-cells.ts';

export interface QueueRead {
  readonly meta: Meta;
  readonly consumers: Map<string, Consumer>;
  /** By place. */
  readonly leases: Map<string, Lease>;
  /**
   * Leases of items that the mark does not count. A run that died wrote them and posted nothing: the
   * mark is saved before a post. Their messages come again, and are given anew.
   */
  readonly void: readonly Lease[];
  /** By key, the first due first. */
  readonly delayed: Map<string, Item>;
  /** None of the delayed that were not read is due before this; undefined: all were read. */
  readonly unreadDue: number | undefined;
}

export async function readQueue(
  name: string,
  shelf: Shelf,
  { limits }: Pick<Ports, 'limits'>,
): Promise<QueueRead> {
  const read = (from: string, to: string, most: number) => shelf.read(name, { from, to, most });
  const [cells, delayedCells] = await Promise.all([
    read(META_KEY, PREFIX.ready, limits.queueCellsMax),
    // The first are due first: a million that wait for tomorrow are not read today.
    read(PREFIX.delayed, PREFIX.body, limits.queueRoundItemsMax),
  ]);
  const consumers = new Map<string, Consumer>();
  const leases = new Map<string, Lease>();
  const early: Lease[] = [];
  let meta = NEW;
  // The queue's own facts stand first.
  for (const [key, cell] of cells) {
    if (key === META_KEY) meta = decodeMeta(cell);
    else if (key.startsWith(PREFIX.consumer)) consumers.set(key, decodeConsumer(cell));
    else {
      const lease = decodeLease(cell);
      if (isAhead(lease.item, meta)) early.push(lease);
      else leases.set(lease.item.place, lease);
    }
  }
  const delayed = new Map(delayedCells.map(([key, cell]) => [key, decodeItem(cell)]));
  const all = delayedCells.length < limits.queueRoundItemsMax;
  const unreadDue = all ? undefined : [...delayed.values()].at(-1)?.availableAt;
  return { meta, consumers, leases, void: early, delayed, unreadDue };
}

const NEW: Meta = { epoch: '', generation: 0, added: 0, tickAt: 0, held: 0, recent: [] };
