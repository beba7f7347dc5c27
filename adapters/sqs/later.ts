/**
 * Work for later through a standard queue's own delay. At least once: a task done twice does no
 * harm. Its JSON is written and read here, so that both sides agree.
 */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Membership } from '../../broker/model.ts';
import type { JobTask, Later, Task } from '../../broker/ports.ts';
import { readDrain, readJob } from './jobs.ts';

export interface SqsLaterOptions {
  readonly client: SQSClient;
  /** Of a standard queue: a FIFO queue takes no delay of a single message. */
  readonly queueUrl: string;
}

/** SQS: "DelaySeconds … from 0 to 900". */
const DELAY_SECONDS_MAX = 900;

export function sqsLater({ client, queueUrl }: SqsLaterOptions): Later {
  return {
    async schedule(seconds, task) {
      const DelaySeconds = Math.max(0, Math.ceil(seconds));
      if (DelaySeconds > DELAY_SECONDS_MAX) {
        throw new RangeError(`A task can wait ${DELAY_SECONDS_MAX} s at most, not ${seconds}`);
      }
      await client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          DelaySeconds,
          MessageBody: JSON.stringify(task),
        }),
      );
    },
  };
}

/** The task, put off or a job, or what is wrong with the text. */
export function readTask(text: string): Task | JobTask | string {
  const fields = parsed(text);
  if (fields === undefined) return 'no JSON object';
  const job = readJob(fields);
  if (job !== undefined) return job;
  const { type, queue, room, mark } = fields;
  if (type === 'look') {
    const drain = readDrain(fields['drain']);
    return drain === undefined ? 'no connection' : { type, drain };
  }
  if (type === 'tick') return typeof queue === 'string' ? { type, queue } : 'no queue';
  if (type !== 'gone') return 'no known type of task';
  if (typeof room !== 'string') return 'no room';
  if (typeof mark !== 'string') return 'no mark';
  const membership = readMembership(fields['membership']);
  return membership === undefined ? 'no membership' : { type, room, membership, mark };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { ...value };
  } catch {
    return undefined;
  }
}

function readMembership(value: unknown): Membership | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { connectionId, subscriptionId, stamp, session, member } = fields;
  const texts = [connectionId, subscriptionId, stamp, session, member];
  if (texts.some((each) => typeof each !== 'string')) return undefined;
  return {
    connectionId: String(connectionId),
    subscriptionId: String(subscriptionId),
    stamp: String(stamp),
    session: String(session),
    member: String(member),
  };
}
