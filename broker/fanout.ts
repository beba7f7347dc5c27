/**
 * From publications to posts. All frames for one connection are joined into as few posts as the
 * carrier allows.
 *
 * Cost of a batch: the store's reads of each distinct destination, one post per connection and
 * 32 KB, and per receiver one table look-up.
 */
import type { Destination } from './destination.ts';
import { makeEncoder } from './encoder.ts';
import { expelAll } from './expel.ts';
import { holdRefused, holdSlow } from './hold.ts';
import type { Acknowledgement, Audience, Message } from './model.ts';
import type { Delivery, Outcome, Ports, SubscriberPage } from './ports.ts';
import { type AnswerTexts, gather, join, type Topic, topicsOf } from './receivers.ts';
import { makeWants } from './selector.ts';
import { spreadLarge } from './spread.ts';
import { standingOf } from './standing.ts';

/** A message to be published; with `log` it becomes an entry of its destination's log. */
export interface Publication {
  readonly destination: Destination;
  readonly message: Message;
  readonly log?: LogOptions;
}

/** Something else that a log shall hold. */
export interface Notice {
  readonly destination: Destination;
  readonly entry: Acknowledgement;
}

export interface LogOptions {
  /** When it was published, ms. */
  readonly at: number;
  readonly audience?: Audience;
  /** The publisher's own id: stored once, however often it is sent. */
  readonly publishId?: string;
  /** True when an earlier invocation may have appended it already. */
  readonly repeated: boolean;
}

/** What befell destinations that could not be served, by canonical name. */
export type Faults = ReadonlyMap<string, unknown>;

/** What a fan-out does with the deliveries of each page. */
export interface Rounds {
  /** Resolves once each has an outcome, and says it; so many of them hold answers. */
  post(deliveries: readonly Delivery[], answers: number): Promise<readonly Outcome[]>;
  /** After each page: which destinations have another. */
  posted(faults: Faults, left: ReadonlySet<string>): void;
}

/** A read to make: from the first subscriber, or from where the last page ended. */
interface Read {
  readonly topic: Topic;
  readonly from: string;
}

/**
 * Reads subscribers page by page and posts to each page; answers go with the first, in front. A
 * connection met on two pages of one destination gets two posts. A destination whose subscribers
 * cannot be read costs the others nothing; one with too many of them becomes jobs (`spread.ts`).
 */
export async function fanOut(
  answers: readonly AnswerTexts[],
  publications: readonly Publication[],
  ports: Ports,
  { post, posted }: Rounds,
): Promise<Faults> {
  const faults = new Map<string, unknown>();
  const encode = makeEncoder(ports);
  const wants = makeWants();
  let first = answers;
  let reads: readonly Read[] = topicsOf(publications).map((topic) => ({ topic, from: '' }));
  let pagesOf = firstPages;
  const over: string[] = [];
  while (reads.length > 0 || first.length > 0) {
    const standing = reads.length === 0 ? undefined : standingOf(ports, over);
    const pages = await pagesOf(reads, ports, faults);
    pagesOf = nextPages;
    const receivers = gather(reads, pages, {
      now: ports.clock.now(),
      wants,
      stands: await standing,
    });
    const deliveries = join(first, await holdSlow(receivers, encode, ports), encode, ports);
    const outcomes = await post(deliveries, first.length);
    await holdRefused({ deliveries, outcomes }, receivers, encode, ports);
    first = [];
    reads = reads.flatMap(({ topic }, index) => {
      const next = pages[index]?.next;
      return next === undefined ? [] : [{ topic, from: next }];
    });
    posted(faults, new Set(reads.map(({ topic }) => topic.destination.canonical)));
  }
  if (over.length > 0) await expelAll(over, ports);
  return faults;
}

type Pages = (
  reads: readonly Read[],
  ports: Ports,
  faults: Map<string, unknown>,
) => Promise<readonly SubscriberPage[]>;

const nextPages: Pages = (reads, ports, faults) =>
  Promise.all(reads.map((read) => page(read, ports, faults)));

/** Those of audiences that are handed over have nobody, and no next. */
const firstPages: Pages = async (reads, ports, faults) => {
  const pages = await nextPages(reads, ports, faults);
  const topics = reads.map(({ topic }) => topic);
  const spread = await spreadLarge(topics, pages, ports, faults);
  return spread.size === 0 ? pages : pages.map((one, at) => (spread.has(at) ? NOBODY : one));
};

const NOBODY: SubscriberPage = { subscribers: [] };

/** Nobody, and a fault, if it cannot be read. */
async function page(
  { topic: { destination }, from }: Read,
  ports: Ports,
  faults: Map<string, unknown>,
): Promise<SubscriberPage> {
  try {
    return await ports.store.subscribers(destination, from || undefined);
  } catch (cause) {
    faults.set(destination.canonical, cause);
    return NOBODY;
  }
}
