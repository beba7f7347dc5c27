/** What invokes `work` on AWS: tasks whose time has come, a job, or the schedule of the sweep. */
import type { JobTask, Ports, Task } from '../broker/ports.ts';
import type { QueueEvent, QueueRecord, QueueResult, ScheduledEvent } from './events.ts';
import { sweepHandler, taskHandler } from './work.ts';

/** `read` gives the task of a record's body, or what is wrong with it. */
export function workHandler(
  read: (body: string) => Task | JobTask | string,
  ports: Ports,
): (event: QueueEvent | ScheduledEvent) => Promise<QueueResult> {
  const run = taskHandler(ports);
  const sweep = sweepHandler(ports);
  return async (event) => {
    if ('Records' in event) {
      const done = await Promise.all(event.Records.map(perform));
      const failed = event.Records.filter((_, index) => done[index] === false);
      return {
        batchItemFailures: failed.map(({ messageId: itemIdentifier }) => ({ itemIdentifier })),
      };
    }
    try {
      await sweep();
    } catch (cause) {
      ports.log.error('sweep-failed', cause);
      throw cause;
    }
    return { batchItemFailures: [] };
  };

  /** False: not done. The queue gives it again, and at last to the dead letters. */
  async function perform({ body, messageId, attributes }: QueueRecord): Promise<boolean> {
    const task = read(body);
    if (typeof task === 'string') {
      ports.log.error('task-unreadable', new Error(task), { record: messageId });
      return false;
    }
    try {
      await run(task, { repeated: Number(attributes.ApproximateReceiveCount) > 1 });
      return true;
    } catch (cause) {
      ports.log.error('task-failed', cause, { task: task.type, record: messageId });
      return false;
    }
  }
}
