/** Many subscribers without a handshake each, and jobs done by hand. */

import { readTask, writeJob } from '../../adapters/task-text.ts';
import { parseDestination } from '../../broker/destination.ts';
import type { Job, Jobs, Ports } from '../../broker/ports.ts';
import { taskHandler } from '../../lambda/work.ts';
import type { World } from './world.ts';

export interface Subscribing {
  readonly to: string;
  readonly ack?: 'auto' | 'client';
  readonly selector?: string;
}

/** Opens the connection, subscribes it, and hears what is posted to it. */
export async function subscribed(
  world: Pick<World, 'ports' | 'posts'>,
  id: string,
  { to, ack = 'auto', selector }: Subscribing,
): Promise<void> {
  const { store, limits, clock } = world.ports;
  const connection = {
    id,
    carrier: 'raw',
    dialect: 'stomp',
    version: '1.2',
    // Old enough for a 410 to be believed.
    connectedAt: clock.now() - 60_000,
    expiresAt: clock.now() + 3_600_000,
    stamp: '0',
  };
  await store.open(connection);
  world.posts.set(id, []);
  await store.subscribe(
    connection,
    {
      connectionId: id,
      id: '1',
      destination: to,
      ack,
      stamp: '1',
      ...(selector === undefined ? {} : { selector }),
    },
    parseDestination(to, limits),
  );
}

export interface JobQueue extends Jobs {
  readonly waiting: Job[];
  /** Jobs that were sent, dropped ones among them. */
  sent: number;
  /** Does all, each until it is done; returns how many attempts failed. */
  work(ports: Ports): Promise<number>;
}

/** A FIFO queue: a name seen again in its group is dropped; jobs travel as JSON, as through SQS. */
export function jobQueue(): JobQueue {
  const waiting: Job[] = [];
  const seen = new Set<string>();
  const queue: JobQueue = {
    waiting,
    sent: 0,
    async send(jobs) {
      for (const job of jobs) {
        queue.sent++;
        const name = `${job.group}\n${job.once}`;
        if (seen.has(name)) continue;
        seen.add(name);
        const task = readTask(writeJob(job.task));
        if (typeof task === 'string' || !('connectionId' in task || 'slice' in task))
          throw new Error('no job');
        waiting.push({ ...job, task });
      }
    },
    async work(ports) {
      const perform = taskHandler(ports);
      let failed = 0;
      for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
        for (let repeated = false; ; repeated = true) {
          try {
            await perform(job.task, { repeated });
            break;
          } catch {
            if (++failed > 1000) throw new Error('a job fails for ever');
          }
        }
        waiting.shift();
      }
      return failed;
    },
  };
  return queue;
}
