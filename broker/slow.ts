/**
 * Slow consumers on the direct lane. A connection whose buffer is full (429) gets a queue on a shelf
 * of the store, while it is slow and no longer: what is published meanwhile goes behind what waits,
 * and jobs of the connection, one at a time, look whether it takes it, at growing pauses. Whoever
 * posts to connections that are not slow pays nothing for it.
 *
 * An environment remembers whom it has found slow. Others learn of it by a mark on what a fan-out
 * reads of the subscription anyway, written before the invocation that found it ends: so the messages
 * of one sender, which follow each other, stay in order. Of two who publish in the same moment one may
 * still get through first; there is no order between them.
 *
 * Cost of a message that waits: 1 WRU a KB, a job, and a read of what waits; of a mark, 1 WRU and 1
 * RRU, and for whoever publishes while it stands a read of whether anything waits.
 */
import { atOnce } from './at-once.ts';
import { decodeCell, encodeCell, number, optionalText, text } from './cell.ts';
import { named } from './encoder.ts';
import { BrokerError } from './errors.ts';
import type { DrainTask, Owed, Ports, Slow, SlowMarks, SlowReceiver } from './ports.ts';
import { cutAll } from './post.ts';
import type { SlowPolicy } from './rules.ts';

/** Without `marks`: for an environment that has no others beside it. */
export function makeSlow(marks?: SlowMarks): Slow {
  /** Until when what comes goes behind what waits, unasked. */
  const remembered = new Map<string, number>();

  function remember(connectionId: string, { clock, limits }: Ports): void {
    remembered.delete(connectionId);
    remembered.set(connectionId, clock.now() + limits.slowRememberedSeconds * 1000);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= limits.slowRememberedMax) break;
      remembered.delete(oldest);
    }
  }

  async function markAll(
    { connectionId, unmarked }: SlowReceiver,
    { clock, limits }: Ports,
  ): Promise<void> {
    if (marks === undefined) return;
    const until = clock.now() + limits.slowSeconds * 1000;
    for (const id of unmarked) await marks.mark(connectionId, id, until);
  }

  return {
    async among(connectionIds, marked, ports) {
      const slow = new Set<string>();
      if (remembered.size === 0 && marked.size === 0) return slow;
      const doubtful: string[] = [];
      const now = ports.clock.now();
      for (const connectionId of connectionIds) {
        const until = remembered.get(connectionId);
        if (until !== undefined && until > now) slow.add(connectionId);
        else if (until !== undefined || marked.has(connectionId)) doubtful.push(connectionId);
      }
      await atOnce(doubtful, ports.limits.slowAtOnceMax, async (connectionId) => {
        if (await waits(connectionId, ports)) {
          slow.add(connectionId);
          remember(connectionId, ports);
        } else remembered.delete(connectionId);
      });
      return slow;
    },

    async hold(receivers, ports) {
      const over = receivers.filter((receiver) => isFinal(receiver, ports));
      const held = receivers.filter((receiver) => !isFinal(receiver, ports));
      // Before they are stored: what is published meanwhile goes behind them.
      for (const { connectionId } of held) remember(connectionId, ports);
      await atOnce(held, ports.limits.slowAtOnceMax, async (receiver) => {
        await Promise.all([keep(receiver, ports), markAll(receiver, ports)]);
      });
      await disconnect(over, ports);
    },

    async drain(task, ports) {
      if (await drain(task, ports)) remembered.delete(task.connectionId);
      else remember(task.connectionId, ports);
    },
  };
}

function policyOf({ destination }: Owed, { logs }: Ports): SlowPolicy {
  return logs?.policies(destination).slow ?? { policy: 'drop-oldest' };
}

function isFinal({ owed }: SlowReceiver, ports: Ports): boolean {
  return owed.some((one) => policyOf(one, ports).policy === 'disconnect');
}

/** A key of `keep-last`; undefined: it stands for itself. */
function keyOf(owed: Owed, ports: Ports): string | undefined {
  const { policy, header } = policyOf(owed, ports);
  if (policy !== 'keep-last') return undefined;
  const value = owed.message.headers.find(([name]) => name === header)?.[1];
  return header === undefined || value === undefined
    ? owed.destination.canonical
    : `${owed.destination.canonical} ${value}`;
}

const shelfOf = (connectionId: string) => `slow ${connectionId}`;
/** Of its jobs. */
export const slowGroup = shelfOf;
/** Before all messages: until when nothing is posted. */
const PAUSE_KEY = '!';

let cells = 0;

async function keep(receiver: SlowReceiver, ports: Ports): Promise<void> {
  const { logs, jobs, clock, ids, limits } = ports;
  if (logs === undefined || jobs === undefined) throw new Error('nothing can wait here');
  const { connectionId, connectedAt, carrier, dialect, owed } = receiver;
  const now = clock.now();
  const mark = ids.random();
  const changes = owed.map((one) => {
    const order = [now, cells++].map((part) => part.toString(36).padStart(9, '0')).join('-');
    const key = keyOf(one, ports);
    const facts = { carrier, dialect, ...(key === undefined ? {} : { key }) };
    return [`${order}-${mark}`, encodeCell(facts, one.text)] as const;
  });
  await logs.shelf.write(shelfOf(connectionId), changes, now + limits.slowSeconds * 1000);
  ports.log.info('slow-held', { count: owed.length });
  const task: DrainTask = { type: 'drain', connectionId, connectedAt, looks: 0 };
  await jobs.send([{ group: slowGroup(connectionId), once: mark, task }]);
}

interface Waiting {
  readonly key: string;
  readonly carrier: string;
  readonly dialect: string;
  readonly last: string | undefined;
  readonly text: Uint8Array;
}

async function waits(connectionId: string, { logs }: Ports): Promise<boolean> {
  const range = { from: '', to: '\uffff', most: 1 };
  return ((await logs?.shelf.read(shelfOf(connectionId), range)) ?? []).length > 0;
}

/** True: nothing waits any more. */
async function drain(task: DrainTask, ports: Ports): Promise<boolean> {
  const { logs, limits, clock } = ports;
  if (logs === undefined) return true;
  const shelf = shelfOf(task.connectionId);
  const most = 2 * limits.slowMessagesMax + 1;
  for (;;) {
    const found = await logs.shelf.read(shelf, { from: '', to: '\uffff', most });
    const [first] = found;
    const pause = first?.[0] === PAUSE_KEY ? decodeCell(first[1]) : undefined;
    const all = found.filter(([key]) => key !== PAUSE_KEY).map(waitingOf);
    const { kept, dropped } = bounded(all, ports);
    if (dropped.length > 0) {
      await forget(shelf, dropped, ports);
      ports.log.info('slow-dropped', { count: dropped.length });
    }
    if (kept.length === 0) {
      if (pause !== undefined) await logs.shelf.write(shelf, [[PAUSE_KEY, undefined]], 0);
      return true;
    }
    // Somebody looks again when the pause is over: a message that begins to wait hurries nobody.
    if (task.looks === 0 && pause !== undefined && number(pause, 'until') > clock.now())
      return false;
    const some = postful(kept, limits.postBytesMax);
    const outcome = await postSome(task, some, ports);
    if (outcome === 'gone') {
      await cutAll([task.connectionId], ports);
      await forget(shelf, [...kept, { key: PAUSE_KEY }], ports);
      return true;
    }
    if (outcome !== 'sent' && outcome !== 'too-large') return postpone(task, kept, ports);
    await forget(shelf, some, ports);
  }
}

/** The last of each key, and of the rest the newest that fit the bounds. */
function bounded(all: readonly Waiting[], { limits }: Ports) {
  const lastOf = new Map(all.map((one) => [one.last ?? one.key, one]));
  const kept: Waiting[] = [];
  let octets = 0;
  for (const one of all.toReversed()) {
    if (lastOf.get(one.last ?? one.key) !== one) continue;
    octets += one.text.length;
    if (kept.length >= limits.slowMessagesMax || octets > limits.slowBytesMax) break;
    kept.unshift(one);
  }
  const keys = new Set(kept.map(({ key }) => key));
  return { kept, dropped: all.filter(({ key }) => !keys.has(key)) };
}

/** As many of the first as share a post, and are of one carrier. */
function postful(kept: readonly Waiting[], bytesMax: number): readonly Waiting[] {
  let octets = 0;
  const end = kept.findIndex((one, index) => {
    octets += one.text.length;
    const other = one.carrier !== kept[0]?.carrier || one.dialect !== kept[0]?.dialect;
    return index > 0 && (octets > bytesMax || other);
  });
  return end < 0 ? kept : kept.slice(0, end);
}

async function postSome(
  { connectionId, connectedAt }: DrainTask,
  some: readonly Waiting[],
  ports: Ports,
) {
  const [first] = some;
  const carrier = named(ports.carriers, first?.carrier ?? '');
  const { joins } = named(ports.dialects, first?.dialect ?? '');
  const texts = some.map((one) => one.text);
  const posts = carrier.wrap(texts, joins, ports.limits.postBytesMax);
  const [outcome = 'failed'] = await ports.outbox.post([{ connectionId, connectedAt, posts }]);
  return outcome;
}

/** It takes nothing: a later look, or the end of it. */
async function postpone(
  task: DrainTask,
  kept: readonly { readonly key: string }[],
  ports: Ports,
): Promise<boolean> {
  const { logs, limits, clock } = ports;
  const shelf = shelfOf(task.connectionId);
  if (task.looks >= limits.slowLooksMax) {
    await cutAll([task.connectionId], ports);
    await forget(shelf, [...kept, { key: PAUSE_KEY }], ports);
    ports.log.info('slow-disconnected', { count: 1 });
    return true;
  }
  const seconds = Math.min(2 ** task.looks, limits.slowPauseSecondsMax);
  const until = clock.now() + seconds * 1000;
  const expiresAt = clock.now() + limits.slowSeconds * 1000;
  await logs?.later.schedule(seconds, { type: 'look', drain: { ...task, looks: task.looks + 1 } });
  await logs?.shelf.write(shelf, [[PAUSE_KEY, encodeCell({ until })]], expiresAt);
  return false;
}

async function forget(
  shelf: string,
  cells: readonly { readonly key: string }[],
  { logs }: Ports,
): Promise<void> {
  await logs?.shelf.write(
    shelf,
    cells.map(({ key }) => [key, undefined] as const),
    0,
  );
}

function waitingOf([key, bytes]: readonly [key: string, value: Uint8Array]): Waiting {
  const cell = decodeCell(bytes);
  return {
    key,
    carrier: text(cell, 'carrier'),
    dialect: text(cell, 'dialect'),
    last: optionalText(cell, 'key'),
    text: cell.body,
  };
}

/** Told why if there is room for it: a full buffer takes no last word. */
async function disconnect(over: readonly SlowReceiver[], ports: Ports): Promise<void> {
  if (over.length === 0) return;
  const error = new BrokerError(
    'too-slow',
    'Messages come faster than you take them',
    'Read faster, subscribe to less, or ask the operator for another rule.',
  );
  const last = over.map(({ connectionId, connectedAt, carrier, dialect, version }) => {
    const text = named(ports.dialects, dialect).encode({ type: 'error', error }, version);
    const posts = named(ports.carriers, carrier).wrap([text], false, ports.limits.postBytesMax);
    return { connectionId, connectedAt, posts };
  });
  await ports.outbox.post(last);
  await cutAll(
    over.map(({ connectionId }) => connectionId),
    ports,
  );
  ports.log.info('slow-disconnected', { count: over.length });
}
