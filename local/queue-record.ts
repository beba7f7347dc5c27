/** What the queue keeps of an event, and the record a handler is given of it. */
import type { IngressEvent } from '../broker/ports.ts';
import type { QueueRecord } from '../lambda/events.ts';

export interface Entry {
  /** Of the record, told apart from all others in the queue. */
  readonly id: string;
  readonly connectionId: string;
  readonly eventType: IngressEvent['eventType'];
  readonly messageId: string;
  readonly requestTimeEpoch: number;
  readonly body: Body;
  readonly sentAt: number;
  /** 20 digits. */
  sequence: string;
  receives: number;
}

/** Octets as they came, or as a queue of AWS keeps them. */
type Body = string | Uint8Array;

/** How a body is kept: written down (a copy), or as it is, if nobody writes to it again. */
export type Keep = (body: Uint8Array) => Body;

/** `.` + base64: SQS refuses an empty body, and U+0000 in any. */
export const written: Keep = (body) => `.${base64(body)}`;
export const asItIs: Keep = (body) => body;

export function newEntry(event: IngressEvent, body: Body, sequence: string, now: number): Entry {
  return {
    id: sequence,
    connectionId: event.connectionId,
    eventType: event.eventType,
    messageId: event.messageId,
    requestTimeEpoch: event.requestTimeEpoch,
    body,
    sentAt: now,
    sequence,
    receives: 0,
  };
}

/** As SQS writes it. Counts as one receive. */
export function receive(entry: Entry): QueueRecord {
  entry.receives += 1;
  return {
    messageId: entry.id,
    body: typeof entry.body === 'string' ? entry.body : `.${base64(entry.body)}`,
    attributes: {
      ApproximateReceiveCount: String(entry.receives),
      SentTimestamp: String(entry.sentAt),
      SequenceNumber: entry.sequence,
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

/** For a handler of this process, which need not read what nobody wrote. Counts as one receive. */
export function hand(entry: Entry): QueueRecord {
  const { body, connectionId, eventType, requestTimeEpoch, messageId } = entry;
  if (typeof body === 'string') return receive(entry);
  entry.receives += 1;
  return {
    messageId: entry.id,
    body: '',
    attributes: {
      ApproximateReceiveCount: String(entry.receives),
      SentTimestamp: '',
      MessageGroupId: connectionId,
    },
    messageAttributes: NO_ATTRIBUTES,
    inbound: {
      connectionId,
      event: eventType === 'MESSAGE' ? 'message' : 'lost',
      payload: body,
      epoch: requestTimeEpoch,
      sequence: entry.sequence,
      messageId,
      repeated: entry.receives > 1,
    },
  };
}

const NO_ATTRIBUTES: QueueRecord['messageAttributes'] = {};

/** Of the first, the second … record, 20 digits each; written out anew only once in a thousand. */
export function sequences(): () => string {
  const last = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
  let count = 0;
  let thousands = '';
  return () => {
    count += 1;
    const rest = count % last.length;
    if (rest === 0 || thousands === '') {
      thousands = String(Math.floor(count / last.length)).padStart(17, '0');
    }
    return thousands + last[rest];
  };
}

function base64(body: Uint8Array): string {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return bytes.toString('base64');
}
