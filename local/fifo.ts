/**
 * SQS FIFO and its Lambda event source, in this process. A record belongs to a group; one batch of
 * a group is in flight at a time; a batch holds up to ten records and mixes groups. What a handler
 * reports as failed, or all of a batch whose handler threw, comes back after the visibility time
 * and blocks its group until then; after five receives it is a dead letter.
 * Batches are cut on `setImmediate`, so that whatever one socket read brought travels together.
 */
import type { Ingress, IngressEvent, Log } from '../broker/ports.ts';
import type { QueueEvent, QueueResult } from '../lambda/events.ts';
import { seededChance } from './chance.ts';
import { type Deadlines, deadlines } from './deadlines.ts';
import { deduplication, type Seen } from './deduplication.ts';
import type { FaultDice } from './faults.ts';
import { QUEUE_LIMITS, type QueueLimits } from './limits.ts';
import { asItIs, type Entry, hand, newEntry, receive, sequences, written } from './queue-record.ts';

export interface FifoOptions {
  readonly handler: (event: QueueEvent) => Promise<QueueResult>;
  /** Gets each dead letter; it is not retried. */
  readonly dead: (event: QueueEvent) => Promise<unknown>;
  readonly log: Log;
  readonly now: () => number;
  readonly limits?: Partial<QueueLimits>;
  /** Batches handled at once; Infinity if not given. */
  readonly concurrency?: number;
  /** With a seed, two records of one group sent within 1 ms may swap places. */
  readonly swapSeed?: number;
  readonly dice?: FaultDice | undefined;
  /**
   * The handler is a function of this process. Nothing is written down for it and read back; and as
   * one batch more costs it next to nothing, a group that would not fit behind others begins a batch
   * of its own: what one read brought of a connection stays together, and so leaves in one post.
   */
  readonly inProcess?: boolean;
}

export interface Fifo extends Ingress {
  /** As `send`, at once; the body is copied before it returns, unless it is all `inProcess`. */
  enqueue(event: IngressEvent): void;
  /** As `enqueue`, of a request of now, whose id nobody else has: none is looked for or remembered. */
  enqueueNew(event: IngressEvent): void;
  /** Records neither handled nor dead yet. */
  size(): number;
  /** Resolves when nothing is queued or in flight. */
  drained(): Promise<void>;
  /** Nothing is handed out any more. */
  stop(): void;
}

interface Group {
  readonly id: string;
  readonly entries: Entry[];
  /** In flight, or waiting for failed records to become visible. */
  blocked: boolean;
}

interface Queue {
  readonly options: FifoOptions;
  readonly limits: QueueLimits;
  readonly concurrency: number;
  readonly groups: Map<string, Group>;
  /** Groups that have records and are not blocked, in order of arrival. */
  readonly ready: Group[];
  readonly swap: (() => boolean) | undefined;
  readonly seen: Seen;
  readonly waiters: (() => void)[];
  readonly timeouts: Deadlines;
  readonly nextSequence: () => string;
  size: number;
  running: number;
  scheduled: boolean;
  stopped: boolean;
}

export function fifoQueue(options: FifoOptions): Fifo {
  const limits = { ...QUEUE_LIMITS, ...options.limits };
  const queue: Queue = {
    options,
    limits,
    concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
    groups: new Map(),
    ready: [],
    swap: coin(options.swapSeed),
    seen: deduplication(limits),
    waiters: [],
    timeouts: deadlines(limits.functionMilliseconds, options.now),
    nextSequence: sequences(),
    size: 0,
    running: 0,
    scheduled: false,
    stopped: false,
  };
  const timer = setInterval(queue.timeouts.sweep, limits.sweepMilliseconds);
  timer.unref();
  return {
    enqueue: (event) => enqueueOnce(queue, event),
    enqueueNew: (event) => enqueue(queue, event, event.requestTimeEpoch),
    send: async (event) => enqueueOnce(queue, event),
    size: () => queue.size,
    drained: () =>
      new Promise((resolve) => {
        queue.waiters.push(resolve);
        wakeIfDrained(queue);
      }),
    stop: () => {
      queue.stopped = true;
      clearInterval(timer);
    },
  };
}

function enqueueOnce(queue: Queue, event: IngressEvent): void {
  const now = queue.options.now();
  if (!queue.seen(event.connectionId, event.requestId, now)) enqueue(queue, event, now);
}

function enqueue(queue: Queue, event: IngressEvent, now: number): void {
  let group = queue.groups.get(event.connectionId);
  if (group === undefined) {
    group = { id: event.connectionId, entries: [], blocked: false };
    queue.groups.set(event.connectionId, group);
  }
  const keep = queue.options.inProcess ? asItIs : written;
  const entry = newEntry(event, keep(event.body), queue.nextSequence(), now);
  if (group.entries.length === 0 && !group.blocked) queue.ready.push(group);
  group.entries.push(entry);
  queue.size += 1;
  if (queue.swap !== undefined) swapLast(group.entries, queue.swap);
  schedule(queue);
}

/** The two newest records change places, sequence numbers apart, if both are of one millisecond. */
function swapLast(entries: Entry[], toss: () => boolean): void {
  const last = entries.at(-1);
  const before = entries.at(-2);
  if (last === undefined || before === undefined || before.receives > 0) return;
  if (last.sentAt - before.sentAt > 1 || !toss()) return;
  const sequence = last.sequence;
  last.sequence = before.sequence;
  before.sequence = sequence;
  entries.splice(-2, 2, last, before);
}

function schedule(queue: Queue): void {
  if (queue.scheduled || queue.stopped || queue.ready.length === 0) return;
  queue.scheduled = true;
  setImmediate(() => {
    queue.scheduled = false;
    handOut(queue);
  });
}

interface Share {
  readonly group: Group;
  readonly entries: readonly Entry[];
}

function handOut(queue: Queue): void {
  while (!queue.stopped && queue.ready.length > 0 && queue.running < queue.concurrency) {
    queue.running += 1;
    void handle(queue, cut(queue));
  }
}

function cut({ ready, limits, options }: Queue): readonly Share[] {
  const shares: Share[] = [];
  let room = limits.batchMax;
  while (room > 0) {
    const [group] = ready;
    if (group === undefined) break;
    if (options.inProcess && shares.length > 0 && group.entries.length > room) break;
    ready.shift();
    group.blocked = true;
    const entries = group.entries.slice(0, room);
    room -= entries.length;
    shares.push({ group, entries });
  }
  return shares;
}

async function handle(queue: Queue, shares: readonly Share[]): Promise<void> {
  const failed = await run(queue, shares);
  queue.running -= 1;
  for (const share of shares) settle(queue, share, failed);
  schedule(queue);
  wakeIfDrained(queue);
}

/** Ids of the records that are to come back. */
async function run(queue: Queue, shares: readonly Share[]): Promise<ReadonlySet<string>> {
  const { handler, log, dice } = queue.options;
  const event = batchOf(queue, shares);
  try {
    if (dice?.happens(dice.faults.invocationLost)) throw new Error('Invocation lost');
    const { batchItemFailures } = await queue.timeouts.within(handler(event));
    if (dice?.happens(dice.faults.invocationTwice)) await handler(batchOf(queue, shares));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  } catch (cause) {
    log.error('queue.batch', cause, { records: event.Records.length });
    return new Set(event.Records.map(({ messageId }) => messageId));
  }
}

function batchOf({ options }: Queue, shares: readonly Share[]): QueueEvent {
  const record = options.inProcess ? hand : receive;
  return { Records: shares.flatMap(({ entries }) => entries.map(record)) };
}

/** Deletes what was handled; the rest waits out the visibility time, or is dead. */
function settle(queue: Queue, share: Share, failed: ReadonlySet<string>): void {
  const { group, entries } = share;
  const kept: Entry[] = [];
  const dead: Entry[] = [];
  for (const entry of entries) {
    if (!failed.has(entry.id)) continue;
    if (entry.receives < queue.limits.receivesMax) kept.push(entry);
    else dead.push(entry);
  }
  queue.size -= entries.length - kept.length;
  group.entries.splice(0, entries.length, ...kept);
  if (dead.length > 0) void bury(queue, dead);
  if (kept.length === 0) release(queue, group);
  else setTimeout(() => release(queue, group), queue.limits.visibilityMilliseconds).unref();
}

function release(queue: Queue, group: Group): void {
  group.blocked = false;
  if (group.entries.length === 0) queue.groups.delete(group.id);
  else queue.ready.push(group);
  schedule(queue);
}

async function bury(queue: Queue, dead: readonly Entry[]): Promise<void> {
  try {
    await queue.options.dead({ Records: dead.map(receive) });
  } catch (cause) {
    queue.options.log.error('queue.dead', cause, { records: dead.length });
  }
}

function wakeIfDrained(queue: Queue): void {
  if (queue.size > 0 || queue.running > 0) return;
  for (const wake of queue.waiters.splice(0)) wake();
}

function coin(seed: number | undefined): (() => boolean) | undefined {
  if (seed === undefined) return undefined;
  const chance = seededChance(seed);
  return () => chance() < 0.5;
}
