/** Between a fan-out and those who are too slow for it: what they are owed waits (`slow.ts`). */
import type { Encoder } from './encoder.ts';
import type { Delivery, Outcome, Ports, SlowReceiver } from './ports.ts';
import { owedTo, type Receiver } from './receivers.ts';

type Receivers = ReadonlyMap<string, Receiver>;

export interface PostedTo {
  readonly deliveries: readonly Delivery[];
  /** By delivery. */
  readonly outcomes: readonly Outcome[];
}

/** Those for whom something waits get theirs behind it; the others are returned. */
export async function holdSlow(
  receivers: Map<string, Receiver>,
  encode: Encoder,
  ports: Ports,
): Promise<Map<string, Receiver>> {
  const slow = await ports.slow?.among(receivers.keys(), markedOf(receivers, ports), ports);
  if (slow === undefined || slow.size === 0) return receivers;
  await hold(slow, receivers, encode, ports);
  return new Map([...receivers].filter(([connectionId]) => !slow.has(connectionId)));
}

const NOBODY: ReadonlySet<string> = new Set();

/** Nearly always nobody: then nothing is made. */
function markedOf(receivers: Receivers, { clock }: Ports): ReadonlySet<string> {
  let marked: Set<string> | undefined;
  const now = clock.now();
  const stands = ({ subscriber: { slowUntil } }: Receiver['hit']): boolean =>
    slowUntil !== undefined && slowUntil > now;
  for (const { connectionId, hit, more } of receivers.values()) {
    if (!stands(hit) && !more?.some(stands)) continue;
    marked ??= new Set();
    marked.add(connectionId);
  }
  return marked ?? NOBODY;
}

/** A mark that will last for as long as anything that begins to wait now, or half of it. */
function unmarkedOf({ hit, more = [] }: Receiver, { clock, limits }: Ports): readonly string[] {
  const enough = clock.now() + limits.slowSeconds * 500;
  return [hit, ...more]
    .filter(({ subscriber: { slowUntil = 0 } }) => slowUntil < enough)
    .map(({ subscriber }) => subscriber.subscriptionId);
}

/** What a full buffer did not take; all of a delivery waits, though some of it may have gone out. */
export async function holdRefused(
  { deliveries, outcomes }: PostedTo,
  receivers: Receivers,
  encode: Encoder,
  ports: Ports,
): Promise<void> {
  if (ports.slow === undefined || !outcomes.includes('slow')) return;
  const slow = deliveries.filter((_, index) => outcomes[index] === 'slow');
  await hold(
    slow.map(({ connectionId }) => connectionId),
    receivers,
    encode,
    ports,
  );
}

async function hold(
  connectionIds: Iterable<string>,
  receivers: Receivers,
  encode: Encoder,
  ports: Ports,
): Promise<void> {
  const found: SlowReceiver[] = [];
  for (const connectionId of connectionIds) {
    const receiver = receivers.get(connectionId);
    // Whoever was owed an answer is cut for it, and is no receiver any more.
    if (receiver === undefined) continue;
    const { carrier, dialect, version } = receiver.hit.subscriber;
    const { connectedAt } = receiver;
    const owed = owedTo(receiver, encode);
    const unmarked = unmarkedOf(receiver, ports);
    found.push({ connectionId, connectedAt, carrier, dialect, version, owed, unmarked });
  }
  await ports.slow?.hold(found, ports);
}
