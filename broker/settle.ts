/**
 * ACK and NACK, as a queue's log gives them. One names a delivery to the sender's own connection;
 * whatever else it names is void: an id never given, of another connection, or of a delivery that is
 * over. With ack:client it settles that message and all before it of its subscription, and of no
 * other (STOMP 1.2 "SUBSCRIBE ack Header"). STOMP 1.0 and 1.1 name the message, not the delivery: an
 * item remembers which NACK gave it back, so that a repeat of that one does not hit the next delivery.
 */
import { placeOfAck } from './ack-id.ts';
import { bury } from './dead-letters.ts';
import type { Acknowledgement } from './model.ts';
import { consumerKey, type Lease } from './queue-cells.ts';
import type { QueueShelf, QueueStep } from './queue-step.ts';

export async function settle(entry: Acknowledgement, step: QueueStep): Promise<void> {
  const { shelf } = step;
  const named = leaseNamed(entry, shelf);
  if (named === undefined) return;
  for (const lease of cumulated(named, shelf)) await settleOne(lease, entry, step);
  await settleOne(named, entry, step);
}

function leaseNamed(entry: Acknowledgement, { leases }: QueueShelf): Lease | undefined {
  const place = placeOfAck(entry.id);
  if (place !== undefined) {
    const lease = leases.get(place);
    return lease?.ackId === entry.id && isFor(lease, entry) ? lease : undefined;
  }
  // STOMP 1.0 and 1.1 name the message itself.
  for (const lease of leases.values()) {
    const repeated = entry.stamp !== undefined && lease.item.nackedBy === entry.stamp;
    if (lease.item.message.id === entry.id && isFor(lease, entry) && !repeated) return lease;
  }
  return undefined;
}

/** With ack:client, those handed to the same subscription before it. */
function cumulated(named: Lease, { consumers, leases }: QueueShelf): readonly Lease[] {
  const key = consumerKey(named);
  if (consumers.get(key)?.ack !== 'client') return [];
  return [...leases.values()].filter(
    (lease) => lease.order < named.order && consumerKey(lease) === key,
  );
}

async function settleOne(lease: Lease, entry: Acknowledgement, step: QueueStep): Promise<void> {
  if (entry.type === 'ack') return step.shelf.settle(lease);
  if (entry.requeue) return step.shelf.giveBack(lease, entry.stamp);
  await bury(lease.item, 'refused', step);
  step.shelf.settle(lease);
}

function isFor(lease: Lease, { connectionId, subscriptionId }: Acknowledgement): boolean {
  if (lease.connectionId !== connectionId) return false;
  return subscriptionId === undefined || lease.subscriptionId === subscriptionId;
}
