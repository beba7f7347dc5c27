/** What the queue keeps of an event, and the record a handler is given of it, as SQS writes them. */
import type { IngressEvent } from '../broker/ports.ts';
import type { QueueRecord } from '../lambda/events.ts';

export interface Entry {
  /** Of the record, told apart from all others in the queue. */
  readonly id: string;
  readonly connectionId: string;
  readonly eventType: IngressEvent['eventType'];
  readonly messageId: string;
  readonly requestTimeEpoch: number;
  readonly body: string;
  readonly sentAt: number;
  sequence: number;
  receives: number;
}

/** Copies the body, as `.` + base64: SQS refuses an empty one, and U+0000 in any. */
export function newEntry(event: IngressEvent, sequence: number, now: number): Entry {
  return {
    id: `local-${sequence}`,
    connectionId: event.connectionId,
    eventType: event.eventType,
    messageId: event.messageId,
    requestTimeEpoch: event.requestTimeEpoch,
    body: `.${base64(event.body)}`,
    sentAt: now,
    sequence,
    receives: 0,
  };
}

/** Counts as one receive. */
export function receive(entry: Entry): QueueRecord {
  entry.receives += 1;
  return {
    messageId: entry.id,
    body: entry.body,
    attributes: {
      ApproximateReceiveCount: String(entry.receives),
      SentTimestamp: String(entry.sentAt),
      SequenceNumber: String(entry.sequence).padStart(20, '0'),
      MessageGroupId: entry.connectionId,
    },
    messageAttributes: {
      connectionId: { dataType: 'String', stringValue: entry.connectionId },
      eventType: { dataType: 'String', stringValue: entry.eventType },
      messageId: { dataType: 'String', stringValue: entry.messageId },
      requestTimeEpoch: { dataType: 'String', stringValue: String(entry.requestTimeEpoch) },
    },
  };
}

function base64(body: Uint8Array): string {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return bytes.toString('base64');
}
