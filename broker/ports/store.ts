/** Connections and subscriptions: what every lane reads and writes. */
import type { Destination } from '../destination.ts';
import type {
  Connection,
  Ended,
  Half,
  Principal,
  Stamp,
  Subscriber,
  Subscription,
} from '../model.ts';
import type { Slice } from '../slice.ts';

/** What CONNECT, or the first message of a connection, settles. */
export interface SessionChange {
  readonly dialect?: string;
  readonly version?: string;
  readonly session?: string;
  readonly member?: string;
  /** What fan-out has copied of the one before is copied anew. */
  readonly principal?: Principal;
}

export interface Found {
  readonly connection: Connection;
  readonly half?: Half;
}

export interface SubscriberPage {
  readonly subscribers: readonly Subscriber[];
  /** Where the next page begins; absent on the last. Opaque, valid for the same question. */
  readonly next?: string;
  /** With `next`, on the first page of all: how many there are in all, estimated to a few percent. */
  readonly about?: number;
}

/**
 * Connections and subscriptions. All reads are consistent: what a finished call wrote, every later
 * call sees, in any process. Every change may be called twice with the same stamp (an invocation
 * retried): the second call answers as the first did and changes nothing. Records past `expiresAt`
 * are never returned, whether or not they are deleted yet. Passing faults (throttles, 5xx) are
 * retried inside; what is thrown is final.
 */
export interface Store {
  /** Writes a new connection. A repeat leaves the first as it is. */
  open(connection: Connection): Promise<void>;

  /**
   * The connection and the half frame kept for it, in one read. A closed one is found as its
   * tombstone (`ended`) for `tombstoneSeconds`; unknown, forgotten or expired: undefined.
   */
  find(connectionId: string): Promise<Found | undefined>;

  /** Atomic. `stale`: a newer change stands. `ended`: closed, expired or unknown; nothing written. */
  update(
    connectionId: string,
    change: SessionChange,
    stamp: Stamp,
  ): Promise<'done' | 'stale' | 'ended'>;

  /**
   * Makes the connection a tombstone, forgets its half frame and removes every subscription; not
   * atomic, but done again it finishes what a crash left. The first `ended` stays, and a later one
   * never turns it into something milder: `refused` and `left` overrule `lost`. Unknown: no effect.
   */
  end(connectionId: string, ended: Ended): Promise<void>;

  /** Keeps the half frame in place of the last one; undefined forgets it. Older stamps lose. */
  keepHalf(connectionId: string, half: Half | undefined, stamp: Stamp): Promise<void>;

  /**
   * Adds a subscription. When it answers `done`, every later `subscribers` of a matching
   * destination includes it.
   * `exists`: the id is in use by another SUBSCRIBE of this connection. `full`: it would be the
   * `subscriptionsPerConnectionMax` + first. `stale`: a newer UNSUBSCRIBE of the id stands.
   * `ended`: the connection was over, or unknown, before the call.
   * `connection` is the record as found by the caller: what fan-out needs is copied from it.
   */
  subscribe(
    connection: Connection,
    subscription: Subscription,
    destination: Destination,
  ): Promise<'done' | 'exists' | 'full' | 'stale' | 'ended'>;

  /**
   * Removes a subscription and leaves a tombstone against older SUBSCRIBEs for `tombstoneSeconds`.
   * When it answers, no later `subscribers` includes it. `unknown`: there is none of that id.
   */
  unsubscribe(connectionId: string, id: string, stamp: Stamp): Promise<'done' | 'unknown'>;

  /** Live subscriptions of one connection, in no promised order, at most the limit of them. */
  subscriptions(connectionId: string): Promise<readonly Subscription[]>;

  /**
   * Who gets a message published to `destination` (no pattern): exact subscribers and those whose
   * pattern matches, one entry a subscription. Cost depends on the destination's own audience and
   * depth, never on other subscriptions. The array may be shared between calls: do not change it.
   * With `slice`, only those of it.
   */
  subscribers(destination: Destination, from?: string, slice?: Slice): Promise<SubscriberPage>;
}
