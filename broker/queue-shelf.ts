/**
 * One queue's shelf, opened for one run of its deliverer: what is read is kept, what changes is
 * written together by `save`. Only this run writes it.
 *
 * `save` is not atomic. It writes additions before removals, so a crash in its midst leaves an item
 * twice, never nowhere; what is then both leased and ready is leased, for the lease may be posted.
 * The mark of what was added comes last, as does the end of bodies whose items are gone.
 */
import type { ConsumerOptions, Membership, Message } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import { queueBodies } from './queue-bodies.ts';
import {
  type Consumer,
  consumerKey,
  decodeConsumer,
  decodeItem,
  decodeLease,
  decodeMeta,
  delayedKey,
  encodeConsumer,
  encodeItem,
  encodeLease,
  encodeMeta,
  type Item,
  type Lease,
  leaseKey,
  META_KEY,
  type Meta,
  PREFIX,
  readyKey,
} from './queue-cells.ts';

export interface QueueShelf {
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** By place. */
  readonly leases: ReadonlyMap<string, Lease>;
  meta(): Meta;
  /** A log's epoch: a new one begins a new generation of items. */
  enter(epoch: string): void;
  add(item: Item): void;
  employ(membership: Membership, options: ConsumerOptions): void;
  /** The consumer is gone: what it held is ready again, marked redelivered. */
  dismiss(who: Pick<Membership, 'connectionId' | 'subscriptionId'>): void;
  lease(lease: Lease): void;
  /** A lease of a run that died: it stands, and is nothing besides. */
  uphold(lease: Lease): void;
  /** Its item is consumed, or dead: it is gone. */
  settle(lease: Lease): void;
  /** Ready again. */
  giveBack(lease: Lease): void;
  /** A ready one is dead. */
  discard(item: Item): void;
  /** Their messages with their bodies, in the same order. */
  whole(items: readonly Item[]): Promise<readonly Message[]>;
  /**
   * Ready items in order, at most so many, changes of this run included; none that is leased. Only
   * what it has returned may be leased or dropped.
   */
  ready(most: number): Promise<readonly Item[]>;
  /** Moves what is due at `now`: leases run out, delays over. */
  wind(now: number): void;
  /** The next time something waits for, ms; undefined if nothing does. */
  nextDue(): number | undefined;
  setTick(at: number): void;
  /** Writes what has changed since the last save: items before the mark that counts them. */
  save(): Promise<void>;
}

/** `counted`: its facts tell how many items it holds, for those who send. */
export async function openQueueShelf(
  name: string,
  ports: Ports,
  logs: Logs,
  counted: boolean,
): Promise<QueueShelf> {
  const { shelf } = logs;
  const { limits, clock } = ports;
  const read = (from: string, to: string, most: number) => shelf.read(name, { from, to, most });
  const [cells, delayedCells] = await Promise.all([
    read(META_KEY, PREFIX.ready, limits.queueCellsMax),
    // The first are due first: a million that wait for tomorrow are not read today.
    read(PREFIX.delayed, PREFIX.body, limits.queueRoundItemsMax),
  ]);
  const consumers = new Map<string, Consumer>();
  const leases = new Map<string, Lease>();
  let meta = NEW;
  for (const [key, cell] of cells) {
    if (key === META_KEY) meta = decodeMeta(cell);
    else if (key.startsWith(PREFIX.consumer)) consumers.set(key, decodeConsumer(cell));
    else {
      const lease = decodeLease(cell);
      leases.set(lease.item.place, lease);
    }
  }
  const delayed = new Map(delayedCells.map(([key, cell]) => [key, decodeItem(cell)]));
  /** None of the delayed that were not read is due before this. */
  const unreadDue =
    delayedCells.length < limits.queueRoundItemsMax
      ? undefined
      : [...delayed.values()].at(-1)?.availableAt;
  const changes = new Map<string, Uint8Array | undefined>();
  /** Ready items put in this run, and those taken out, by key. */
  const put = new Map<string, Item>();
  const taken = new Set<string>();
  /** Ready ones known to be on the shelf; the others need not be taken off it. */
  const shelved = new Set<string>();
  const bodies = queueBodies(name, shelf, ports);

  async function write(some: Parameters<typeof shelf.write>[1], expiresAt: number): Promise<void> {
    if (some.length > 0) await shelf.write(name, some, expiresAt);
  }

  function setMeta(change: Partial<Meta>): void {
    meta = { ...meta, ...change };
    changes.set(META_KEY, encodeMeta(meta));
  }

  function setHeld(held: number): void {
    if (counted && held !== meta.held) setMeta({ held: Math.max(0, held) });
  }

  function place(item: Item): void {
    if (item.availableAt > clock.now()) {
      delayed.set(delayedKey(item), item);
      changes.set(delayedKey(item), encodeItem(item));
      return;
    }
    put.set(readyKey(item), item);
    taken.delete(readyKey(item));
    changes.set(readyKey(item), encodeItem(item));
  }

  function drop(item: Item): void {
    const key = readyKey(item);
    put.delete(key);
    taken.add(key);
    if (shelved.has(key)) changes.set(key, undefined);
    else changes.delete(key);
  }

  function release(lease: Lease): void {
    leases.delete(lease.item.place);
    changes.set(leaseKey(lease), undefined);
  }

  function giveBack(lease: Lease): void {
    release(lease);
    place({ ...lease.item, availableAt: 0 });
  }

  async function ready(most: number): Promise<readonly Item[]> {
    // Whatever of the stored ones this run took may stand in front: as many more are read.
    const wanted = most + taken.size;
    const stored = await read(PREFIX.ready, PREFIX.delayed, wanted);
    const items = new Map(stored.map(([key, cell]) => [key, decodeItem(cell)]));
    for (const key of items.keys()) shelved.add(key);
    for (const [key, item] of put) items.set(key, item);
    for (const key of taken) items.delete(key);
    const leased = [...items.values()].filter((item) => leases.has(item.place));
    if (leased.length > 0) {
      for (const item of leased) drop(item);
      return ready(most);
    }
    // All were read: what a crash or an end of life made of the count is mended.
    if (stored.length < wanted && unreadDue === undefined) {
      setHeld(items.size + leases.size + delayed.size);
    }
    return [...items]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, most)
      .map(([, item]) => item);
  }

  return {
    consumers,
    leases,
    meta: () => meta,
    enter(epoch) {
      if (epoch === meta.epoch) return;
      setMeta({ epoch, generation: meta.generation + 1, added: 0 });
    },
    add(item) {
      place(bodies.lightened(item));
      setMeta({ added: Number(item.place.split('-')[1]) });
      setHeld(meta.held + 1);
    },
    employ({ connectionId, subscriptionId, stamp }, options) {
      const consumer = { connectionId, subscriptionId, stamp, ...options };
      consumers.set(consumerKey(consumer), consumer);
      changes.set(consumerKey(consumer), encodeConsumer(consumer));
    },
    dismiss(who) {
      const key = consumerKey(who);
      consumers.delete(key);
      changes.set(key, undefined);
      for (const lease of leases.values()) if (consumerKey(lease) === key) giveBack(lease);
    },
    lease(lease) {
      drop(lease.item);
      leases.set(lease.item.place, lease);
      changes.set(leaseKey(lease), encodeLease(lease));
    },
    uphold({ item }) {
      shelved.add(readyKey(item));
      drop(item);
    },
    settle(lease) {
      release(lease);
      setHeld(meta.held - 1);
      bodies.forget(lease.item);
    },
    giveBack,
    discard(item) {
      drop(item);
      setHeld(meta.held - 1);
      bodies.forget(item);
    },
    whole: bodies.whole,
    ready,
    wind(now) {
      for (const lease of leases.values()) if (lease.until <= now) giveBack(lease);
      for (const [key, item] of delayed) {
        if (item.availableAt > now) continue;
        delayed.delete(key);
        changes.set(key, undefined);
        place({ ...item, availableAt: 0 });
      }
    },
    nextDue() {
      const times = [...delayed.values()].map(({ availableAt }) => availableAt);
      for (const { until } of leases.values()) times.push(until);
      if (unreadDue !== undefined) times.push(unreadDue);
      return times.reduce<number | undefined>(
        (first, time) => (first === undefined || time < first ? time : first),
        undefined,
      );
    },
    setTick(at) {
      setMeta({ tickAt: at });
    },
    async save() {
      const life = limits.queueItemSeconds * 1000;
      const expiresAt = clock.now() + life;
      const mark = changes.get(META_KEY);
      changes.delete(META_KEY);
      const [kept, gone] = [
        [...changes].filter(isKept),
        [...changes].filter((one) => !isKept(one)),
      ];
      changes.clear();
      for (const [key] of kept) shelved.add(key);
      // What belongs to items lives longer than any that was leased since.
      await write(bodies.fresh(), expiresAt + life);
      await write(kept, expiresAt);
      await write(gone, expiresAt);
      const marks = mark === undefined ? [] : [[META_KEY, mark] as const];
      await write([...bodies.over(), ...marks], expiresAt + life);
    },
  };
}

const NEW: Meta = { epoch: '', generation: 0, added: 0, tickAt: 0, held: 0 };

function isKept([, value]: readonly [string, Uint8Array | undefined]): boolean {
  return value !== undefined;
}
