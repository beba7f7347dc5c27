/**
 * From queue records and gateway events to what the core handles. What comes in is checked here,
 * once; the template that writes the records is in infra/.
 */

import { BrokerError } from '../broker/errors.ts';
import type { Inbound } from '../broker/ports.ts';
import type { MessageEvent, QueueRecord } from './events.ts';

/** The record as an event of its connection, or what is wrong with it. */
export function read(record: QueueRecord): Inbound | string {
  const connectionId = attribute(record, 'connectionId');
  const eventType = attribute(record, 'eventType');
  const messageId = attribute(record, 'messageId');
  const epoch = Number(attribute(record, 'requestTimeEpoch'));
  if (connectionId === '') return 'no connectionId';
  if (eventType !== 'MESSAGE' && eventType !== 'DISCONNECT') return `eventType ${eventType}`;
  if (messageId === '') return 'no messageId';
  if (!Number.isSafeInteger(epoch) || epoch <= 0) return 'no requestTimeEpoch';
  const payload = decodeBody(record.body);
  if (payload === undefined) return 'a body that is not a dot and base64';
  return {
    connectionId,
    event: eventType === 'MESSAGE' ? 'message' : 'lost',
    payload,
    epoch,
    sequence: record.attributes.SequenceNumber ?? messageId,
    messageId,
    repeated: record.attributes.ApproximateReceiveCount !== '1',
  };
}

function attribute({ messageAttributes }: QueueRecord, name: string): string {
  return messageAttributes[name]?.stringValue ?? '';
}

/** The event of a route that leads straight to the Lambda. */
export function straight({ requestContext, body, isBase64Encoded }: MessageEvent): Inbound {
  const messageId = requestContext.messageId ?? requestContext.requestId;
  return {
    connectionId: requestContext.connectionId,
    event: 'message',
    payload: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    epoch: requestContext.requestTimeEpoch,
    sequence: messageId,
    messageId,
    repeated: false,
  };
}

/** `.` + base64: SQS refuses an empty body and U+0000, so the template writes it so. */
function decodeBody(body: string): Uint8Array | undefined {
  if (!body.startsWith('.')) return undefined;
  const bytes = Buffer.from(body.slice(1), 'base64');
  // Node skips what is no base64; the length tells whether it did.
  const expected = Math.floor(((body.length - 1) * 3) / 4);
  return expected - bytes.length <= 2 ? bytes : undefined;
}

/** What the client of an undecodable record is told. */
export function unreadable(reason: string): BrokerError {
  return new BrokerError(
    'ingress-unreadable',
    'The broker could not read what arrived',
    `The queue delivered ${reason}. The operator may deploy with -c ingress=direct, which takes the queue out.`,
  );
}
