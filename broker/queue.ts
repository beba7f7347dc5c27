/**
 * A queue's half of the logged lane: its log says in one order what was sent, who consumes and what
 * is acknowledged, and `deliver` alone keeps its shelf. Nothing here is contended; whatever a crash
 * left half done is found on the shelf and done again:
 *
 * 1. Messages become items, and the mark `added` says how far; a repeat adds nothing twice. What
 *    finds a consumer at once is put on the shelf as its lease.
 * 2. Acknowledgements settle leases, and name one delivery each: of a later one they are void.
 * 3. Items are leased to consumers that may hold more, then posted. A lease whose change of the log
 *    was not finished is posted again, with the same ack id.
 */
import type { Destination } from './destination.ts';
import { makeHandout } from './handout.ts';
import type { LogRecord, Membership, Message, Subscriber } from './model.ts';
import { formatPosition } from './past.ts';
import type { Logs, Ports, Progress } from './ports.ts';
import { type Item, placeIn } from './queue-cells.ts';
import { openQueueShelf } from './queue-shelf.ts';
import type { QueueShelf, QueueStep } from './queue-step.ts';
import { makeScene } from './scene.ts';
import { settle } from './settle.ts';
import { meant } from './synonyms.ts';

/** Records of one queue, in order, none delivered before. */
export async function deliverQueue(
  destination: Destination,
  records: readonly LogRecord[],
  progress: Progress | undefined,
  ports: Ports,
  logs: Logs,
): Promise<void> {
  const last = records.at(-1);
  if (last === undefined) return;
  const counted = logs.policies(destination).limits?.depth !== undefined;
  const shelf = await openQueueShelf(destination.canonical, ports, logs, counted);
  const scene = await makeScene(destination, ports);
  const step: QueueStep = { destination, shelf, scene, ports, logs, revision: last.revision };
  for (const record of records) await take(record, step);
  const unfinished = progress?.epoch === last.epoch ? progress.revision : 0;
  await makeHandout(step, unfinished).run();
  await shelf.save();
}

async function take(record: LogRecord, step: QueueStep): Promise<void> {
  const { shelf, ports, scene } = step;
  shelf.enter(record.epoch);
  const messages = record.entries.filter(({ type }) => type === 'message').length;
  let seq = record.seq - messages;
  for (const entry of record.entries) {
    switch (entry.type) {
      case 'message':
        seq++;
        if (seq > shelf.meta().added) shelf.add(itemOf(entry.message, seq, step));
        break;
      case 'join':
        await consume(entry.membership, entry, { epoch: record.epoch, seq }, step);
        break;
      case 'leave':
        if (shelf.dismiss(entry.membership)) scene.forget(entry.membership);
        break;
      case 'ack':
      case 'nack':
        await settle(entry, step);
        break;
      case 'tick':
        shelf.wind(ports.clock.now());
        break;
      default: // Members and watchers are rooms' business.
        break;
    }
  }
}

/** A consumer begins; its answer tells the position, for a queue replays nothing. */
async function consume(
  membership: Membership,
  {
    consumer,
    receipt,
  }: { readonly consumer?: Parameters<QueueShelf['employ']>[1]; readonly receipt?: string },
  position: { readonly epoch: string; readonly seq: number },
  { destination, shelf, scene, logs }: QueueStep,
): Promise<void> {
  const { connectionId, subscriptionId, stamp } = membership;
  const subscriber: Subscriber | undefined = await logs.held.enlist(
    connectionId,
    subscriptionId,
    stamp,
    destination,
  );
  if (subscriber === undefined || consumer === undefined) return;
  scene.admit(subscriber);
  shelf.employ(membership, consumer);
  if (receipt === undefined) return;
  scene.answer(subscriber, receipt, [['position', formatPosition(position)]]);
}

/** What the sender's headers make of a message. Broken numbers count as not given. */
function itemOf(
  message: Message & { readonly at: number },
  seq: number,
  { shelf, ports }: QueueStep,
): Item {
  const { headers, at } = message;
  const whole = (text: string | undefined) =>
    text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  const longest = at + ports.limits.queueItemSeconds * 1000;
  const life = whole(meant(headers, 'timeToLive'));
  const end = whole(meant(headers, 'expires'));
  const delay = whole(meant(headers, 'delay')) ?? 0;
  const asked = [life === undefined ? undefined : at + life, end === 0 ? undefined : end];
  return {
    place: placeIn(shelf.meta().generation, seq),
    message: { id: message.id, destination: message.destination, headers, body: message.body },
    aside: false,
    priority: Math.min(9, whole(meant(headers, 'priority')) ?? 4),
    deliveries: 0,
    expiresAt: Math.min(longest, ...asked.filter((time) => time !== undefined)),
    availableAt: delay === 0 ? 0 : Math.min(longest, at + delay),
  };
}
