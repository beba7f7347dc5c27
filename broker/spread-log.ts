/**
 * A log whose audience is too large for one invocation: `deliver` keeps history, answers joins and
 * tells presence as ever, and hands its messages to jobs, one for each slice of the audience. A
 * connection is in one slice, and a slice's jobs are done in order, so it hears the log in order.
 *
 * A join is noted for its slice before the subscriber can be found: jobs of older messages pass it
 * over. One that comes again finds its subscriber there, and is not noted anew: it hears those. The
 * number of slices changes only when all have done what they were given: nothing is overtaken.
 */
import { atOnce } from './at-once.ts';
import { decodeCell, number } from './cell.ts';
import type { Destination } from './destination.ts';
import type { LoggedMessage, LogRecord, Membership } from './model.ts';
import type { Job, Logs, Ports, Progress, StretchTask, SubscriberPage } from './ports.ts';
import { keyOf } from './scene.ts';
import { PLACES, placeOf, slicesFor } from './slice.ts';
import { batchesOf, shardPosts } from './spread.ts';

export interface Spread {
  /** Before anything of them is told: looks who of those that join is there. A read each. */
  expect(records: readonly LogRecord[]): Promise<void>;
  message(message: LoggedMessage, record: LogRecord): void;
  join(membership: Membership, record: LogRecord): Promise<void>;
  /** Hands all messages over; what progress is to remember of it. */
  send(): Promise<Given>;
}

/** What slices were given: how many they are, up to which message, and when. */
type Given = Pick<Progress, 'slices' | 'slicesSeq' | 'slicesAt'>;

/** How a log's messages are posted now: undefined, by `deliver` itself. */
export async function spreadOf(
  destination: Destination,
  { before, first }: { readonly before: Progress | undefined; readonly first: SubscriberPage },
  ports: Ports,
  logs: Logs,
): Promise<Spread | undefined> {
  if (ports.jobs === undefined) return undefined;
  const given: Given = before === undefined || isPast(before, ports) ? {} : before;
  const { slices: current } = given;
  // Positions of durable subscriptions move with what is posted: they stay in one hand.
  const wanted = before?.durables ? undefined : slicesWanted(first, ports);
  const changes = wanted !== current;
  const stays = changes && current !== undefined && !(await drained(destination, before, logs));
  const of = stays ? current : wanted;
  if (of === undefined) return undefined;
  return makeSpread(destination, of === current ? given : {}, of, ports, logs);
}

/** Nobody is there any more who was when slices were last given something: none has a hole. */
function isPast({ slicesAt = 0 }: Progress, { clock, limits }: Ports): boolean {
  return clock.now() - slicesAt > limits.connectionSecondsMax * 1000;
}

function slicesWanted(
  { subscribers, about = 0 }: SubscriberPage,
  { limits }: Ports,
): number | undefined {
  const audience = Math.max(subscribers.length, about);
  return audience > limits.inlinePostsMax ? slicesFor(audience, shardPosts(limits)) : undefined;
}

/** Of what each slice has done. */
export function doneShelf(destination: string): string {
  return `slices of ${destination}`;
}

/** Of who has joined a slice, by revision. */
export function joinShelf(destination: string, index: number, of: number): string {
  return `joins of ${destination} ${index}/${of}`;
}

export function joinKey(revision: number): string {
  return revision.toString(36).padStart(11, '0');
}

async function drained(
  { canonical }: Destination,
  { epoch, slices = 0, slicesSeq }: Progress = { epoch: '', revision: 0 },
  { shelf }: Logs,
): Promise<boolean> {
  if (slicesSeq === undefined) return true;
  const range = { from: `${slices}/`, to: `${slices}0`, most: slices };
  const cells = await shelf.read(doneShelf(canonical), range);
  const done = cells.filter(([, value]) => {
    const cell = decodeCell(value);
    return cell.facts['epoch'] === epoch && number(cell, 'seq') >= slicesSeq;
  });
  return done.length === slices;
}

function makeSpread(
  destination: Destination,
  { slicesSeq: seq, slicesAt = 0 }: Given,
  of: number,
  ports: Ports,
  { shelf }: Logs,
): Spread {
  const { canonical } = destination;
  const { jobs, clock, limits } = ports;
  const there = new Set<string>();
  const messages: StretchTask['messages'][number][] = [];
  let epoch = '';

  function rounds(): readonly (readonly Job[])[] {
    let after = seq;
    return batchesOf(messages, limits).map((batch) => {
      const since = after === undefined ? {} : { after };
      const last = batch.at(-1)?.seq ?? 0;
      after = last;
      return Array.from({ length: of }, (_, index) => ({
        group: `${canonical} log ${index}/${of}`,
        once: `${epoch} ${batch[0]?.seq} ${last}`,
        task: {
          type: 'stretch',
          destination: canonical,
          slice: { index, of },
          epoch,
          ...since,
          messages: batch,
        },
      }));
    });
  }

  return {
    async expect(records) {
      const joins = records.flatMap(({ entries }) =>
        entries.flatMap((one) =>
          one.type === 'join' ? [placeOf(one.membership.connectionId)] : [],
        ),
      );
      await atOnce([...new Set(joins)], limits.receiversReadAtOnceMax, async (index) => {
        let from: string | undefined;
        do {
          const page = await ports.store.subscribers(destination, from, { index, of: PLACES });
          for (const one of page.subscribers) there.add(keyOf(one));
          from = page.next;
        } while (from !== undefined);
      });
    },
    message(message, record) {
      epoch = record.epoch;
      messages.push({ ...message, revision: record.revision });
    },
    async join(membership, { revision }) {
      if (there.has(keyOf(membership))) return;
      const index = Math.floor((placeOf(membership.connectionId) * of) / PLACES);
      const expiresAt = clock.now() + limits.shardCursorSeconds * 1000;
      const key = `${joinKey(revision)} ${keyOf(membership)}`;
      await shelf.write(joinShelf(canonical, index, of), [[key, new Uint8Array(1)]], expiresAt);
    },
    async send() {
      for (const round of rounds()) await jobs?.send(round);
      const last = messages.at(-1)?.seq;
      if (last !== undefined) return { slices: of, slicesSeq: last, slicesAt: clock.now() };
      return { slices: of, ...(seq !== undefined && { slicesSeq: seq, slicesAt }) };
    },
  };
}
