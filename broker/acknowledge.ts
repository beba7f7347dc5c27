/**
 * ACK and NACK. They become entries of the queue's log, which settles them in order; the RECEIPT says
 * that they will be. On a topic there is nothing to settle, and an id that leads nowhere is void:
 * whoever guesses one learns nothing, and takes nothing.
 */

import { subscriptionOfAck } from './ack-id.ts';
import { type Destination, parseDestination } from './destination.ts';
import type { Notice } from './fanout.ts';
import type { AcknowledgeCommand, Acknowledgement, Stamp } from './model.ts';
import type { Logs } from './ports.ts';
import { answer, type Place, type Session } from './session.ts';
import { meant } from './synonyms.ts';

export async function acknowledge(
  command: AcknowledgeCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const notices = await noticesOf(command, session, place);
  session.publications.push(...notices);
  if (command.receipt === undefined) return;
  if (notices.length > 0) session.receipts.push(command.receipt);
  else answer(session, { type: 'receipt', receipt: command.receipt });
}

/** One for each queue it may be about: just one, but in STOMP 1.0, which names no subscription. */
export async function noticesOf(
  command: AcknowledgeCommand,
  session: Session,
  { stamp }: Place,
): Promise<readonly Notice[]> {
  const { connection, ports } = session;
  const { logs } = ports;
  if (logs === undefined) return [];
  const named = command.subscription ?? subscriptionOfAck(command.id);
  session.subscriptions ??= await ports.store.subscriptions(connection.id);
  const all = session.subscriptions;
  return all
    .filter(({ id }) => named === undefined || id === named)
    .filter(({ ack }) => ack !== 'auto')
    .map(({ destination }) => parseDestination(destination, ports.limits))
    .filter((destination) => isAcknowledged(destination, logs))
    .map((destination) => ({ destination, entry: entryOf(command, connection.id, named, stamp) }));
}

/** Where an ACK has something to settle: a queue, or the position of a durable subscription. */
function isAcknowledged(destination: Destination, { policies }: Logs): boolean {
  return !destination.pattern && policies(destination).logged;
}

function entryOf(
  command: AcknowledgeCommand,
  connectionId: string,
  subscriptionId: string | undefined,
  stamp: Stamp,
): Acknowledgement {
  return {
    type: command.type,
    connectionId,
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    id: command.id,
    requeue: meant(command.headers, 'requeue') !== 'false',
    stamp,
  };
}
