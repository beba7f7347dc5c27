/** Posts to connections, and what becomes of those that are slow to take them. */
import type { Destination } from '../destination.ts';
import type { Message } from '../model.ts';

/** Posts for one connection: sent in this order, each after the one before it was accepted. */
export interface Delivery {
  readonly connectionId: string;
  /** Lets the outbox tell the 410 of a newborn from that of a dead connection. */
  readonly connectedAt: number;
  readonly posts: readonly Uint8Array[];
}

/**
 * `sent`: the gateway took every post. `gone`: it knows no such connection, and it is not a newborn.
 * `slow`: the client's buffer is full. `throttled`: the account's rate is used up, after retries.
 * `too-large`: over the gateway's message size. `failed`: anything else, after retries; logged.
 * On any but `sent` some leading posts may have gone out, and none after the first that failed.
 */
export type Outcome = 'sent' | 'gone' | 'slow' | 'throttled' | 'too-large' | 'failed';

/**
 * The gateway's management side. Deliveries of one call run side by side within a bound; two calls
 * for one connection are ordered only if the second begins after the first ended.
 */
export interface Outbox {
  /**
   * One outcome per delivery, same index. Retries passing faults within a budget; never throws for
   * a fault of one delivery, so that one bad connection costs the others nothing. With
   * `throttledAgain` a refusal by rate may be told at once: the caller tries again when it may.
   */
  post(
    deliveries: readonly Delivery[],
    options?: { readonly throttledAgain?: boolean },
  ): Promise<readonly Outcome[]>;
  /** Closes the connection; one that is gone already is fine. `$disconnect` follows, perhaps. */
  close(connectionId: string): Promise<void>;
}

/** One message for one connection, as the core has encoded it. */
export interface Owed {
  readonly destination: Destination;
  readonly message: Message;
  readonly text: Uint8Array;
}

/** Whoever is owed something, and is too slow for it. */
export interface SlowReceiver {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly carrier: string;
  readonly dialect: string;
  readonly version: string;
  readonly owed: readonly Owed[];
  /** Its subscriptions that hear of it, and are not known to be marked. */
  readonly unmarked: readonly string[];
}

/**
 * Marks on what a fan-out reads of a subscription, where many environments publish: `Subscriber` has
 * it as `slowUntil` once the call is done. One that has ended is not marked.
 */
export interface SlowMarks {
  mark(connectionId: string, subscriptionId: string, until: number): Promise<void>;
}

/** What many processes count together. */
export interface Counters {
  /** Atomic; the sum so far. A repeat after a doubtful outcome may count twice. */
  add(name: string, count: number, expiresAt: number): Promise<number>;
}

/** The account's rate of posts, divided among all who post much. */
export interface Allowance {
  /** So many of those wanted, at least one, may be posted from `at` (ms) on. */
  claim(wanted: number): Promise<{ readonly granted: number; readonly at: number }>;
  /** So many were refused by rate: others use it too, and all claims are slowed. */
  refused(count: number): Promise<void>;
}
