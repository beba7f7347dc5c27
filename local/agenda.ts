/**
 * Does what was planned for later, once its time has come: on AWS a queue with a delay. At least
 * once: what fails, or is under way when the process dies, is done again.
 */
import type { Agenda, Clock, DueTask, Log, Task } from '../broker/ports.ts';

export interface AgendaOptions {
  readonly agenda: Agenda;
  readonly perform: (task: Task) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it is looked at: tasks are seconds away, and other threads plan them unseen. */
const LOOK_MILLISECONDS = 100;
/** Tasks done side by side. */
const AT_ONCE_MAX = 100;

export interface RunningAgenda {
  /** Returns once nothing is under way. */
  stop(): Promise<void>;
}

export function startAgenda({ agenda, perform, clock, log }: AgendaOptions): RunningAgenda {
  let running: Promise<void> | undefined;
  let stopped = false;

  /** All that is due, unless something fails: that waits for the next look. */
  async function look(): Promise<void> {
    for (;;) {
      const due = await agenda.due(clock.now(), AT_ONCE_MAX);
      const done = await Promise.all(due.map(attempt));
      if (due.length < AT_ONCE_MAX || done.includes(false) || stopped) return;
    }
  }

  async function attempt({ key, task }: DueTask): Promise<boolean> {
    try {
      await perform(task);
      await agenda.settle(key);
      return true;
    } catch (cause) {
      log.error('task-failed', cause, { task: task.type });
      return false;
    }
  }

  const timer = setInterval(() => {
    running ??= look()
      .catch((cause: unknown) => log.error('agenda-failed', cause))
      .finally(() => {
        running = undefined;
      });
  }, LOOK_MILLISECONDS);
  timer.unref();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
