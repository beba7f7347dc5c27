/**
 * One queue's shelf, opened for one run of its deliverer: what is read is kept, what changes is
 * written together by `save`. Only this run writes it.
 *
 * `save` is not atomic. It writes additions before removals, so a crash in its midst leaves an item
 * twice, never nowhere; what is then both leased and ready is leased, for the lease may be posted.
 * The mark of what was added comes last, as does the end of bodies whose items are gone. What stands
 * beyond the mark is as good as not there: its messages come again, perhaps not all at once.
 */
import type { Logs, Ports } from './ports.ts';
import { queueBodies } from './queue-bodies.ts';
import {
  type Consumer,
  consumerKey,
  decodeItem,
  delayedKey,
  encodeConsumer,
  encodeItem,
  encodeLease,
  encodeMeta,
  type Item,
  isAhead,
  type Lease,
  leaseKey,
  META_KEY,
  type Meta,
  PREFIX,
  readyKey,
} from './queue-cells.ts';
import { queueLooks } from './queue-looks.ts';
import { readQueue } from './queue-read.ts';
import { queueRecent } from './queue-recent.ts';
import type { QueueShelf } from './queue-step.ts';

/** `counted`: its facts tell how many items it holds, for those who send. */
export async function openQueueShelf(
  name: string,
  ports: Ports,
  logs: Logs,
  counted: boolean,
): Promise<QueueShelf> {
  const { shelf } = logs;
  const { limits, clock } = ports;
  const begun = await readQueue(name, shelf, ports);
  const { consumers, leases, delayed, unreadDue } = begun;
  let { meta } = begun;
  const changes = new Map<string, Uint8Array | undefined>(
    begun.void.map((lease) => [leaseKey(lease), undefined]),
  );
  /** Ready items put in this run, and those taken out, by key. */
  const put = new Map<string, Item>();
  const taken = new Set<string>();
  /** Ready ones known to be on the shelf; the others need not be taken off it. */
  const shelved = new Set<string>();
  const bodies = queueBodies(name, shelf, ports);
  const recent = queueRecent(meta.recent, limits);
  const looks = queueLooks(consumers, limits);

  async function write(some: Parameters<typeof shelf.write>[1], expiresAt: number): Promise<void> {
    if (some.length > 0) await shelf.write(name, some, expiresAt);
  }

  function setMeta(change: Partial<Meta>): void {
    meta = { ...meta, ...change };
    changes.set(META_KEY, encodeMeta(meta));
  }

  function change(key: string, some: Partial<Consumer>): void {
    const before = consumers.get(key);
    if (before === undefined) return;
    consumers.set(key, { ...before, ...some });
    changes.set(key, encodeConsumer({ ...before, ...some }));
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
    looks.placed(readyKey(item));
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

  function giveBack(lease: Lease, by?: string): void {
    release(lease);
    place({ ...lease.item, availableAt: 0, ...(by === undefined ? {} : { nackedBy: by }) });
  }

  async function ready(most: number, from: string, ahead = 0): Promise<readonly Item[]> {
    // Whatever of the stored ones this run took may stand in front: as many more are read.
    const wanted = most + taken.size + ahead;
    const range = { from, to: PREFIX.delayed, most: wanted };
    const stored = await shelf.read(name, range);
    const items = new Map(
      stored
        .map(([key, cell]) => [key, decodeItem(cell)] as const)
        .filter(([, item]) => !isAhead(item, meta)),
    );
    const skipped = stored.length - items.size;
    if (skipped > ahead && stored.length === wanted) return ready(most, from, skipped);
    for (const key of items.keys()) shelved.add(key);
    for (const [key, item] of put) if (key >= from) items.set(key, item);
    for (const key of taken) items.delete(key);
    const leased = [...items.values()].filter((item) => leases.has(item.place));
    if (leased.length > 0) {
      for (const item of leased) drop(item);
      return ready(most, from);
    }
    // All were read: what a crash or an end of life made of the count is mended.
    if (stored.length < wanted && unreadDue === undefined && from === PREFIX.ready) {
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
      setMeta({
        added: Number(item.place.split('-')[1]),
        recent: recent.add(item.message.id, item.place),
      });
      setHeld(meta.held + 1);
    },
    employ({ connectionId, subscriptionId, stamp }, options) {
      const consumer = { connectionId, subscriptionId, stamp, ...options };
      consumers.set(consumerKey(consumer), consumer);
      changes.set(consumerKey(consumer), encodeConsumer(consumer));
    },
    dismiss(who) {
      const key = consumerKey(who);
      if ((consumers.get(key)?.stamp ?? '') > who.stamp) return false;
      consumers.delete(key);
      changes.set(key, undefined);
      for (const lease of leases.values()) if (consumerKey(lease) === key) giveBack(lease);
      return true;
    },
    leaving(consumer) {
      change(consumerKey(consumer), { leaving: true });
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
    ready: (most, from = PREFIX.ready) => ready(most, from),
    looks,
    wind(now) {
      for (const lease of leases.values()) if (lease.until <= now) giveBack(lease);
      for (const [key, item] of delayed) {
        if (item.availableAt > now || isAhead(item, meta)) continue;
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
      for (const [key, from] of looks.moved()) change(key, { from });
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
      await write(recent.fresh(), clock.now() + limits.queueIdsSeconds * 1000);
      const marks = mark === undefined ? [] : [[META_KEY, mark] as const];
      await write([...bodies.over(), ...marks], expiresAt + life);
    },
  };
}

function isKept([, value]: readonly [string, Uint8Array | undefined]): boolean {
  return value !== undefined;
}
