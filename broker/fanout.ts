/**
 * From publications to posts. All frames for one connection are joined into as few posts as the
 * carrier allows.
 *
 * Cost of a batch: the store's reads of each distinct destination, one post per connection and
 * 32 KB, and per receiver one table look-up.
 */
import type { Destination } from './destination.ts';
import {
  dialectOf,
  type Encoder,
  type Hit,
  makeEncoder,
  named,
  partOf,
  type Stretch,
} from './encoder.ts';
import { expelAll } from './expel.ts';
import type { Acknowledgement, Audience, Connection, Message, Subscriber } from './model.ts';
import type { Delivery, Ports, SubscriberPage } from './ports.ts';
import { makeWants } from './selector.ts';
import { type Standing, standingOf } from './standing.ts';

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

/** Publications of one destination, with their places in the whole batch. */
interface Topic extends Stretch {
  readonly destination: Destination;
  readonly messages: Message[];
  readonly places: number[];
  /** Parts of it that subscribers with selectors get. */
  readonly parts: Map<string, Topic>;
}

interface Found extends Hit {
  readonly stretch: Topic;
}

type Wants = ReturnType<typeof makeWants>;

interface Receiver {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly hit: Found;
  /** Further subscriptions of the same connection, rare. */
  more?: Found[];
}

/** What befell destinations that could not be served, by canonical name. */
export type Faults = ReadonlyMap<string, unknown>;

interface AnswerTexts {
  readonly connection: Connection;
  readonly texts: readonly Uint8Array[];
}

/** What a fan-out does with the deliveries of each page. */
export interface Rounds {
  /** Resolves once each has an outcome; so many of them hold answers. */
  post(deliveries: readonly Delivery[], answers: number): Promise<void>;
  /** After each page: which destinations have another. */
  posted(faults: Faults, left: ReadonlySet<string>): void;
}

/**
 * Reads subscribers page by page and posts to each page; answers go with the first, in front. A
 * connection met on two pages of one destination gets two posts. A destination whose subscribers
 * cannot be read costs the others nothing.
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
  let reads = byDestination(publications).map((topic) => ({ topic, from: '' }));
  const over: string[] = [];
  while (reads.length > 0 || first.length > 0) {
    const standing = reads.length === 0 ? undefined : standingOf(ports, over);
    const pages = await Promise.all(reads.map((read) => page(read, ports, faults)));
    const receivers = gather(reads, pages, {
      now: ports.clock.now(),
      wants,
      stands: await standing,
    });
    await post(join(first, receivers, encode, ports), first.length);
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

/** Nobody, and a fault, if it cannot be read. */
async function page(
  { topic: { destination }, from }: { topic: Topic; from: string },
  ports: Ports,
  faults: Map<string, unknown>,
): Promise<SubscriberPage> {
  try {
    return await ports.store.subscribers(destination, from || undefined);
  } catch (cause) {
    faults.set(destination.canonical, cause);
    return { subscribers: [] };
  }
}

function byDestination(publications: readonly Publication[]): Topic[] {
  const topics = new Map<string, Topic>();
  for (const [place, { destination, message }] of publications.entries()) {
    const topic = topics.get(destination.canonical);
    if (topic === undefined) {
      topics.set(destination.canonical, {
        destination,
        messages: [message],
        places: [place],
        parts: new Map(),
      });
    } else {
      topic.messages.push(message);
      topic.places.push(place);
    }
  }
  return [...topics.values()];
}

interface Gathering {
  readonly now: number;
  readonly wants: Wants;
  readonly stands: Standing | undefined;
}

function gather(
  reads: readonly { topic: Topic }[],
  pages: readonly SubscriberPage[],
  { now, wants, stands }: Gathering,
): Map<string, Receiver> {
  const receivers = new Map<string, Receiver>();
  for (const [index, { topic }] of reads.entries()) {
    for (const subscriber of pages[index]?.subscribers ?? []) {
      if (subscriber.expiresAt <= now || stands?.(subscriber) === false) continue;
      const stretch = subscriber.selector === undefined ? topic : narrow(topic, subscriber, wants);
      if (stretch !== undefined) receive(receivers, { stretch, subscriber });
    }
  }
  return receivers;
}

function receive(receivers: Map<string, Receiver>, hit: Found): void {
  const { connectionId, connectedAt } = hit.subscriber;
  const receiver = receivers.get(connectionId);
  if (receiver === undefined) receivers.set(connectionId, { connectionId, connectedAt, hit });
  else if (receiver.more === undefined) receiver.more = [hit];
  else receiver.more.push(hit);
}

/** The part of the topic that a subscriber with a selector wants; undefined: nothing of it. */
function narrow(topic: Topic, subscriber: Subscriber, wants: Wants): Topic | undefined {
  const wanted = topic.messages.map((message) => wants(subscriber, message));
  if (wanted.every((yes) => yes)) return topic;
  return partOf(wanted, topic.parts, () => ({
    ...topic,
    messages: topic.messages.filter((_, index) => wanted[index]),
    places: topic.places.filter((_, index) => wanted[index]),
  }));
}

function join(
  answers: readonly AnswerTexts[],
  receivers: Map<string, Receiver>,
  encode: Encoder,
  ports: Ports,
): Delivery[] {
  const deliveries: Delivery[] = [];
  for (const { connection, texts } of answers) {
    const receiver = receivers.get(connection.id);
    receivers.delete(connection.id);
    const all = receiver === undefined ? texts : [...texts, ...inOrder(receiver, encode)];
    const carrier = named(ports.carriers, connection.carrier);
    const joins = dialectOf(connection, ports).joins;
    const posts = carrier.wrap(all, joins, ports.limits.postBytesMax);
    deliveries.push({ connectionId: connection.id, connectedAt: connection.connectedAt, posts });
  }
  for (const receiver of receivers.values()) {
    const { connectionId, connectedAt } = receiver;
    const posts =
      receiver.more === undefined
        ? encode.posts(receiver.hit)
        : encode.wrap(receiver.hit.subscriber, inOrder(receiver, encode));
    deliveries.push({ connectionId, connectedAt, posts });
  }
  return deliveries;
}

/** Texts of a connection with several subscriptions, in the order of the publications. */
function inOrder(receiver: Receiver, encode: Encoder): readonly Uint8Array[] {
  return [receiver.hit, ...(receiver.more ?? [])]
    .flatMap((hit) =>
      encode.texts(hit).map((text, index) => ({ place: hit.stretch.places[index] ?? 0, text })),
    )
    .sort((a, b) => a.place - b.place)
    .map(({ text }) => text);
}
