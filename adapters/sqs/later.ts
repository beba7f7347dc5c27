/**
 * Work for later through a standard queue's own delay. At least once: a task done twice does no
 * harm.
 */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Later } from '../../broker/ports.ts';

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
