/**
 * Who gets what of a batch, and as which posts. Per receiver it costs one table look-up: frames are
 * encoded once for all who get the same.
 */
import type { Destination } from './destination.ts';
import { dialectOf, type Encoder, type Hit, named, partOf, type Stretch } from './encoder.ts';
import type { Connection, Message, Subscriber } from './model.ts';
import type { Delivery, Owed, Ports, SubscriberPage } from './ports.ts';
import type { makeWants } from './selector.ts';
import type { Standing } from './standing.ts';

/** Publications of one destination, with their places in the whole batch. */
export interface Topic extends Stretch {
  readonly destination: Destination;
  readonly messages: Message[];
  readonly places: number[];
  /** Parts of it that subscribers with selectors get. */
  readonly parts: Map<string, Topic>;
}

export interface Found extends Hit {
  readonly stretch: Topic;
}

type Wants = ReturnType<typeof makeWants>;

export interface Receiver {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly hit: Found;
  /** Further subscriptions of the same connection, rare. */
  more?: Found[];
}

export interface AnswerTexts {
  readonly connection: Connection;
  readonly texts: readonly Uint8Array[];
}

/** One for each destination, in the order of their first messages. */
export function topicsOf(
  publications: readonly { readonly destination: Destination; readonly message: Message }[],
): Topic[] {
  const topics = new Map<string, Topic>();
  let place = -1;
  for (const { destination, message } of publications) {
    place += 1;
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

/** Everybody on these pages who may hear and wants to, each once. */
export function gather(
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

/** Answers first; then the receivers, in their own order, but for those who were answered. */
export function join(
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
  return owedTo(receiver, encode).map(({ text }) => text);
}

/** What a receiver is owed, message by message, in the order of the publications. */
export function owedTo(receiver: Receiver, encode: Encoder): readonly Owed[] {
  return [receiver.hit, ...(receiver.more ?? [])]
    .flatMap((hit) => {
      const { destination, messages, places } = hit.stretch;
      return encode.texts(hit).flatMap((text, index) => {
        const message = messages[index];
        return message === undefined
          ? []
          : [{ place: places[index] ?? 0, owed: { destination, message, text } }];
      });
    })
    .sort((a, b) => a.place - b.place)
    .map(({ owed }) => owed);
}
