/**
 * Jobs through a FIFO queue. Group and name are digests, for a destination may be longer than SQS's
 * 128 characters, and hold others than it takes.
 */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { sha256 } from '../../broker/digest.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Job, Jobs } from '../../broker/ports.ts';
import { writeJob } from '../task-text.ts';

export interface SqsJobsOptions {
  readonly client: SQSClient;
  /** Of a FIFO queue that de-duplicates within a group. */
  readonly queueUrl: string;
  readonly limits: Limits;
}

export function sqsJobs({ client, queueUrl, limits }: SqsJobsOptions): Jobs {
  async function send({ group, once, task }: Job): Promise<void> {
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageGroupId: digest(group),
        MessageDeduplicationId: digest(once),
        MessageBody: writeJob(task),
      }),
    );
  }
  return {
    async send(jobs) {
      for (let from = 0; from < jobs.length; from += limits.jobsAtOnceMax) {
        await Promise.all(jobs.slice(from, from + limits.jobsAtOnceMax).map(send));
      }
    },
  };
}

function digest(text: string): string {
  return sha256(text, 'base64url');
}
