/**
 * ACK and NACK. They become entries of the queue's log, which settles them in order; the RECEIPT says
 * that they will be. On a topic there is nothing to settle, and an id that leads nowhere is void:
 * whoever guesses one learns nothing, and takes nothing.
 */
import { parseDestination } from './destination.ts';
import type { Notice } from './fanout.ts';
import { subscriptionOfAck } from './handout.ts';
import type { AcknowledgeCommand, Acknowledgement } from './model.ts';
import { answer, type Session } from './session.ts';
import { meant } from './synonyms.ts';

export async function acknowledge(command: AcknowledgeCommand, session: Session): Promise<void> {
  const notices = await noticesOf(command, session);
  session.publications.push(...notices);
  if (command.receipt === undefined) return;
  if (notices.length > 0) session.receipts.push(command.receipt);
  else answer(session, { type: 'receipt', receipt: command.receipt });
}

/** One for each queue it may be about: just one, but in STOMP 1.0, which names no subscription. */
export async function noticesOf(
  command: AcknowledgeCommand,
  { connection, ports }: Session,
): Promise<readonly Notice[]> {
  if (ports.logs === undefined) return [];
  const named = command.subscription ?? subscriptionOfAck(command.id);
  const all = await ports.store.subscriptions(connection.id);
  return all
    .filter(({ id }) => named === undefined || id === named)
    .map(({ destination }) => parseDestination(destination, ports.limits))
    .filter(({ kind }) => kind === 'queue')
    .map((destination) => ({ destination, entry: entryOf(command, connection.id, named) }));
}

function entryOf(
  command: AcknowledgeCommand,
  connectionId: string,
  subscriptionId: string | undefined,
): Acknowledgement {
  return {
    type: command.type,
    connectionId,
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    id: command.id,
    requeue: meant(command.headers, 'requeue') !== 'false',
  };
}
