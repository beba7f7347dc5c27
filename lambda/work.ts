/** What is done later or now and then: tasks whose time has come, and the sweep of each minute. */
import { expelDue } from '../broker/expel.ts';
import type { Ports, Task } from '../broker/ports.ts';
import { sweep } from '../broker/sweep.ts';

/** Throws if it could not be done: the queue gives the task again, and twice does no harm. */
export function taskHandler(ports: Ports): (task: Task) => Promise<void> {
  return async (task) => {
    const { logs } = ports;
    if (logs === undefined) throw new Error('this broker has no logged lane');
    switch (task.type) {
      case 'gone': {
        const { room, membership, mark } = task;
        await logs.journal.append(room, [{ type: 'gone', membership, mark }]);
        return;
      }
      case 'tick':
        await logs.journal.append(task.queue, [{ type: 'tick' }]);
        return;
      default:
        task satisfies never;
    }
  };
}

export function sweepHandler(ports: Ports): () => Promise<void> {
  return async () => {
    await expelDue(ports);
    const { asked, lost } = await sweep(ports);
    if (asked > 0) ports.log.info('swept', { asked, lost });
  };
}
