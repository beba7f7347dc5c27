/** The logged lane: what was said, in what order, and who hears it. */
import type { Destination } from '../destination.ts';
import type {
  Connection,
  Entry,
  LoggedMessage,
  LogRecord,
  Membership,
  Position,
  Stamp,
  Subscriber,
  Subscription,
} from '../model.ts';
import type { Policies } from '../rules.ts';
import type { Later } from './tasks.ts';

/** Subscriptions to logged destinations, which begin where their log says so. */
export interface Held {
  /**
   * As `Store.subscribe`, but `subscribers` does not include it until `enlist`: for logged destinations,
   * whose log says when the subscription begins.
   */
  hold(
    connection: Connection,
    subscription: Subscription,
    destination: Destination,
  ): Promise<'done' | 'exists' | 'full' | 'stale' | 'ended'>;

  /**
   * Makes a held subscription one that `subscribers` includes, if it stands still: the connection
   * open, the subscription of this id with exactly this stamp. Else undefined, and nothing written.
   */
  enlist(
    connectionId: string,
    subscriptionId: string,
    stamp: Stamp,
    destination: Destination,
  ): Promise<Subscriber | undefined>;
}

/** What has happened to a logged destination, as far as `deliver` has got. */
export interface Progress {
  readonly epoch: string;
  readonly revision: number;
  /** Set while durable subscriptions listen: their positions are to be moved. */
  readonly durables?: boolean;
  /** Set while its audience is too large for one invocation: in how many slices it is posted to… */
  readonly slices?: number;
  /** …and the seq of the last message they were given… */
  readonly slicesSeq?: number;
  /** …and when, ms. */
  readonly slicesAt?: number;
}

/**
 * Logs: one per logged destination, named by its canonical form. A log is a sequence of changes
 * (`LogRecord`), each of which its stream hands to `deliver` at least once and in order, also after
 * a restart; history is what `deliver` has kept of them.
 */
export interface Journal {
  /**
   * Appends entries as ONE change: messages take the next seqs in their order. Atomic, and
   * contiguous with whatever others append. NOT idempotent: called twice, it appends twice; it never
   * repeats itself after a doubtful outcome, but throws. Returns the position after the change.
   */
  append(destination: string, entries: readonly Entry[]): Promise<Position>;
  /**
   * The same for one message under a publisher's own id, at most once within `publishIdSeconds`:
   * `repeated` if the id was taken, and nothing is appended. The position returned is the one after
   * this change, or after a later one if others appended meanwhile. As `commit`, it may be sent again
   * after a doubtful outcome.
   */
  appendOnce(destination: string, entry: Entry, publishId: string): Promise<Position | 'repeated'>;
  /**
   * Appends to several logs at once: all or nothing, and once for a `once`: `repeated` if it was
   * done before within `publishIdSeconds`, and nothing is appended. At most `commitLogsMax` logs.
   */
  commit(
    changes: readonly { readonly destination: string; readonly entries: readonly Entry[] }[],
    once: string,
  ): Promise<'done' | 'repeated'>;
  /** The log's position now, consistent; undefined before its first change. */
  head(destination: string): Promise<(Position & { readonly revision: number }) | undefined>;
  /** Writes history, idempotent per (epoch, seq). Returns once durable. */
  keep(
    destination: string,
    epoch: string,
    messages: readonly LoggedMessage[],
    expiresAt: number,
  ): Promise<void>;
  /**
   * Kept messages with `after` < seq ≤ `upTo`, ascending, the newest `most` of them; consistent.
   * Expired ones are left out, so a hole shows as a gap in `seq`.
   */
  history(
    destination: string,
    epoch: string,
    range: { readonly after: number; readonly upTo: number; readonly most: number },
  ): Promise<readonly LoggedMessage[]>;
  /** How far `deliver` has posted. */
  progress(destination: string): Promise<Progress | undefined>;
  advance(destination: string, progress: Progress): Promise<void>;
}

/**
 * The stream of all logs of a store in this process: what DynamoDB Streams are on AWS. Records are
 * kept until committed, so that a restart goes on where delivery had got to.
 */
export interface LogStream {
  /** Records after `cursor`, oldest first; `cursor` 0 is before the first. */
  read(
    cursor: number,
    most: number,
  ): Promise<readonly { readonly cursor: number; readonly record: LogRecord }[]>;
  /** What has been committed; 0 at first. */
  committed(): Promise<number>;
  /** Everything up to `cursor` is delivered, and may be dropped. */
  commit(cursor: number): Promise<void>;
  /** Calls `listener` soon after anything is appended by this process. Returns how to stop it. */
  onAppend(listener: () => void): () => void;
}

/**
 * Who is in a room, as told to watchers. A member may be there by several subscriptions. Every call
 * repeated with the same mark answers as the first did.
 */
export interface Roster {
  /** `entered`: the member was not there, nor within its grace. `mark` is the change's own name. */
  enter(room: string, membership: Membership, mark: string): Promise<'entered' | 'present'>;
  /**
   * Changes nothing. `entered`: an `enter` with this mark had been called, and answered so; whoever
   * called it may have died before it told anybody.
   */
  recall(room: string, membership: Membership, mark: string): Promise<'entered' | 'present'>;
  /** One subscription less. `left`: the member has no other. */
  leave(room: string, membership: Membership, mark: string): Promise<'left' | 'present'>;
  /** The subscription's connection was lost: the member stays until `gone` with the same mark. */
  fade(room: string, membership: Membership, mark: string): Promise<void>;
  /** The grace is over. `left`: it had not come back, and has no other subscription. */
  gone(room: string, membership: Membership, mark: string): Promise<'left' | 'present'>;
  /** Members, each once, fading ones included, ordered by name; pages by the last name given. */
  members(
    room: string,
    after: string | undefined,
    most: number,
  ): Promise<readonly { readonly member: string; readonly sessions: readonly string[] }[]>;
}

/**
 * Ordered cells, for what one writer at a time keeps: a queue's items and leases, an open
 * transaction. Shelves are named; keys are text and order by their UTF-8 octets.
 */
export interface Shelf {
  /**
   * Puts each value, or removes the key where there is none. Not atomic: after a crash some changes
   * may be done; done again they end the same. `expiresAt`: gone when that time has come.
   */
  write(
    shelf: string,
    changes: readonly (readonly [key: string, value: Uint8Array | undefined])[],
    expiresAt: number,
  ): Promise<void>;
  /** Cells with `from` ≤ key < `to`, ascending, at most so many; consistent, none expired. */
  read(
    shelf: string,
    range: { readonly from: string; readonly to: string; readonly most: number },
  ): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
}

/** Connections to be asked, now and then, whether they live. */
export interface Checks {
  /** Once `at` (ms) has come, `due` gives the connection, until it is settled. */
  enroll(connectionId: string, at: number): Promise<void>;
  due(now: number, most: number): Promise<readonly { connectionId: string; at: number }[]>;
  settle(connectionId: string, at: number): Promise<void>;
}

/** Asking the gateway itself. */
export interface Liveness {
  /** False only if the gateway knows no such connection. */
  alive(connectionId: string): Promise<boolean>;
}

/** What logged destinations need besides. A broker without it serves the direct lane alone. */
export interface Logs {
  readonly held: Held;
  readonly journal: Journal;
  readonly roster: Roster;
  readonly later: Later;
  readonly checks: Checks;
  readonly shelf: Shelf;
  readonly liveness: Liveness;
  readonly policies: Policies;
}
