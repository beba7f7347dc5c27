/**
 * The FIFO queue of jobs: groups of their own, one job a batch, as `infra/task-queue.ts` has it. It
 * hurts as the queue of what clients say does; a job may kill whoever does it to the last, and then
 * goes to the dead letters, where nobody looks.
 */
import { writeJob } from '../../adapters/task-text.ts';
import type { Job } from '../../broker/ports.ts';
import type { QueueRecord } from '../../lambda/events.ts';
import type { Invocation, InvokeOptions } from './fleet.ts';
import type { Weather } from './plan.ts';
import { makeQueue, type QueueHandlers, type QueueOptions } from './queue.ts';
import type { Scheduler } from './scheduler.ts';

export interface JobQueue {
  /** A name known in its group is dropped. */
  put(job: Job, by: Invocation): void;
  /** It keeps something for these, which any drain of theirs may post. */
  holds(connectionIds: readonly string[], by: Invocation): void;
  readonly waiting: number;
  /** Bodies of messages whose shards went to the dead letters. */
  readonly givenUp: ReadonlySet<string>;
}

interface Known {
  readonly job: Job;
  readonly askedBy: Invocation[];
}

export function makeJobQueue(
  scheduler: Scheduler,
  weather: Weather,
  work: (...given: Parameters<QueueHandlers['message']>) => void,
  divided: (body: string, of: number) => void,
  { sideBySide = false }: { readonly sideBySide?: boolean } = {},
): JobQueue {
  const known = new Map<string, Known>();
  const givenUp = new Set<string>();
  const holders = new Map<string, Invocation[]>();

  function holdersOf(connectionId: string): Invocation[] {
    const mine = holders.get(connectionId) ?? [];
    holders.set(connectionId, mine);
    return mine;
  }

  function optionsOf([record]: readonly QueueRecord[]): Pick<InvokeOptions, 'job'> {
    const found = record && known.get(nameOf(record));
    if (found === undefined) return {};
    const { task } = found.job;
    const drains = task.type === 'drain';
    return { job: { askedBy: drains ? holdersOf(task.connectionId) : found.askedBy } };
  }

  const handlers: QueueHandlers = {
    message(records, done, options) {
      const told: typeof done = (outcome) => {
        const failed = outcome.type === 'answered' && outcome.value.batchItemFailures.length > 0;
        if (failed) outcome.by.unrecorded = true;
        done(outcome);
      };
      work(records.map(jobRecord), told, { ...options, ...optionsOf(records) });
    },
    dead(records) {
      for (const { job } of records.flatMap((record) => known.get(nameOf(record)) ?? [])) {
        if (job.task.type !== 'shard') continue;
        for (const { body } of job.task.messages) givenUp.add(Buffer.from(body).toString());
      }
    },
  };
  const options: QueueOptions = { batchMax: 1, deadly: true, ungrouped: sideBySide };
  const queue = makeQueue(scheduler, weather, handlers, options);

  return {
    get waiting() {
      return queue.waiting;
    },
    givenUp,
    holds(connectionIds, by) {
      for (const connectionId of connectionIds) holdersOf(connectionId).push(by);
    },
    put(job, by) {
      const { group, once, task } = job;
      const name = `${group}\n${once}`;
      if (task.type === 'shard') {
        for (const { body } of task.messages) divided(Buffer.from(body).toString(), task.slice.of);
      }
      const before = known.get(name);
      before?.askedBy.push(by);
      if (before === undefined) known.set(name, { job, askedBy: [by] });
      queue.put({
        group,
        deduplicationId: once,
        // Whoever is owed a shard or what waits for it has no other way to get it: nothing kills these.
        eventType: task.type === 'stretch' ? 'MESSAGE' : 'DISCONNECT',
        messageId: once,
        at: scheduler.now(),
        body: Buffer.from(writeJob(task)),
      });
    },
  };
}

function nameOf({ attributes, messageAttributes }: QueueRecord): string {
  return `${attributes.MessageGroupId}\n${messageAttributes?.['messageId']?.stringValue}`;
}

/** Its body is the JSON itself. */
function jobRecord(record: QueueRecord): QueueRecord {
  return { ...record, body: Buffer.from(record.body.slice(1), 'base64').toString() };
}
