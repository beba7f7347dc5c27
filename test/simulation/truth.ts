/**
 * What really happened, as checkers see it: every send, every entry of every log, what each client
 * asked, was answered and got. Written by the simulated clients and by whoever reads the stream;
 * the broker knows nothing of it.
 */
import type { LogRecord, Position } from '../../broker/model.ts';
import type { Invocation } from './fleet.ts';
import type { WorkObservation } from './work-truth.ts';

/** One SEND. Its body is its name, and no two are alike. */
export interface Sent {
  readonly body: string;
  readonly destination: string;
  readonly client: string;
  readonly connectionId: string;
  /** Counts the SENDs of a connection. */
  readonly index: number;
  /** When the client sent it, before the gateway saw it. */
  readonly at: number;
  readonly publishId: string | undefined;
  /** Not for connections of its own client. */
  readonly exceptSelf: boolean;
  /** Further ones: how long it lives, and the like. */
  readonly headers: Readonly<Record<string, string>>;
  readonly asked: boolean;
  /** When its RECEIPT was read. */
  receiptedAt?: number;
  /** Sent again after a reconnect, under the same publish id. */
  repeated: boolean;
}

/** One SUBSCRIBE and what became of it. */
export interface Subscribed {
  readonly client: string;
  readonly connectionId: string;
  readonly id: string;
  readonly destination: string;
  readonly since: Position | undefined;
  answeredAt?: number;
  position?: Position;
  recovered?: boolean;
  /** When the RECEIPT of its UNSUBSCRIBE was read. */
  leftAt?: number;
  /** UNSUBSCRIBE sent, connection closed or left: nothing is promised any more. */
  over: boolean;
}

/** A MESSAGE as a client got it. */
export interface Got {
  readonly id: string;
  readonly body: string;
  /** Of a logged destination. */
  readonly position: Position | undefined;
  /** The invocation that posted it. */
  readonly by: Invocation;
}

export type Observation =
  | { readonly type: 'sent'; readonly sent: Sent }
  /** A message was handed to one of so many parts of its audience. */
  | { readonly type: 'divided'; readonly body: string; readonly of: number }
  /** A buffer took no more, where what it does not take waits. */
  | { readonly type: 'full'; readonly connectionId: string; readonly by: Invocation }
  | { readonly type: 'receipted'; readonly sent: Sent }
  | { readonly type: 'logged'; readonly record: LogRecord }
  | { readonly type: 'answered'; readonly subscribed: Subscribed; readonly first: boolean }
  /** On the wire, before the helper's rule. */
  | { readonly type: 'arrived'; readonly subscribed: Subscribed; readonly got: Got }
  /** What the helper hands on: `after` is the last `seq` before it. */
  | {
      readonly type: 'fresh';
      readonly subscribed: Subscribed;
      readonly got: Got;
      readonly after: number;
    }
  | WorkObservation;

export interface Logged {
  readonly id: string;
  readonly body: string;
  readonly at: number;
}

export interface RoomLog {
  epoch: string;
  /** By seq, from 1. */
  readonly messages: (Logged | undefined)[];
}

export interface Truth {
  observe(observation: Observation): void;
  readonly sents: ReadonlyMap<string, Sent>;
  readonly logs: ReadonlyMap<string, RoomLog>;
  readonly subscriptions: readonly Subscribed[];
  /** Bodies that stand in some log. */
  loggedBodies(): ReadonlySet<string>;
  onObservation(listener: (observation: Observation) => void): void;
  /** Whether the client that holds `subscribed` should get this message of the log. */
  isFor(body: string, subscribed: Subscribed): boolean;
}

export function makeTruth(): Truth {
  const sents = new Map<string, Sent>();
  const logs = new Map<string, RoomLog>();
  const subscriptions: Subscribed[] = [];
  const listeners: ((observation: Observation) => void)[] = [];

  function log({ destination, epoch, seq, entries }: LogRecord): void {
    const there = logs.get(destination) ?? { epoch, messages: [undefined] };
    logs.set(destination, there);
    const messages = entries.flatMap((one) => (one.type === 'message' ? [one.message] : []));
    for (const [index, { id, body, at }] of messages.entries()) {
      const place = seq - messages.length + 1 + index;
      there.messages[place] = { id, body: Buffer.from(body).toString(), at };
    }
  }

  return {
    sents,
    logs,
    subscriptions,
    observe(observation) {
      if (observation.type === 'sent') sents.set(observation.sent.body, observation.sent);
      if (observation.type === 'logged') log(observation.record);
      if (observation.type === 'answered' && observation.first) {
        subscriptions.push(observation.subscribed);
      }
      for (const listener of listeners) listener(observation);
    },
    loggedBodies() {
      const bodies = new Set<string>();
      for (const { messages } of logs.values()) {
        for (const message of messages) if (message !== undefined) bodies.add(message.body);
      }
      return bodies;
    },
    onObservation: (listener) => void listeners.push(listener),
    isFor(body, { client }) {
      const sent = sents.get(body);
      return sent === undefined || !sent.exceptSelf || sent.client !== client;
    },
  };
}
