/**
 * One slice of a large audience, posted to by an invocation of its own, at the rate that all of them
 * share. Where it has got to is kept with every few hundred posts, so that a repeat goes on near
 * where it stopped; what it repeats has the same message-ids. A subscriber that cannot be posted to
 * costs the others nothing.
 *
 * Cost: a read of its subscribers; for each claim a counter, the posts and the cursor, 1 WRU each.
 */
import { decodeCell, encodeCell, text } from './cell.ts';
import { parseDestination } from './destination.ts';
import { makeEncoder } from './encoder.ts';
import { expelAll } from './expel.ts';
import { holdRefused, holdSlow } from './hold.ts';
import type { Delivery, Outcome, Ports, ShardTask, SubscriberPage } from './ports.ts';
import { postAll } from './post.ts';
import { gather, join, topicsOf } from './receivers.ts';
import { makeWants } from './selector.ts';
import { standingOf } from './standing.ts';

/**
 * Where it has got to: on the page from `from` to `to` everybody up to `after` is done. Read again it
 * may reach further, since others have left; then it is done anew, for whoever is new on it has none.
 */
interface Cursor {
  readonly from: string;
  readonly to: string;
  readonly after: string;
}

const BEGINNING: Cursor = { from: '', to: '', after: '' };

/** Throws if it could not be done, or not in time: it is given again, and goes on from its cursor. */
export async function postShard(
  task: ShardTask,
  { repeated }: { readonly repeated: boolean },
  ports: Ports,
): Promise<void> {
  const until = ports.clock.now() + ports.limits.handlerSecondsMax * 1000;
  const destination = parseDestination(task.destination, ports.limits);
  const [topic] = topicsOf(task.messages.map((message) => ({ destination, message })));
  if (topic === undefined) return;
  const kept = cursorOf(task, ports);
  let cursor = repeated ? await kept.read() : BEGINNING;
  const encode = makeEncoder(ports);
  const wants = makeWants();
  const over: string[] = [];
  for (;;) {
    const page: SubscriberPage = await ports.store.subscribers(
      destination,
      cursor.from || undefined,
      task.slice,
    );
    const stands = await standingOf(ports, over);
    const all = gather([{ topic }], [page], { now: ports.clock.now(), wants, stands });
    const receivers = await holdSlow(all, encode, ports);
    const post = async (deliveries: readonly Delivery[]) => {
      const { outcomes } = await postAll(deliveries, 0, ports, { throttledAgain: true });
      await holdRefused({ deliveries, outcomes }, receivers, encode, ports);
      return outcomes;
    };
    const { from } = cursor;
    const to = page.next ?? '';
    const after = cursor.to === to ? cursor.after : '';
    const left = join([], receivers, encode, ports)
      .filter(({ connectionId }) => connectionId > after)
      .sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
    const reached = (last: string) => kept.write({ from, to, after: last });
    await postInTurn(left, until, ports, { reached, post });
    if (page.next === undefined) break;
    cursor = { from: page.next, to: '', after: '' };
  }
  if (over.length > 0) await expelAll(over, ports);
}

export interface Posting {
  /** Everybody up to this one is done. */
  readonly reached: (connectionId: string) => Promise<void>;
  /** Posts, and deals with every outcome but `throttled`. */
  readonly post: (deliveries: readonly Delivery[]) => Promise<readonly Outcome[]>;
}

/**
 * Posts all, claim by claim. The stragglers of one claim hold up only the second after it; `reached`
 * is told in order. Throws when time is up, and never while posts are under way: they would go out
 * behind those of the next attempt.
 */
export async function postInTurn(
  deliveries: readonly Delivery[],
  until: number,
  ports: Ports,
  { reached, post }: Posting,
): Promise<void> {
  let before: Promise<void> = Promise.resolve();
  let posted: Promise<void> = before;
  try {
    for (let at = 0; at < deliveries.length; ) {
      const granted = await claim(deliveries.length - at, until, ports);
      const some = deliveries.slice(at, at + granted);
      at += granted;
      const last = deliveries[at - 1]?.connectionId ?? '';
      posted = postUntilTaken(some, until, ports, post);
      const mine = Promise.all([before, posted]).then(() => reached(last));
      // Awaited below, one later.
      mine.catch(() => undefined);
      await before;
      before = mine;
    }
  } finally {
    await Promise.allSettled([posted]);
    await before;
  }
}

/** Whoever is refused by rate is posted to again. */
async function postUntilTaken(
  deliveries: readonly Delivery[],
  until: number,
  ports: Ports,
  post: Posting['post'],
): Promise<void> {
  let left = deliveries;
  for (;;) {
    const outcomes = await post(left);
    left = left.filter((_, index) => outcomes[index] === 'throttled');
    if (left.length === 0) return;
    await ports.allowance?.refused(left.length);
    for (let again = 0; again < left.length; ) {
      again += await claim(left.length - again, until, ports);
    }
  }
}

/** How many may be posted, once they may. */
async function claim(
  wanted: number,
  until: number,
  { allowance, clock, timer, limits }: Ports,
): Promise<number> {
  if (clock.now() >= until) throw new Error('A shard could not be posted in time');
  if (allowance === undefined) return Math.min(wanted, limits.postsClaimMax);
  const { granted, at } = await allowance.claim(wanted);
  const pause = at - clock.now();
  if (pause > 0) await timer.sleep(pause);
  return granted;
}

/** Kept for repeats; a broker without logs has no shelf, and begins anew. */
function cursorOf({ slice, messages }: ShardTask, { logs, clock, limits }: Ports) {
  const shelf = `shard of ${messages[0]?.id} ${messages.length} ${messages.at(-1)?.id}`;
  const key = `${slice.index}/${slice.of}`;
  return {
    async read(): Promise<Cursor> {
      const [found] = (await logs?.shelf.read(shelf, { from: key, to: `${key}\0`, most: 1 })) ?? [];
      if (found === undefined) return BEGINNING;
      const cell = decodeCell(found[1]);
      return { from: text(cell, 'from'), to: text(cell, 'to'), after: text(cell, 'after') };
    },
    async write(cursor: Cursor): Promise<void> {
      const expiresAt = clock.now() + limits.shardCursorSeconds * 1000;
      await logs?.shelf.write(shelf, [[key, encodeCell(cursor)]], expiresAt);
    },
  };
}
