/**
 * ACK and NACK, as a queue's log gives them. One names a delivery to the sender's own connection;
 * whatever else it names is void: an id never given, of another connection, or of a delivery that is
 * over. With ack:client it settles that message and all before it of its subscription, and of no
 * other (STOMP 1.2 "SUBSCRIBE ack Header").
 *
 * STOMP 1.0 and 1.1 name the message, not the delivery, and mean the one that their client had been
 * given when it spoke. A frame may come to the log long after: its connection's queue was held up, its
 * transaction was open. If the lease has run out by then and the same client has the message again,
 * "all before" would settle what stands before the second delivery, of which it knew nothing. So a
 * frame means no delivery that began after the gateway had it, by more than clocks may differ. And an
 * item remembers which NACK gave it back, so that a repeat of that one does not hit the next delivery.
 */
import { placeOfAck } from './ack-id.ts';
import { bury } from './dead-letters.ts';
import type { Acknowledgement, Stamp } from './model.ts';
import { consumerKey, type Lease } from './queue-cells.ts';
import type { QueueShelf, QueueStep } from './queue-step.ts';

export async function settle(entry: Acknowledgement, step: QueueStep): Promise<void> {
  const { shelf } = step;
  const named = leaseNamed(entry, step);
  if (named === undefined) return;
  for (const lease of cumulated(named, shelf)) await settleOne(lease, entry, step);
  await settleOne(named, entry, step);
}

function leaseNamed(entry: Acknowledgement, { shelf, ports }: QueueStep): Lease | undefined {
  const { leases } = shelf;
  const place = placeOfAck(entry.id);
  if (place !== undefined) {
    const lease = leases.get(place);
    return lease?.ackId === entry.id && isFor(lease, entry) ? lease : undefined;
  }
  // STOMP 1.0 and 1.1 name the message itself.
  const latest = saidAt(entry.stamp) + ports.limits.clockSkewMilliseconds;
  for (const lease of leases.values()) {
    if (lease.item.message.id !== entry.id || !isFor(lease, entry)) continue;
    const repeated = entry.stamp !== undefined && lease.item.nackedBy === entry.stamp;
    if (!repeated && lease.givenAt <= latest) return lease;
  }
  return undefined;
}

/** When the gateway had the frame, ms; of one without a stamp nothing is known. */
function saidAt(stamp: Stamp | undefined): number {
  const [time] = /^\d{13}(?=-)/.exec(stamp ?? '') ?? [];
  return time === undefined ? Number.POSITIVE_INFINITY : Number(time);
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
