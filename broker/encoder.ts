/**
 * Encoding for an audience. A frame's shared part is encoded once per (dialect, version); what is
 * the receiver's own is spliced in. Receivers whose frames are the same octets get the same object,
 * which the outbox may recognise: with the usual client every receiver's subscription id is the same.
 */
import { ackOfSeq } from './ack-id.ts';
import type { Carrier, Connection, Dialect, Message, Splice, Subscriber } from './model.ts';
import type { Ports } from './ports.ts';

/** Messages that one audience gets, in order. */
export interface Stretch {
  readonly messages: readonly Message[];
}

/**
 * The part of a stretch that some want. Receivers of the same messages share one, kept in `known` by
 * which they are, so that it is encoded once for all of them. Undefined: nothing is wanted.
 */
export function partOf<Part>(
  wanted: readonly boolean[],
  known: Map<string, Part>,
  make: () => Part,
): Part | undefined {
  if (!wanted.includes(true)) return undefined;
  const key = wanted.map(Number).join('');
  const part = known.get(key) ?? make();
  known.set(key, part);
  return part;
}

/** A subscriber, and the stretch it gets. */
export interface Hit {
  readonly stretch: Stretch;
  readonly subscriber: Subscriber;
}

export interface Encoder {
  texts(hit: Hit): readonly Uint8Array[];
  posts(hit: Hit): readonly Uint8Array[];
  wrap(subscriber: Subscriber, texts: readonly Uint8Array[]): readonly Uint8Array[];
}

/** What all receivers of one stretch, carrier, dialect and version share. */
interface Shared {
  readonly stretch: Stretch;
  readonly carrierName: string;
  readonly dialectName: string;
  readonly version: string;
  readonly carrier: Carrier;
  readonly dialect: Dialect;
  readonly splices: readonly Splice[];
  /** Finished posts by subscription id. */
  readonly posts: Map<string, readonly Uint8Array[]>;
}

/** Remembers shared parts for one batch: there are as many as stretches × spoken versions. */
export function makeEncoder(ports: Ports): Encoder {
  const known = new Map<Stretch, Shared[]>();
  let last: Shared | undefined;

  function shared({ stretch, subscriber }: Hit): Shared {
    if (last !== undefined && shares(last, stretch, subscriber)) return last;
    const found = known.get(stretch)?.find((one) => shares(one, stretch, subscriber));
    last = found ?? begin(stretch, subscriber);
    return last;
  }

  function begin(stretch: Stretch, { carrier, dialect, version }: Subscriber): Shared {
    const spoken = named(ports.dialects, dialect);
    const made: Shared = {
      stretch,
      carrierName: carrier,
      dialectName: dialect,
      version,
      carrier: named(ports.carriers, carrier),
      dialect: spoken,
      splices: stretch.messages.map((message) => spoken.message(message, version)),
      posts: new Map(),
    };
    const others = known.get(stretch);
    if (others === undefined) known.set(stretch, [made]);
    else others.push(made);
    return made;
  }

  return {
    texts(hit) {
      const { splices } = shared(hit);
      return splices.map((splice, index) => spliced(splice, hit, index));
    },
    posts(hit) {
      const { splices, posts, carrier, dialect } = shared(hit);
      const { subscriptionId, acks } = hit.subscriber;
      const id = acks ? `ack ${subscriptionId}` : subscriptionId;
      const finished = posts.get(id);
      if (finished !== undefined) return finished;
      const texts = splices.map((splice, index) => spliced(splice, hit, index));
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

/** On the direct lane there is nothing to settle: the message's own id serves as its `ack`. */
function spliced(splice: Splice, { stretch, subscriber }: Hit, index: number): Uint8Array {
  const { subscriptionId, acks } = subscriber;
  const message = stretch.messages[index];
  if (!acks || message === undefined) return splice(subscriptionId);
  const [name, seq = ''] = message.headers[0] ?? [];
  const logged = name === 'seq' && /^\d{1,15}$/.test(seq);
  return splice(subscriptionId, logged ? ackOfSeq(seq, subscriptionId) : message.id);
}

function shares(one: Shared, stretch: Stretch, subscriber: Subscriber): boolean {
  return (
    one.stretch === stretch &&
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
