/**
 * Jobs on one machine: a FIFO queue on a shelf of the store, so that what a process that died had
 * taken on is done by the next. Jobs of a group are done in order, one at a time, as on AWS. Between
 * two jobs the event loop turns: nobody waits for the whole of a large audience.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { readTask, writeJob } from '../adapters/task-text.ts';
import type { Clock, Ids, Jobs, JobTask, Log, Shelf } from '../broker/ports.ts';

const SHELF = 'jobs';
/** Whatever is not done by then would come as from another time. */
const KEPT_MILLISECONDS = 24 * 3_600_000;
/** Jobs read at once, and done side by side. */
const READ_MAX = 200;
const AT_ONCE_MAX = 4;
/** A job that fails is given again after a pause, and so often, as the queue on AWS does. */
const RETRY_MILLISECONDS = 1000;
const ATTEMPTS_MAX = 5;

export interface ShelfJobs extends Jobs {
  /** Calls `listener` soon after this process has sent something. */
  onSend(listener: () => void): void;
}

export interface ShelfJobsOptions {
  readonly shelf: Shelf;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function shelfJobs({ shelf, clock, ids }: ShelfJobsOptions): ShelfJobs {
  const listeners: (() => void)[] = [];
  let sent = 0;
  /** In the order of the sends of one process; of several, by their clocks. */
  const nextKey = (now: number) => {
    sent += 1;
    const order = [now, sent].map((part) => part.toString(36).padStart(9, '0')).join('-');
    return `${order}-${ids.random()}`;
  };
  return {
    async send(jobs) {
      const now = clock.now();
      const cells = jobs.map(({ group, task }) => {
        const text = JSON.stringify([group, writeJob(task)]);
        return [nextKey(now), Buffer.from(text)] as const;
      });
      await shelf.write(SHELF, cells, now + KEPT_MILLISECONDS);
      for (const listener of listeners) listener();
    },
    onSend: (listener) => void listeners.push(listener),
  };
}

export interface JobPumpOptions {
  readonly jobs: ShelfJobs;
  readonly shelf: Shelf;
  readonly perform: (task: JobTask, attempt: { readonly repeated: boolean }) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds between looks at what other threads send; 0: this process's own alone. */
  readonly pollMilliseconds: number;
}

export interface JobPump {
  /** Returns once nothing is under way. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly key: string;
  readonly group: string;
  readonly text: string;
}

/** Begins with whatever a process before this one has left. */
export function startJobs(options: JobPumpOptions): JobPump {
  const { jobs, shelf, clock, log } = options;
  /** Attempts that have failed, by key; a job of before this process counts as tried once. */
  const failures = new Map<string, number>();
  const paused = new Map<string, number>();
  /** Keys of jobs that a process before this one may have begun. */
  let leftover: Set<string> | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function look(): Promise<void> {
    do {
      again = false;
      leftover ??= await keysSoFar();
      const { groups, more } = await ready();
      if (more) again = true;
      await Promise.all(Array.from({ length: AT_ONCE_MAX }, () => work(groups)));
    } while (again && !stopped);
  }

  async function keysSoFar(): Promise<Set<string>> {
    const keys = new Set<string>();
    for (let from = ''; ; ) {
      const cells = await shelf.read(SHELF, { from, to: '\uffff', most: READ_MAX });
      for (const [key] of cells) keys.add(key);
      const last = cells.at(-1)?.[0];
      if (cells.length < READ_MAX || last === undefined) return keys;
      from = `${last}\0`;
    }
  }

  /** The oldest that may be done; those of groups that pause, however many, hide no other. */
  async function ready(): Promise<{ readonly groups: Groups; readonly more: boolean }> {
    for (let from = ''; ; ) {
      const cells = await shelf.read(SHELF, { from, to: '\uffff', most: READ_MAX });
      const waiting = cells.map(([key, value]) => waitingOf(key, value));
      const groups = groupsOf(waiting).filter(([{ group }]) => !isPaused(group));
      const last = cells.at(-1)?.[0];
      const full = cells.length === READ_MAX;
      if (groups.length > 0 || !full || last === undefined) {
        return { groups, more: full && groups.length > 0 };
      }
      from = `${last}\0`;
    }
  }

  function isPaused(group: string): boolean {
    const until = paused.get(group);
    if (until === undefined) return false;
    if (until > clock.now()) return true;
    paused.delete(group);
    return false;
  }

  async function work(groups: Groups): Promise<void> {
    for (let group = groups.shift(); group !== undefined && !stopped; group = groups.shift()) {
      for (const one of group) {
        await turn();
        if (stopped || !(await attempt(one))) break;
      }
    }
  }

  /** False: it is to be done again, before the others of its group. */
  async function attempt({ key, group, text }: Waiting): Promise<boolean> {
    const failed = failures.get(key) ?? 0;
    try {
      const task = readTask(text);
      if (typeof task === 'string' || !('connectionId' in task || 'slice' in task)) {
        throw new Error(`no job: ${typeof task === 'string' ? task : task.type}`);
      }
      await options.perform(task, { repeated: failed > 0 || leftover?.has(key) === true });
    } catch (cause) {
      log.error('job-failed', cause);
      if (failed + 1 < ATTEMPTS_MAX) {
        failures.set(key, failed + 1);
        paused.set(group, clock.now() + RETRY_MILLISECONDS);
        setTimeout(rouse, RETRY_MILLISECONDS + 1).unref();
        return false;
      }
    }
    failures.delete(key);
    leftover?.delete(key);
    await shelf.write(SHELF, [[key, undefined]], 0);
    return true;
  }

  function rouse(): void {
    again = true;
    if (stopped) return;
    running ??= look()
      .catch((cause: unknown) => log.error('jobs-failed', cause))
      .finally(() => {
        running = undefined;
        if (again) rouse();
      });
  }

  jobs.onSend(rouse);
  const { pollMilliseconds } = options;
  const polling = pollMilliseconds > 0 ? setInterval(rouse, pollMilliseconds) : undefined;
  polling?.unref();
  rouse();
  return {
    async stop() {
      stopped = true;
      clearInterval(polling);
      await running;
    },
  };
}

type Groups = [Waiting, ...Waiting[]][];

function groupsOf(waiting: readonly Waiting[]): Groups {
  const groups = new Map<string, [Waiting, ...Waiting[]]>();
  for (const one of waiting) {
    const others = groups.get(one.group);
    if (others === undefined) groups.set(one.group, [one]);
    else others.push(one);
  }
  return [...groups.values()];
}

function waitingOf(key: string, value: Uint8Array): Waiting {
  const [group, text]: readonly unknown[] = JSON.parse(Buffer.from(value).toString());
  return { key, group: String(group), text: String(text) };
}
