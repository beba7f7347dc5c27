/**
 * Dead letters: a record that crashed its handler five times over. Its connection is over, for a
 * conversation with a hole in it cannot go on. Metadata is logged, the body never.
 */
import { internalError } from '../broker/errors.ts';
import type { Ports } from '../broker/ports.ts';
import { condemn } from './condemn.ts';
import type { QueueEvent, QueueResult } from './events.ts';

export function deadHandler(ports: Ports): (event: QueueEvent) => Promise<QueueResult> {
  return async ({ Records }) => {
    const failed: { itemIdentifier: string }[] = [];
    for (const { messageId, attributes, messageAttributes } of Records) {
      const connectionId =
        messageAttributes['connectionId']?.stringValue ?? attributes.MessageGroupId;
      ports.log.error('dead-letter', new Error('given up after repeated crashes'), {
        connectionId,
        record: messageId,
        sent: attributes.SentTimestamp,
      });
      if (connectionId === undefined) continue;
      if (!(await condemn(connectionId, internalError(), ports))) {
        // Its records cannot be reached; its client shall not wait in vain for that.
        await ports.outbox.close(connectionId);
        failed.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures: failed };
  };
}
