/** What cannot be consumed: expired, refused, or delivered too often. */
import { type Destination, parseDestination } from './destination.ts';
import type { Ports } from './ports.ts';
import type { Item } from './queue-cells.ts';
import type { QueueStep } from './queue-step.ts';

/** To the queue's dead letters, once, with the reason; a dead letter that dies is gone. */
export async function bury(item: Item, reason: string, step: QueueStep): Promise<void> {
  const { destination, ports, logs } = step;
  const { canonical } = deadLettersOf(destination, ports);
  if (canonical === destination.canonical) return;
  const [message = item.message] = await step.shelf.whole([item]);
  const { id, headers, body } = message;
  const kept = headers.filter(([name]) => !MORTAL.has(name));
  const letter = {
    id,
    destination: canonical,
    headers: [
      ['dead-reason', reason],
      ['dead-queue', destination.canonical],
      ['delivery-count', String(item.deliveries)],
      ...kept,
    ] as const,
    body,
    at: ports.clock.now(),
  };
  await logs.journal.appendOnce(canonical, { type: 'message', message: letter }, `dead-${id}`);
}

/** Why it cannot be consumed; undefined: it can. */
export function reasonToBury(item: Item, now: number, deliveriesMax: number): string | undefined {
  if (item.expiresAt <= now) return 'expired';
  return item.deliveries >= deliveriesMax ? 'too-many-deliveries' : undefined;
}

/** What would kill, or hold back, a dead letter as well. */
const MORTAL: ReadonlySet<string> = new Set([
  'expiration',
  'x-expiration',
  'expires',
  'JMSExpiration',
  'x-delay',
  'AMQ_SCHEDULED_DELAY',
]);

/**
 * Where what cannot be consumed goes; the dead of the dead stay where they are. Queues whose names
 * have no room for `dead.` share `/queue/dead`: `dead-queue` tells them apart.
 */
export function deadLettersOf({ segments, canonical }: Destination, ports: Ports): Destination {
  const { limits } = ports;
  const own = segments.join('.');
  if (own === 'dead' || own.startsWith('dead.')) return parseDestination(canonical, limits);
  const name = `/queue/dead.${own}`;
  const fits = Buffer.byteLength(name) <= limits.destinationBytesMax;
  return parseDestination(fits ? name : '/queue/dead', limits);
}
