/**
 * SQS FIFO and its event source, as far as they can hurt: messages of a group in order and never two
 * batches of it at once; batches of up to ten from any groups; what a handler hands back, or dies
 * of, comes again after its visibility; the sixth receipt goes to the dead letters instead.
 */
import { LIMITS } from '../../broker/limits.ts';
import type { QueueRecord, QueueResult } from '../../lambda/events.ts';
import type { InvokeOptions, Outcome } from './fleet.ts';
import type { Weather } from './plan.ts';
import type { Scheduler } from './scheduler.ts';

export interface Queue {
  put(entry: Omit<Entry, 'sequence' | 'record'>): void;
  readonly waiting: number;
}

export interface Entry {
  readonly group: string;
  readonly deduplicationId: string;
  readonly eventType: 'MESSAGE' | 'DISCONNECT';
  readonly messageId: string;
  readonly at: number;
  readonly body: Uint8Array;
  readonly sequence: number;
  readonly record: string;
}

type Done = (outcome: Outcome<QueueResult>) => void;

export interface QueueHandlers {
  message(records: readonly QueueRecord[], done: Done, options: InvokeOptions): void;
  dead(records: readonly QueueRecord[], done: Done): void;
}

/** What a queue does otherwise; mistakes of its own, for planted bugs. */
export interface QueueOptions {
  readonly ungrouped?: boolean;
  readonly deadly?: boolean;
  /** Messages of one batch. @default the plan's */
  readonly batchMax?: number;
}

interface Kept extends Entry {
  receipts: number;
  flying: boolean;
  readonly poisoned: boolean;
}

interface Group {
  readonly messages: Kept[];
  /** In flight, or waiting for its visibility. */
  held: boolean;
}

const RECEIPTS_MAX = 5;

export function makeQueue(
  scheduler: Scheduler,
  weather: Weather,
  handlers: QueueHandlers,
  { ungrouped = false, deadly = false, ...own }: QueueOptions = {},
): Queue {
  const { random } = scheduler;
  const { batchMax, retrySeconds } = { ...weather.plan.queue, ...own };
  const groups = new Map<string, Group>();
  const seen = new Set<string>();
  let sequence = 0;
  let polling = false;

  function poll(): void {
    if (polling) return;
    polling = true;
    scheduler.after(1 + 10 * random.next(), 'queue polled', () => {
      polling = false;
      const batch = take();
      if (batch.length === 0) return;
      poll();
      give(batch);
    });
  }

  /** Some messages from the fronts of some free groups, each group's in order. */
  function take(): Kept[] {
    const free = [...groups.values()].filter(
      ({ held, messages }) => (ungrouped || !held) && messages.some(({ flying }) => !flying),
    );
    const batch: Kept[] = [];
    let room = random.between(1, batchMax);
    while (free.length > 0 && room > 0) {
      const [group] = free.splice(Math.floor(random.next() * free.length), 1);
      if (group === undefined) break;
      const grounded = group.messages.filter(({ flying }) => !flying);
      const some = grounded.slice(0, random.between(1, room));
      for (const message of some) message.flying = true;
      room -= some.length;
      group.held = true;
      batch.push(...some);
    }
    return batch;
  }

  function give(batch: readonly Kept[]): void {
    const dead = batch.filter((message) => ++message.receipts > RECEIPTS_MAX);
    for (const message of dead) bury(message);
    const alive = batch.filter((message) => !dead.includes(message));
    if (alive.length === 0) {
      release(batch, []);
      return;
    }
    const poisoned = !weather.isCalm && alive.some((message) => message.poisoned);
    handlers.message(
      alive.map(recordOf),
      (outcome) => {
        const again = outcome.type === 'answered' && weather.falls('again');
        if (again) {
          outcome.by.unrecorded = true;
          weather.tell(`the batch of ${outcome.by.name} is given again`);
        }
        const back =
          outcome.type === 'answered' && !again
            ? new Set(outcome.value.batchItemFailures.map((one) => one.itemIdentifier))
            : undefined;
        release(batch, back === undefined ? alive : alive.filter(({ record }) => back.has(record)));
      },
      // A handler that gives up does not do the work that killed it; that it dies of something else
      // twice in a row, and the queue goes on with a hole, is a chance the design takes.
      {
        poisoned,
        safe: !deadly && alive.some(({ receipts }) => receipts > LIMITS.receiptsTriedMax),
      },
    );
  }

  /** What failed stays in front of its group, which waits for it. */
  function release(batch: readonly Kept[], failed: readonly Kept[]): void {
    for (const message of batch) {
      if (failed.includes(message)) continue;
      const group = groups.get(message.group);
      const at = group?.messages.indexOf(message) ?? -1;
      if (at >= 0) group?.messages.splice(at, 1);
    }
    const waits = new Set(failed.map(({ group }) => group));
    for (const name of new Set(batch.map(({ group }) => group))) {
      const free = () => {
        const group = groups.get(name);
        if (group !== undefined) group.held = false;
        for (const message of batch) if (message.group === name) message.flying = false;
        poll();
      };
      if (waits.has(name)) scheduler.after(retrySeconds * 1000, `${name} visible again`, free);
      else free();
    }
  }

  function bury(message: Kept): void {
    weather.tell(`a record of ${message.group} went to the dead letters`);
    const record = recordOf(message);
    const give = () =>
      handlers.dead([record], (outcome) => {
        const failed = outcome.type !== 'answered' || outcome.value.batchItemFailures.length > 0;
        if (failed) scheduler.after(1000, 'dead letter again', give);
      });
    scheduler.after(random.between(1, 200), 'dead letter', give);
  }

  return {
    get waiting() {
      let count = 0;
      for (const { messages } of groups.values()) count += messages.length;
      return count;
    },
    put(entry) {
      const id = `${entry.group} ${entry.deduplicationId}`;
      if (seen.has(id)) return;
      seen.add(id);
      const group = groups.get(entry.group) ?? { messages: [], held: false };
      groups.set(entry.group, group);
      group.messages.push({
        ...entry,
        sequence: ++sequence,
        record: `record-${sequence}`,
        receipts: 0,
        flying: false,
        poisoned: entry.eventType === 'MESSAGE' && weather.falls('poison'),
      });
      poll();
    },
  };
}

function recordOf(message: Kept): QueueRecord {
  const text = (stringValue: string) => ({ dataType: 'String', stringValue });
  return {
    messageId: message.record,
    body: `.${Buffer.from(message.body).toString('base64')}`,
    attributes: {
      ApproximateReceiveCount: String(message.receipts),
      SentTimestamp: String(message.at),
      SequenceNumber: String(message.sequence).padStart(20, '0'),
      MessageGroupId: message.group,
    },
    messageAttributes: {
      connectionId: text(message.group),
      eventType: text(message.eventType),
      messageId: text(message.messageId),
      requestTimeEpoch: text(String(message.at)),
    },
  };
}
