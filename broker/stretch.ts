/**
 * A slice of a log's audience gets messages of the log, in an invocation of its own. Jobs of a slice
 * are done in order; where each has got to is kept, so that a repeat goes on near where it stopped.
 * Whoever cannot be posted to is cut and resumes, as ever on the logged lane; and if a job before
 * this one was given up, so is the whole slice: nobody lives on with a hole.
 */
import { decodeCell, encodeCell, number, optionalNumber, text } from './cell.ts';
import { type Destination, parseDestination } from './destination.ts';
import { makeEncoder, partOf, type Stretch } from './encoder.ts';
import { expelAll } from './expel.ts';
import type { Subscriber } from './model.ts';
import type { Delivery, Logs, Ports, StretchTask } from './ports.ts';
import { cutAll } from './post.ts';
import { hears, keyOf, type Parcel, pack, positioned } from './scene.ts';
import { makeWants } from './selector.ts';
import { postInTurn } from './shard.ts';
import { doneShelf, joinKey, joinShelf } from './spread-log.ts';
import { standingOf } from './standing.ts';

/**
 * Throws if it could not be done, or not in time: it is given again before the next of its slice. A
 * stream that repeats a batch may have put more behind it: what the slice has done stays done.
 */
export async function postStretch(
  task: StretchTask,
  { repeated }: { readonly repeated: boolean },
  ports: Ports,
): Promise<void> {
  const { logs, clock, limits } = ports;
  if (logs === undefined) throw new Error('this broker has no logged lane');
  const until = clock.now() + limits.handlerSecondsMax * 1000;
  const kept = keptOf(task, ports, logs);
  const done = await kept.read();
  const doneSeq = done?.seq ?? 0;
  const last = task.messages.at(-1)?.seq ?? 0;
  if (doneSeq >= last) return;
  const destination = parseDestination(task.destination, limits);
  const left = { ...task, messages: task.messages.filter(({ seq }) => seq > doneSeq) };
  const hole = task.after !== undefined && doneSeq < task.after;
  // Whoever had another batch than this one has not had all of it.
  const after = repeated && done?.last === last ? done.after : '';
  if (hole) await cutSlice(task, destination, ports);
  else await postSlice(left, { destination, until, after }, ports, kept);
  await kept.write({ seq: last, last, after: '' });
}

interface Reached {
  /** Up to this message all have all. */
  readonly seq: number;
  /** Of the batch under way the last message; connections up to `after` have all of it. */
  readonly last: number;
  readonly after: string;
}

interface Kept {
  /** Undefined: nothing of this log as it is now. */
  read(): Promise<Reached | undefined>;
  write(reached: Reached): Promise<void>;
}

function keptOf(
  { destination, slice, epoch }: StretchTask,
  { clock, limits }: Ports,
  logs: Logs,
): Kept {
  const shelf = doneShelf(destination);
  const key = `${slice.of}/${String(slice.index).padStart(5, '0')}`;
  return {
    async read() {
      const [found] = await logs.shelf.read(shelf, { from: key, to: `${key}\0`, most: 1 });
      if (found === undefined) return undefined;
      const cell = decodeCell(found[1]);
      if (text(cell, 'epoch') !== epoch) return undefined;
      const last = optionalNumber(cell, 'last') ?? 0;
      return { seq: number(cell, 'seq'), last, after: text(cell, 'after') };
    },
    async write(reached) {
      const expiresAt = clock.now() + limits.headSecondsBeyondHistory * 1000;
      await logs.shelf.write(shelf, [[key, encodeCell({ epoch, ...reached })]], expiresAt);
    },
  };
}

interface Slot {
  readonly destination: Destination;
  readonly until: number;
  /** Connections up to this one have all of it. */
  readonly after: string;
}

async function postSlice(
  task: StretchTask,
  { destination, until, after }: Slot,
  ports: Ports,
  kept: Kept,
): Promise<void> {
  const before = (task.messages[0]?.seq ?? 1) - 1;
  const end = task.messages.at(-1)?.seq ?? 0;
  const over: string[] = [];
  const deliveries = await deliveriesOf(task, destination, over, ports);
  const left = deliveries
    .filter(({ connectionId }) => connectionId > after)
    .sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
  await postInTurn(left, until, ports, {
    reached: (after) => kept.write({ seq: before, last: end, after }),
    post: async (some) => {
      const outcomes = await ports.outbox.post(some, { throttledAgain: true });
      const failed = some.filter(
        (_, index) => outcomes[index] !== 'sent' && outcomes[index] !== 'throttled',
      );
      await cutThem(failed, ports);
      return outcomes;
    },
  });
  if (over.length > 0) await expelAll(over, ports);
}

async function cutThem(
  some: readonly { readonly connectionId: string }[],
  ports: Ports,
): Promise<void> {
  if (some.length === 0) return;
  ports.log.info('cut', { connections: some.length });
  const uncut = await cutAll([...new Set(some.map(({ connectionId }) => connectionId))], ports);
  if (uncut.length > 0) throw new Error(`${uncut.length} connections could not be cut`);
}

async function cutSlice(task: StretchTask, destination: Destination, ports: Ports): Promise<void> {
  await cutThem(await subscribersOf(task, destination, ports), ports);
}

/** All of a slice: some thousands. */
async function subscribersOf(
  { slice }: StretchTask,
  destination: Destination,
  { store }: Ports,
): Promise<readonly Subscriber[]> {
  const all: Subscriber[] = [];
  let from: string | undefined;
  do {
    const page = await store.subscribers(destination, from, slice);
    all.push(...page.subscribers);
    from = page.next;
  } while (from !== undefined);
  return all;
}

async function deliveriesOf(
  task: StretchTask,
  destination: Destination,
  over: string[],
  ports: Ports,
): Promise<readonly Delivery[]> {
  const { clock } = ports;
  const subscribers = await subscribersOf(task, destination, ports);
  // Read behind the subscribers: a join is noted before it can be found.
  const joined = await joinsOf(task, ports);
  const stands = await standingOf(ports, over);
  const encoder = makeEncoder(ports);
  const wants = makeWants();
  const messages = task.messages.map((message) => positioned(message, task.epoch));
  const parts = new Map<string, Stretch>();
  const parcels = new Map<string, Parcel>();
  for (const subscriber of subscribers) {
    if (subscriber.expiresAt <= clock.now() || stands?.(subscriber) === false) continue;
    const since = joined.get(keyOf(subscriber)) ?? 0;
    const wanted = task.messages.map(
      (message, index) =>
        message.revision > since &&
        hears(subscriber, message.audience) &&
        wants(subscriber, messages[index] ?? message),
    );
    const stretch = partOf(wanted, parts, () => ({
      messages: messages.filter((_, index) => wanted[index]),
    }));
    if (stretch === undefined) continue;
    const parcel = parcels.get(subscriber.connectionId);
    if (parcel !== undefined) parcel.parts.push({ stretch, subscriber });
    else parcels.set(subscriber.connectionId, { subscriber, parts: [{ stretch, subscriber }] });
  }
  return [...parcels.values()].map((parcel) => pack(parcel, encoder));
}

/** By which revision those joined who came after the first of these messages. */
async function joinsOf(
  { destination, slice, messages }: StretchTask,
  { logs, limits }: Ports,
): Promise<ReadonlyMap<string, number>> {
  const range = {
    from: joinKey(messages[0]?.revision ?? 0),
    to: '~',
    most: limits.queueCellsMax,
  };
  const shelf = joinShelf(destination, slice.index, slice.of);
  const cells = (await logs?.shelf.read(shelf, range)) ?? [];
  return new Map(
    cells.map(([key]) => {
      const at = key.indexOf(' ');
      return [key.slice(at + 1), Number.parseInt(key.slice(0, at), 36)] as const;
    }),
  );
}
