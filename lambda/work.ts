/** What is done later or now and then: tasks whose time has come, and the sweep of each minute. */
import type { Ports, Task } from '../broker/ports.ts';
import { sweep } from '../broker/sweep.ts';

/** Throws if it could not be done: the queue gives the task again, and twice does no harm. */
export function taskHandler(ports: Ports): (task: Task) => Promise<void> {
  return async ({ room, membership, mark }) => {
    if (ports.logs === undefined) throw new Error('this broker has no logged lane');
    await ports.logs.journal.append(room, [{ type: 'gone', membership, mark }]);
  };
}

export function sweepHandler(ports: Ports): () => Promise<void> {
  return async () => {
    const { asked, lost } = await sweep(ports);
    if (asked > 0) ports.log.info('swept', { asked, lost });
  };
}
