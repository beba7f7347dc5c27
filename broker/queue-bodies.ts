/**
 * Bodies that are too large to be read with every lease: each in a cell of its own, under its item's
 * place. One is there before its item is, and goes when nothing of its item is left.
 */
import { atOnce } from './at-once.ts';
import type { Message } from './model.ts';
import type { Ports, Shelf } from './ports.ts';
import { bodyKey, type Item } from './queue-cells.ts';

type Change = readonly [key: string, value: Uint8Array | undefined];

export interface QueueBodies {
  /** The item without its body, if that is large. */
  lightened(item: Item): Item;
  /** Their messages with their bodies, in the same order. */
  whole(items: readonly Item[]): Promise<readonly Message[]>;
  /** The item is consumed, or dead. */
  forget(item: Item): void;
  /** Since the last call: to be written before the items. */
  fresh(): readonly Change[];
  /** Since the last call: to be written after all else. */
  over(): readonly Change[];
}

export function queueBodies(name: string, shelf: Shelf, { limits }: Ports): QueueBodies {
  /** Those of this run, by key. */
  const known = new Map<string, Uint8Array>();
  let fresh: Change[] = [];
  let over: Change[] = [];

  async function bodyOf(item: Item): Promise<Uint8Array> {
    const key = bodyKey(item);
    const here = known.get(key);
    if (here !== undefined) return here;
    const [cell] = await shelf.read(name, { from: key, to: `${key}\0`, most: 1 });
    if (cell === undefined) throw new Error(`the body of ${item.place} in ${name} is not there`);
    return cell[1];
  }

  async function wholeOne(item: Item): Promise<Message> {
    return item.aside ? { ...item.message, body: await bodyOf(item) } : item.message;
  }

  return {
    lightened(item) {
      const { body } = item.message;
      if (body.length <= limits.queueBodyBytesMax) return item;
      known.set(bodyKey(item), body);
      fresh.push([bodyKey(item), body]);
      return { ...item, aside: true, message: { ...item.message, body: NO_BODY } };
    },
    whole: (items) => atOnce(items, limits.queueBodiesAtOnceMax, wholeOne),
    forget(item) {
      if (item.aside) over.push([bodyKey(item), undefined]);
    },
    fresh() {
      const all = fresh;
      fresh = [];
      return all;
    },
    over() {
      const all = over;
      over = [];
      return all;
    },
  };
}

const NO_BODY = new Uint8Array(0);
