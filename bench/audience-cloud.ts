/** A cloud for one large audience: its quota, its faults, its queue, its logs and their stream. */
import { createHash } from 'node:crypto';
import type { Answer } from '../adapters/apigateway/management.ts';
import type { MemoryJournal } from '../adapters/memory/journal.ts';
import { memoryChecks, memoryRoster } from '../adapters/memory/roster.ts';
import { memoryShelf } from '../adapters/memory/shelf.ts';
import type { LogRecord } from '../broker/model.ts';
import type { Clock, Held, Job, Jobs, Journal, Logs, Ports } from '../broker/ports.ts';
import { makePolicies } from '../broker/rules.ts';

/** Milliseconds, and the account's quota. */
export interface Cloud {
  readonly postMilliseconds: number;
  readonly storeMilliseconds: number;
  /** From SendMessage to the handler's first line. */
  readonly queueMilliseconds: number;
  /** From a change of a log to the first line of `deliver`. */
  readonly streamMilliseconds: number;
  /** Rows of one page: 1 MB. */
  readonly pageRows: number;
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** Requests a second that others of the account make. */
  readonly othersPerSecond: number;
  /** In a hundred of the audience: connections that are gone, and whose buffers are full… */
  readonly staleInHundred: number;
  readonly slowInHundred: number;
  /** …and in a hundred posts: those that the gateway answers with 500. */
  readonly faultyInHundred: number;
}

export const CLOUD: Cloud = {
  postMilliseconds: 30,
  storeMilliseconds: 20,
  queueMilliseconds: 60,
  streamMilliseconds: 200,
  pageRows: 6000,
  requestsPerSecond: 10_000,
  requestsBurst: 5_000,
  othersPerSecond: 0,
  staleInHundred: 0,
  slowInHundred: 0,
  faultyInHundred: 0,
};

export const BAD_DAY = { staleInHundred: 1, slowInHundred: 1, faultyInHundred: 5 } as const;

/** The stale and the slow are always so; a fault of the gateway passes. */
export function faultOf(cloud: Cloud, connectionId: string, attempt: number): Answer | undefined {
  const [name, number] = connectionId.split('-');
  const place = Number(number) % 100;
  if (name === 'big' && place < cloud.staleInHundred)
    return { status: 410, words: 'GoneException' };
  if (name === 'big' && place < cloud.staleInHundred + cloud.slowInHundred) {
    return { status: 429, words: 'the client buffer is full' };
  }
  if (cloud.faultyInHundred === 0) return undefined;
  // As good as random, and the same in every run.
  const digest = createHash('sha256').update(`fault ${attempt}`).digest();
  const faulty = digest.readUInt16BE(0) % 100 < cloud.faultyInHundred;
  return faulty ? { status: 500, words: '', cause: new Error('500') } : undefined;
}

/** The account's bucket, from which others take as well. */
export function quota(
  { requestsPerSecond, requestsBurst, othersPerSecond }: Cloud,
  now: () => number,
) {
  let tokens = requestsBurst;
  let filledAt = now();
  return {
    take(): boolean {
      const passed = now() - filledAt;
      filledAt = now();
      const more = (passed * (requestsPerSecond - othersPerSecond)) / 1000;
      tokens = Math.min(requestsBurst, tokens + more);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

export type Late = <T>(work: () => Promise<T>) => Promise<T>;

/** What logs need, each call a request to the store. */
export function logsOf(journal: MemoryJournal, held: Held, clock: Clock, late: Late): Logs {
  return {
    held: slowly(held, late),
    journal: slowly<Journal>(journal, late),
    roster: slowly(memoryRoster(), late),
    checks: slowly(memoryChecks(), late),
    shelf: slowly(memoryShelf(clock), late),
    later: { schedule: () => late(async () => undefined) },
    liveness: { alive: async () => true },
    policies: makePolicies([]),
  };
}

function slowly<Port extends object>(port: Port, late: Late): Port {
  return new Proxy(port, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      return (...given: readonly unknown[]) =>
        late(async () => Reflect.apply(method, target, given));
    },
  });
}

/** The stream of the logs: one batch at a time, each some time behind its first change. */
export function streamOf(
  { stream }: MemoryJournal,
  { streamMilliseconds }: Cloud,
  timer: Ports['timer'],
  deliver: (records: readonly LogRecord[]) => Promise<void>,
) {
  let seen = 0;
  return {
    /** Until all that has been appended by now, and what that makes others append, is told. */
    async read(): Promise<void> {
      for (;;) {
        const waiting = await stream.read(seen, STREAM_BATCH);
        const fresh = waiting.filter(({ cursor }) => cursor > seen);
        if (fresh.length === 0) return;
        await timer.sleep(streamMilliseconds);
        const batch = (await stream.read(seen, STREAM_BATCH)).filter(({ cursor }) => cursor > seen);
        await deliver(batch.map(({ record }) => record));
        seen = batch.at(-1)?.cursor ?? seen;
        await stream.commit(seen);
      }
    },
  };
}

const STREAM_BATCH = 1000;

/** SQS FIFO: jobs of a group one after another, so many groups side by side. */
export function fifo(
  { queueMilliseconds }: Cloud,
  timer: Ports['timer'],
  perform: (job: Job) => Promise<void>,
  atOnceMax: number,
) {
  const waiting: Job[] = [];
  const busy = new Set<string>();
  const waiters: (() => void)[] = [];
  let sent = 0;
  function next(): void {
    while (busy.size < atOnceMax) {
      const at = waiting.findIndex(({ group }) => !busy.has(group));
      const [job] = at < 0 ? [] : waiting.splice(at, 1);
      if (job === undefined) break;
      busy.add(job.group);
      void perform(job).then(() => {
        busy.delete(job.group);
        sent--;
        if (sent === 0) for (const wake of waiters.splice(0)) wake();
        next();
      });
    }
  }
  const jobs: Jobs = {
    async send(some) {
      sent += some.length;
      await timer.sleep(queueMilliseconds / 6);
      timer.after(queueMilliseconds, () => {
        waiting.push(...some);
        next();
      });
    },
  };
  return {
    jobs,
    drained: () =>
      new Promise<void>((resolve) => {
        if (sent === 0) resolve();
        else waiters.push(resolve);
      }),
  };
}
