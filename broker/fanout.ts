/**
 * From publications to posts. A frame's shared part is encoded once per (dialect, version); what is
 * the receiver's own is spliced in; all frames for one connection are joined into as few posts as
 * the carrier allows. Receivers whose frames are the same octets get the same object, which the
 * outbox may recognise: with the usual client every receiver's subscription id is the same.
 *
 * Cost of a batch: the store's reads of each distinct destination, one post per connection and
 * 32 KB, and per receiver one table look-up.
 */
import type { Destination } from './destination.ts';
import type { Carrier, Connection, Dialect, Message, Splice, Subscriber } from './model.ts';
import type { Delivery, Ports, SubscriberPage } from './ports.ts';

export interface Publication {
  readonly destination: Destination;
  readonly message: Message;
}

/** Publications of one destination, with their places in the whole batch. */
interface Topic {
  readonly destination: Destination;
  readonly messages: Message[];
  readonly places: number[];
}

/** A subscriber of a topic, as found. */
interface Hit {
  readonly topic: Topic;
  readonly subscriber: Subscriber;
}

interface Receiver {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly hit: Hit;
  /** Further subscriptions of the same connection, rare. */
  more?: Hit[];
}

interface AnswerTexts {
  readonly connection: Connection;
  readonly texts: readonly Uint8Array[];
}

/**
 * Reads subscribers page by page and hands `post` the deliveries of each page; answers go with the
 * first. A connection met on two pages of one destination gets two posts.
 */
export async function fanOut(
  answers: readonly AnswerTexts[],
  publications: readonly Publication[],
  ports: Ports,
  post: (deliveries: readonly Delivery[]) => Promise<void>,
): Promise<void> {
  const encode = makeEncoder(ports);
  let first = answers;
  let reads = byDestination(publications).map((topic) => ({ topic, from: '' }));
  while (reads.length > 0 || first.length > 0) {
    const pages = await Promise.all(reads.map((read) => page(read, ports)));
    const receivers = gather(reads, pages, ports.clock.now());
    await post(join(first, receivers, encode, ports));
    first = [];
    reads = reads.flatMap(({ topic }, index) => {
      const next = pages[index]?.next;
      return next === undefined ? [] : [{ topic, from: next }];
    });
  }
}

function page(read: { topic: Topic; from: string }, ports: Ports): Promise<SubscriberPage> {
  return ports.store.subscribers(read.topic.destination, read.from || undefined);
}

function byDestination(publications: readonly Publication[]): Topic[] {
  const topics = new Map<string, Topic>();
  for (const [place, { destination, message }] of publications.entries()) {
    const topic = topics.get(destination.canonical);
    if (topic === undefined) {
      topics.set(destination.canonical, { destination, messages: [message], places: [place] });
    } else {
      topic.messages.push(message);
      topic.places.push(place);
    }
  }
  return [...topics.values()];
}

function gather(
  reads: readonly { topic: Topic }[],
  pages: readonly SubscriberPage[],
  now: number,
): Map<string, Receiver> {
  const receivers = new Map<string, Receiver>();
  for (const [index, { topic }] of reads.entries()) {
    for (const subscriber of pages[index]?.subscribers ?? []) {
      if (subscriber.expiresAt <= now) continue;
      const { connectionId, connectedAt } = subscriber;
      const hit = { topic, subscriber };
      const receiver = receivers.get(connectionId);
      if (receiver === undefined) receivers.set(connectionId, { connectionId, connectedAt, hit });
      else if (receiver.more === undefined) receiver.more = [hit];
      else receiver.more.push(hit);
    }
  }
  return receivers;
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
      encode.texts(hit).map((text, index) => ({ place: hit.topic.places[index] ?? 0, text })),
    )
    .sort((a, b) => a.place - b.place)
    .map(({ text }) => text);
}

interface Encoder {
  texts(hit: Hit): readonly Uint8Array[];
  posts(hit: Hit): readonly Uint8Array[];
  wrap(subscriber: Subscriber, texts: readonly Uint8Array[]): readonly Uint8Array[];
}

/** What all receivers of one topic, carrier, dialect and version share. */
interface Shared {
  readonly topic: Topic;
  readonly carrierName: string;
  readonly dialectName: string;
  readonly version: string;
  readonly carrier: Carrier;
  readonly dialect: Dialect;
  readonly splices: readonly Splice[];
  /** Finished posts by subscription id. */
  readonly posts: Map<string, readonly Uint8Array[]>;
}

/** Remembers shared parts for one batch: there are as many as topics × spoken versions. */
function makeEncoder(ports: Ports): Encoder {
  const known: Shared[] = [];
  let last: Shared | undefined;

  function shared({ topic, subscriber }: Hit): Shared {
    if (last !== undefined && shares(last, topic, subscriber)) return last;
    last = known.find((one) => shares(one, topic, subscriber)) ?? begin(topic, subscriber);
    return last;
  }

  function begin(topic: Topic, { carrier, dialect, version }: Subscriber): Shared {
    const spoken = named(ports.dialects, dialect);
    const made: Shared = {
      topic,
      carrierName: carrier,
      dialectName: dialect,
      version,
      carrier: named(ports.carriers, carrier),
      dialect: spoken,
      splices: topic.messages.map((message) => spoken.message(message, version)),
      posts: new Map(),
    };
    known.push(made);
    return made;
  }

  return {
    texts(hit) {
      return shared(hit).splices.map((splice) => splice(hit.subscriber.subscriptionId));
    },
    posts(hit) {
      const { splices, posts, carrier, dialect } = shared(hit);
      const id = hit.subscriber.subscriptionId;
      const finished = posts.get(id);
      if (finished !== undefined) return finished;
      const texts = splices.map((splice) => splice(id));
      const made = carrier.wrap(texts, dialect.joins, ports.limits.postBytesMax);
      if (posts.size < ports.limits.sharedPostsMax) posts.set(id, made);
      return made;
    },
    wrap(subscriber, texts) {
      const carrier = named(ports.carriers, subscriber.carrier);
      const joins = named(ports.dialects, subscriber.dialect).joins;
      return carrier.wrap(texts, joins, ports.limits.postBytesMax);
    },
  };
}

function shares(one: Shared, topic: Topic, subscriber: Subscriber): boolean {
  return (
    one.topic === topic &&
    one.version === subscriber.version &&
    one.dialectName === subscriber.dialect &&
    one.carrierName === subscriber.carrier
  );
}

/** The dialect of a connection; before it has spoken one, the plain. */
export function dialectOf(connection: Connection, ports: Ports): Dialect {
  return connection.dialect === undefined ? ports.plain : named(ports.dialects, connection.dialect);
}

/** A record names a carrier or dialect that this build lacks: ours to mend, never the client's. */
export function named<Value>(table: ReadonlyMap<string, Value>, name: string): Value {
  const value = table.get(name);
  if (value === undefined) throw new Error(`no carrier or dialect is named ${name}`);
  return value;
}
