/**
 * SEND. A message is checked and queued in the session; SENDs that follow each other are published
 * as one batch, at the latest when the invocation ends.
 */
import { parseTarget } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Headers, SendCommand } from './model.ts';
import { type Place, publishPending, type Session } from './session.ts';
import { assertServed } from './subscribe.ts';

/** The receipt is told once every subscriber found has been posted to. */
export async function send(command: SendCommand, session: Session, place: Place): Promise<void> {
  const { limits } = session.ports;
  const destination = parseTarget(command.destination, limits);
  assertServed(destination);
  if (command.transaction !== undefined) {
    throw new BrokerError(
      'not-supported',
      'Transactions are not served yet',
      'Send without a transaction header.',
    );
  }
  const octets = command.body.length + octetsOf(command.headers);
  if (octets > limits.publishBytesMax) {
    throw new BrokerError(
      'frame-too-large',
      `The message has ${octets} octets`,
      `Headers and body of one message may have ${limits.publishBytesMax} octets together.`,
    );
  }
  session.publications.push({
    destination,
    message: {
      id: place.messageId,
      destination: command.destination,
      headers: command.headers,
      body: command.body,
    },
  });
  if (command.receipt !== undefined) session.receipts.push(command.receipt);
  if (session.publications.length >= limits.publicationsPerFlushMax) await publishPending(session);
}

function octetsOf(headers: Headers): number {
  let octets = 0;
  for (const [name, value] of headers) octets += name.length + value.length + 2;
  return octets;
}
