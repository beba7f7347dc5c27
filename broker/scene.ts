/**
 * Who hears what, while `deliver` walks through one log: the audience as of each entry, and for each
 * connection the texts it is owed, in order. All of one connection's leave in as few posts as its
 * carrier allows. Messages between two changes of the audience are one stretch, encoded once.
 */
import type { Destination } from './destination.ts';
import { type Encoder, type Hit, makeEncoder, named, partOf, type Stretch } from './encoder.ts';
import { expelAll } from './expel.ts';
import type { Audience, Headers, LoggedMessage, Message, Subscriber } from './model.ts';
import type { Delivery, Ports, SubscriberPage } from './ports.ts';
import { cutAll } from './post.ts';
import { makeWants } from './selector.ts';
import { standingOf } from './standing.ts';

export interface Scene {
  /** The next message of the log, for whoever is in the audience now. */
  message(message: LoggedMessage, epoch: string): void;
  /** From here on `subscriber` is in the audience. */
  admit(subscriber: Subscriber): void;
  forget(who: Pick<Subscriber, 'connectionId' | 'subscriptionId'>): void;
  /** History for one. */
  replay(subscriber: Subscriber, messages: readonly LoggedMessage[], epoch: string): void;
  /** A RECEIPT for one. */
  answer(subscriber: Subscriber, receipt: string, headers: Headers): void;
  /** One message for one, with the id it acknowledges it by. */
  hand(subscriber: Subscriber, message: Message, ack: string | undefined): void;
  /** A message of another destination (presence) for some. */
  tell(subscribers: readonly Subscriber[], message: Message): void;
  /** Those in the audience now. */
  audience(): readonly Subscriber[];
  /** Everyone listening to `destination` now: reads all pages. */
  listeners(destination: Destination): Promise<readonly Subscriber[]>;
  /** Posts all; whoever cannot be posted to is cut, to come back and resume. Tells who was. */
  post(): Promise<ReadonlySet<string>>;
}

/** What one connection is owed. */
export interface Parcel {
  readonly subscriber: Subscriber;
  readonly parts: (Hit | Uint8Array)[];
}

/**
 * Reads the audience as of now: entries that come later in the log change it as they are told. Where
 * others post its messages (`spread-log.ts`), the audience is nobody's. `first` is its first page.
 */
export async function makeScene(
  destination: Destination,
  ports: Ports,
  { first, read = true }: { readonly first?: SubscriberPage; readonly read?: boolean } = {},
): Promise<Scene> {
  const over: string[] = [];
  const stands = await standingOf(ports, over);
  const audience = new Map<string, Subscriber>();
  for (const one of read ? await allSubscribers(destination, ports, first) : []) {
    if (stands?.(one) !== false) audience.set(keyOf(one), one);
  }
  const parcels = new Map<string, Parcel>();
  const encoder = makeEncoder(ports);
  const wants = makeWants();
  let pending: LoggedMessage[] = [];
  let pendingEpoch = '';

  function owe(subscriber: Subscriber, part: Hit | Uint8Array): void {
    if (stands?.(subscriber) === false) return;
    const parcel = parcels.get(subscriber.connectionId);
    if (parcel !== undefined) parcel.parts.push(part);
    else parcels.set(subscriber.connectionId, { subscriber, parts: [part] });
  }

  /** Hands what gathered to the audience it was meant for, before that changes. */
  function settle(): void {
    if (pending.length === 0) return;
    const narrow = pending.some((message) => message.audience !== undefined);
    const stretch = { messages: pending.map((message) => positioned(message, pendingEpoch)) };
    const parts = new Map<string, Stretch>();
    for (const subscriber of audience.values()) {
      if (subscriber.selector === undefined && (!narrow || hearsAll(subscriber, pending))) {
        owe(subscriber, { stretch, subscriber });
      } else oweSome(subscriber, pending, stretch.messages, parts);
    }
    pending = [];
  }

  function oweSome(
    subscriber: Subscriber,
    logged: readonly LoggedMessage[],
    messages: readonly Message[],
    parts: Map<string, Stretch>,
  ): void {
    const wanted = messages.map(
      (message, index) => hears(subscriber, logged[index]?.audience) && wants(subscriber, message),
    );
    const stretch = partOf(wanted, parts, () => ({
      messages: messages.filter((_, index) => wanted[index]),
    }));
    if (stretch !== undefined) owe(subscriber, { stretch, subscriber });
  }

  return {
    message(message, epoch) {
      if (epoch !== pendingEpoch) settle();
      pendingEpoch = epoch;
      pending.push(message);
    },
    admit(subscriber) {
      settle();
      if (stands?.(subscriber) !== false) audience.set(keyOf(subscriber), subscriber);
    },
    forget(who) {
      settle();
      audience.delete(keyOf(who));
    },
    replay(subscriber, messages, epoch) {
      settle();
      const mine = messages.map((message) => positioned(message, epoch));
      oweSome(subscriber, messages, mine, new Map());
    },
    answer(subscriber, receipt, headers) {
      settle();
      const dialect = named(ports.dialects, subscriber.dialect);
      owe(subscriber, dialect.encode({ type: 'receipt', receipt, headers }, subscriber.version));
    },
    hand(subscriber, message, ack) {
      const dialect = named(ports.dialects, subscriber.dialect);
      owe(subscriber, dialect.message(message, subscriber.version)(subscriber.subscriptionId, ack));
    },
    tell(subscribers, message) {
      settle();
      const stretch = { messages: [message] };
      for (const subscriber of subscribers) owe(subscriber, { stretch, subscriber });
    },
    audience: () => [...audience.values()],
    listeners: (other) => allSubscribers(other, ports),
    async post() {
      settle();
      const owed = [...parcels.values()];
      parcels.clear();
      const cut = await postParcels(owed, encoder, ports);
      await expelAll(over.splice(0), ports);
      return cut;
    },
  };
}

async function allSubscribers(
  destination: Destination,
  { store }: Ports,
  first?: SubscriberPage,
): Promise<Subscriber[]> {
  let page = first ?? (await store.subscribers(destination));
  const all = [...page.subscribers];
  while (page.next !== undefined) {
    page = await store.subscribers(destination, page.next);
    for (const one of page.subscribers) all.push(one);
  }
  return all;
}

async function postParcels(
  parcels: readonly Parcel[],
  encoder: Encoder,
  ports: Ports,
): Promise<ReadonlySet<string>> {
  const deliveries = parcels.map((parcel) => pack(parcel, encoder));
  const outcomes = await ports.outbox.post(deliveries);
  const cut = deliveries.filter((_, index) => outcomes[index] !== 'sent');
  if (cut.length > 0) ports.log.info('cut', { connections: cut.length });
  const over = new Set(cut.map(({ connectionId }) => connectionId));
  const uncut = await cutAll([...over], ports);
  // Alive and unaware of a hole: the record is given again, until each has it or is cut.
  if (uncut.length > 0) throw new Error(`${uncut.length} connections could not be cut`);
  return over;
}

export function pack({ subscriber, parts }: Parcel, encoder: Encoder): Delivery {
  const { connectionId, connectedAt } = subscriber;
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && !(only instanceof Uint8Array)) {
    return { connectionId, connectedAt, posts: encoder.posts(only) };
  }
  const texts = parts.flatMap((part) =>
    part instanceof Uint8Array ? [part] : encoder.texts(part),
  );
  return { connectionId, connectedAt, posts: encoder.wrap(subscriber, texts) };
}

/** As receivers see it: `seq` and `epoch` stand first, for the first of a name counts. */
export function positioned(message: LoggedMessage, epoch: string): Message {
  const { id, destination, headers, body, seq } = message;
  return { id, destination, headers: [['seq', String(seq)], ['epoch', epoch], ...headers], body };
}

/** Nearly everybody: what is said to all but its sender. */
function hearsAll(subscriber: Subscriber, messages: readonly LoggedMessage[]): boolean {
  for (const { audience } of messages) if (!hears(subscriber, audience)) return false;
  return true;
}

export function hears({ session, member }: Subscriber, audience: Audience | undefined): boolean {
  if (audience === undefined) return true;
  const named = (names: readonly string[]) =>
    names.some((name) => name === session || name === member);
  if (audience.except !== undefined && named(audience.except)) return false;
  return audience.to === undefined || named(audience.to);
}

/** Names a subscription among all. */
export function keyOf({
  connectionId,
  subscriptionId,
}: Pick<Subscriber, 'connectionId' | 'subscriptionId'>) {
  return `${connectionId}\n${subscriptionId}`;
}
