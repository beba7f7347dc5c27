/** What is done later, apart, or now and then: tasks, jobs, and the sweep of each minute. */
import { expelDue } from '../broker/expel.ts';
import type { DrainTask, JobTask, Ports, Task } from '../broker/ports.ts';
import { postShard } from '../broker/shard.ts';
import { slowGroup } from '../broker/slow.ts';
import { postStretch } from '../broker/stretch.ts';
import { sweep } from '../broker/sweep.ts';

export interface Attempt {
  /** True when an earlier invocation may have done some of it already. */
  readonly repeated: boolean;
}

/** Throws if it could not be done: the queue gives the task again, and twice does no harm. */
export function taskHandler(
  ports: Ports,
): (task: Task | JobTask, attempt?: Attempt) => Promise<void> {
  const journal = () => {
    if (ports.logs === undefined) throw new Error('this broker has no logged lane');
    return ports.logs.journal;
  };
  return async (task, attempt = { repeated: false }) => {
    switch (task.type) {
      case 'gone': {
        const { room, membership, mark } = task;
        await journal().append(room, [{ type: 'gone', membership, mark }]);
        return;
      }
      case 'tick':
        await journal().append(task.queue, [{ type: 'tick' }]);
        return;
      case 'shard':
        return postShard(task, attempt, ports);
      case 'stretch':
        return postStretch(task, attempt, ports);
      case 'look':
        return look(task.drain, ports);
      case 'drain':
        return ports.slow?.drain(task, ports);
      default:
        task satisfies never;
    }
  };
}

/** What a task that was put off asks for is a job: one of each connection at a time. */
async function look(drain: DrainTask, { jobs, ids }: Ports): Promise<void> {
  if (jobs === undefined) throw new Error('this broker has no jobs');
  await jobs.send([{ group: slowGroup(drain.connectionId), once: ids.random(), task: drain }]);
}

export function sweepHandler(ports: Ports): () => Promise<void> {
  return async () => {
    await expelDue(ports);
    const { asked, lost } = await sweep(ports);
    if (asked > 0) ports.log.info('swept', { asked, lost });
  };
}
