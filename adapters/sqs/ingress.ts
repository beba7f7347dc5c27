/**
 * The ingress queue from the side of a function: `$disconnect` joins its connection's group with
 * the very shape that the `$default` route's mapping template gives to messages, so that one reader
 * serves both. CONTRACTS "AWS wiring".
 */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Ingress, IngressEvent } from '../../broker/ports.ts';

export interface SqsIngressOptions {
  /** Throttles and 5xx are retried by it, as its maker set it; a repeat is dropped by the queue. */
  readonly client: SQSClient;
  /** Of a FIFO queue. */
  readonly queueUrl: string;
}

export function sqsIngress({ client, queueUrl }: SqsIngressOptions): Ingress {
  return {
    async send(event) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          // Letters, digits and punctuation, at most 128: base64's alphabet, as ids have it, fits.
          // The template encodes it for the form it sends; SQS stores this plain text either way.
          MessageGroupId: event.connectionId,
          MessageDeduplicationId: event.requestId,
          // The dot because SQS refuses an empty body; base64 because it refuses U+0000.
          MessageBody: `.${Buffer.from(event.body).toString('base64')}`,
          MessageAttributes: attributes(event),
        }),
      );
    },
  };
}

/** All of type String, as a mapping template writes them. */
function attributes({ connectionId, eventType, messageId, requestTimeEpoch }: IngressEvent) {
  const texts = { connectionId, eventType, messageId, requestTimeEpoch: String(requestTimeEpoch) };
  return Object.fromEntries(
    Object.entries(texts).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );
}
