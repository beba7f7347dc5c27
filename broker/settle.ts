/**
 * ACK and NACK, as a queue's log gives them. One names a delivery to the sender's own connection;
 * whatever else it names is void: an id never given, of another connection, or of a delivery that is
 * over. With ack:client it settles that message and all before it of its subscription, and of no
 * other (STOMP 1.2 "SUBSCRIBE ack Header").
 */
import { bury } from './dead-letters.ts';
import type { Acknowledgement } from './model.ts';
import { consumerKey, type Lease } from './queue-cells.ts';
import type { QueueStep } from './queue-step.ts';

export async function settle(entry: Acknowledgement, step: QueueStep): Promise<void> {
  const { shelf } = step;
  const mine = [...shelf.leases.values()].filter((lease) => isFor(lease, entry));
  const named = mine.find(({ ackId, item }) => ackId === entry.id || item.message.id === entry.id);
  if (named === undefined) return;
  const consumer = shelf.consumers.get(consumerKey(named));
  const cumulative = consumer?.ack === 'client';
  for (const lease of mine) {
    const covered =
      lease === named ||
      (cumulative && lease.subscriptionId === named.subscriptionId && lease.order < named.order);
    if (covered) await settleOne(lease, entry, step);
  }
}

async function settleOne(lease: Lease, entry: Acknowledgement, step: QueueStep): Promise<void> {
  if (entry.type === 'ack') return step.shelf.settle(lease);
  if (entry.requeue) return step.shelf.giveBack(lease);
  await bury(lease.item, 'refused', step);
  step.shelf.settle(lease);
}

function isFor(lease: Lease, { connectionId, subscriptionId }: Acknowledgement): boolean {
  if (lease.connectionId !== connectionId) return false;
  return subscriptionId === undefined || lease.subscriptionId === subscriptionId;
}
