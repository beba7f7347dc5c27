/**
 * What the core needs of the world, with the guarantees it leans on. An adapter that keeps the
 * sentences here is a full implementation; the contract tests in test/contract/ hold it to them.
 */
import type { Destination } from './destination.ts';
import type { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';
import type {
  Carrier,
  Connection,
  Dialect,
  Ended,
  Entry,
  Half,
  LoggedMessage,
  LogRecord,
  Membership,
  Message,
  Position,
  Principal,
  Stamp,
  Subscriber,
  Subscription,
} from './model.ts';
import type { Policies } from './rules.ts';
import type { Slice } from './slice.ts';

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

/** These messages, for one slice of who hears `destination` when it is done. */
export interface ShardTask {
  readonly type: 'shard';
  /** Canonical. */
  readonly destination: string;
  readonly slice: Slice;
  readonly messages: readonly Message[];
}

/** What waits for a connection whose buffer was full is posted, as far as it takes it. */
export interface DrainTask {
  readonly type: 'drain';
  readonly connectionId: string;
  readonly connectedAt: number;
  /** Looks before this one at which it took nothing; 0 for that of a message that begins to wait. */
  readonly looks: number;
}

/** Messages of a log, for one slice of its audience. */
export interface StretchTask {
  readonly type: 'stretch';
  /** Canonical. */
  readonly destination: string;
  readonly slice: Slice;
  readonly epoch: string;
  /** Seq of the last message before these that the slice was given; absent on the first of a spread. */
  readonly after?: number;
  readonly messages: readonly (LoggedMessage & {
    /** Of the change that holds it: whoever joins by a later one does not hear it. */
    readonly revision: number;
  })[];
}

export type JobTask = ShardTask | StretchTask | DrainTask;

/** Work for an invocation of its own. */
export interface Job {
  readonly group: string;
  /** Names the job within its group: the same when it is sent again. */
  readonly once: string;
  readonly task: JobTask;
}

/**
 * A queue of work, beside the one of what clients say. Jobs of one group are done in the order of
 * their sends, one at a time; those of different groups side by side, within a bound. At least once:
 * one that fails, or whose process dies, is given again. A name sent again within five minutes may
 * be dropped.
 */
export interface Jobs {
  /** Resolves once all are stored; throws if one could not be, though others may be. */
  send(jobs: readonly Job[]): Promise<void>;
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

/** Connections whose buffers are full, as far as this environment knows: `broker/slow.ts`. */
export interface Slow {
  /** Those of them that have something waiting still: what comes now goes behind it. */
  among(
    connectionIds: Iterable<string>,
    marked: ReadonlySet<string>,
    ports: Ports,
  ): Promise<ReadonlySet<string>>;
  /** Their messages wait, or what else the rules say. */
  hold(receivers: readonly SlowReceiver[], ports: Ports): Promise<void>;
  drain(task: DrainTask, ports: Ports): Promise<void>;
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

/** Work for later, at least once, not before its time; a second or so late is fine. */
export type Task =
  | { readonly type: 'tick'; readonly queue: string }
  /** Becomes a job: jobs of one connection are done one at a time. */
  | { readonly type: 'look'; readonly drain: DrainTask }
  | {
      readonly type: 'gone';
      readonly room: string;
      readonly membership: Membership;
      readonly mark: string;
    };

export interface Later {
  schedule(seconds: number, task: Task): Promise<void>;
}

export interface DueTask {
  readonly key: string;
  readonly task: Task;
}

/** `Later` where nobody else calls when the time has come: one process asks, and settles what it did. */
export interface Agenda extends Later {
  /** Tasks whose time has come, oldest first, until they are settled. */
  due(now: number, most: number): Promise<readonly DueTask[]>;
  settle(key: string): Promise<void>;
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

/** Why a session is over, as its client is told. */
export interface MailboxClosed {
  readonly code: number;
  readonly reason: string;
}

/** An HTTP session as its mailbox has it. */
export interface Mailbox {
  /** Of the connection it stands for: `address.ts`. */
  readonly connectionId: string;
  readonly closed?: MailboxClosed;
  /** Set once its gate is open: the connection that posts go to from now on. */
  readonly socket?: string;
  /** Until then its client is changing over, and a poll is answered soon. */
  readonly probedUntil?: number;
}

export interface Taken {
  readonly posts: readonly Uint8Array[];
  /** Nothing more will come. */
  readonly closed?: MailboxClosed;
}

/** A receiver: one request that fetches what comes. Times are milliseconds since 1970. */
export interface Lease {
  /** Of the request, random. */
  readonly receiver: string;
  /** Until then no other may receive, unless this one lets go. */
  readonly until: number;
  /** Then the session is gone, unless a receiver has come. */
  readonly expiresAt: number;
}

/**
 * Posts for clients that fetch them by HTTP, one mailbox a session. All calls are atomic and
 * consistent, so any process may serve any request. What has expired is unknown, whether or not it
 * is deleted yet.
 */
export interface Mailboxes {
  /** Makes an empty mailbox with its first receiver. `exists`: a live one has this session's name. */
  open(session: string, connectionId: string, lease: Lease): Promise<'opened' | 'exists'>;
  find(session: string): Promise<Mailbox | undefined>;
  /**
   * Adds posts behind those that wait. `gone`: closed, expired, or another connection's by now.
   * `full`: they would pass `mailboxBytesMax` or `mailboxPostsMax`; nothing is added. A socket: the
   * gate is open, and whoever has posts gives them to it; nothing is added.
   */
  append(
    connectionId: string,
    posts: readonly Uint8Array[],
  ): Promise<'done' | 'gone' | 'full' | { readonly socket: string }>;
  /** Makes a request the receiver. `busy`: another is. A closed mailbox needs no receiver. */
  receive(session: string, lease: Lease): Promise<Mailbox | 'unknown' | 'busy'>;
  /**
   * Takes all that waits, once: what is returned here is returned to nobody else. `lost`: it is no
   * longer the receiver, or the session is gone. From a closed mailbox anyone takes.
   */
  take(session: string, receiver: string): Promise<Taken | 'lost'>;
  /** The receiver lets go; the session is gone at `expiresAt` unless another comes. */
  release(session: string, receiver: string, expiresAt: number): Promise<void>;
  /**
   * Nothing is appended any more; what waits may still be taken, and stays until `expiresAt`, as
   * does the reason. False: it was closed, or unknown, already.
   */
  close(connectionId: string, closed: MailboxClosed, expiresAt: number): Promise<boolean>;
  /**
   * Resolves soon after something waits, or the mailbox is closed or gone; at once if it is so
   * already; at the latest after `milliseconds`, or when `signal` is aborted. May be early.
   */
  changed(session: string, milliseconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * For sessions that change over from polling to a WebSocket of their own. The socket becomes the
 * receiver as a poll would, takes and posts what waits, and opens the gate, which never closes again:
 * so no post is stranded, and none overtakes another.
 */
export interface Gates {
  /** The client is changing over until then. False: no such session, or its gate is open. */
  probe(session: string, until: number): Promise<boolean>;
  /**
   * Opens the gate to the socket that is the receiver, if nothing waits. `waiting`: take and post
   * once more. `lost`: it is not the receiver, or the session is gone or closed.
   */
  move(session: string, socket: string): Promise<'moved' | 'waiting' | 'lost'>;
}

/** Milliseconds since 1970. Never goes back by more than clocks do. */
export interface Clock {
  now(): number;
}

/** Waiting, so that a simulation can own time. */
export interface Timer {
  sleep(milliseconds: number): Promise<void>;
  /** Calls `action` once, that much later, unless the returned function is called before. */
  after(milliseconds: number, action: () => void): () => void;
}

export interface Ids {
  /** Unguessable, `[0-9a-zA-Z-]`, at least 96 bits. */
  random(): string;
}

/** One structured line per event. Fields must hold no secret and no body. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  /** `cause` is logged with its stack; it never reaches a client. */
  error(event: string, cause: unknown, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a client shows to be recognised. */
export interface Credentials {
  /** A token or key; of STOMP, the passcode. */
  readonly token: string;
  /** Of STOMP: who it says it is. */
  readonly login?: string;
  /** What they came with, for a hook of the operator's own. */
  readonly arrival?: Arrival;
}

/** How somebody shows who he is: by a handshake, by CONNECT or by a request of HTTP. */
export interface Arrival {
  readonly event: 'handshake' | 'connect' | 'http';
  /** Of a handshake or a request by lower-case names; of CONNECT as they were written. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly sourceIp?: string;
}

/** Who signed a handshake, as the gateway that checked the signature says. */
export interface Signer {
  readonly userArn?: string | null;
  readonly accountId?: string | null;
  readonly accessKey?: string | null;
  readonly cognitoIdentityId?: string | null;
}

/**
 * Who is who. Never throws for what a client has sent: `refused` is all that is known of a bad
 * token, `expired` one that was good.
 */
export interface Identity {
  authenticate(credentials: Credentials): Promise<Principal | 'refused' | 'expired'>;
  /** Whoever shows nothing; undefined: such a client is refused. */
  readonly anonymous: Principal | undefined;
  /** Where handshakes are signed: whose this signature is. Absent: they are not. */
  readonly signed?: (signer: Signer) => Principal | 'refused';
  /** Name of the cookie that may hold a token. */
  readonly cookie: string;
  /** Of the configuration: principals of another are asked to connect anew. */
  readonly policy: string;
}

/** Who is shut out now. */
export interface Revoked {
  readonly users: ReadonlySet<string>;
  readonly tokenIds: ReadonlySet<string>;
}

export interface Revocations {
  /** At most `revocationSeconds` old. */
  current(): Promise<Revoked>;
  /** Until then, ms. Known to this process at once, to others within `revocationSeconds`. */
  ban(who: { readonly user: string } | { readonly tokenId: string }, until: number): Promise<void>;
  pardon(who: { readonly user: string } | { readonly tokenId: string }): Promise<void>;
}

/** Connections by who they are of, kept while identity is configured. */
export interface Directory {
  /** Also of one entered before, whose principal has changed. */
  enter(connection: Connection): Promise<void>;
  leave(connection: Connection): Promise<void>;
  /** A page of them, ordered by id, behind `after`. Some may be over by now. */
  connections(
    of: { readonly user: string } | { readonly tokenId: string } | 'all',
    after: string | undefined,
    most: number,
  ): Promise<readonly string[]>;
  /** Connections to be looked at by now: they have not connected in time, or their token ends. */
  due(now: number, most: number): Promise<readonly { key: string; connectionId: string }[]>;
  settle(key: string): Promise<void>;
}

/** The operator's bounds on how fast and how many. */
export interface Rates {
  /** 0: there is room for it, and it is taken; else the seconds until there is, and nothing is. */
  take(sent: {
    /** Undefined: of no connection, as by HTTP. */
    readonly connectionId: string | undefined;
    readonly user: string | undefined;
    readonly messages: number;
    readonly bytes: number;
    /** When it was sent, ms. */
    readonly at: number;
  }): number;
  /** The same for one message to a destination. */
  takeAt(
    destination: string,
    limits: { readonly messagesPerSecond?: number; readonly bytesPerSecond?: number },
    bytes: number,
    at: number,
  ): number;
  /**
   * Whether a queue holds fewer than `most`: what `read` said a second ago at most, and what was
   * let through here since, side by side or not. True: there is room for one, and it is taken.
   */
  takeDepth(queue: string, most: number, read: () => Promise<number>): Promise<boolean>;
  readonly connectionsPerUser?: number;
  readonly roomsPerConnection?: number;
}

/** What an application is told: plain data, and the same `id` if it is told twice. */
export interface ApplicationRequest {
  readonly event: 'message' | 'connect' | 'subscribe' | 'publish';
  readonly id: string;
  readonly connection: {
    readonly id: string;
    readonly session?: string;
    readonly user?: string;
    readonly connectedAt: number;
  };
  /** As spelt; absent on connect. */
  readonly destination?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a message. Text, or base64 if `bodyEncoding` says so. */
  readonly body?: string;
  readonly bodyEncoding?: 'base64';
}

export interface ApplicationMessage {
  readonly headers?: Readonly<Record<string, string>>;
  /** A text; anything else is sent as JSON. */
  readonly body?: unknown;
}

/** What it wants: nothing, a refusal, an answer to whoever sent it, messages to others. */
export interface ApplicationAnswer {
  /** Words for the client. */
  readonly refuse?: string;
  readonly reply?: ApplicationMessage;
  readonly publish?: readonly (ApplicationMessage & { readonly destination: string })[];
}

export type Application = (request: ApplicationRequest) => Promise<unknown>;

/** The operator's own code, by event and destination. What it answers is looked at by the core. */
export interface Applications {
  find(
    event: ApplicationRequest['event'],
    destination: Destination | undefined,
  ): { readonly application: Application; readonly timeoutSeconds?: number } | undefined;
}

/** Which dialect a client speaks, by its first text; a hint in words if none can begin so. */
export type Detect = (text: Uint8Array) => Dialect | BrokerError;

/** What a connection says that has no conversation of its own. Throws only for faults of ours. */
export type Detour = (connection: Connection, events: readonly Inbound[]) => Promise<void>;

/** One event of a connection, as ingress hands it over. */
export interface Inbound {
  readonly connectionId: string;
  readonly event: 'message' | 'lost';
  readonly payload: Uint8Array;
  /** The gateway's time of the request, ms. */
  readonly epoch: number;
  /** Orders events of one epoch: the queue's sequence number, or else the gateway's message id. */
  readonly sequence: string;
  /** The gateway's message id: message-ids derive from it. */
  readonly messageId: string;
  /** True on a delivery that is not the first: a crash came before. */
  readonly repeated: boolean;
}

export interface Ports {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly limits: Limits;
  readonly dialects: ReadonlyMap<string, Dialect>;
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly detect: Detect;
  /** By carrier: connections that are another's, and what is done with what they say. */
  readonly detours?: ReadonlyMap<string, Detour>;
  /** Spoken to whoever has not yet spoken a dialect: readable by a person at a terminal. */
  readonly plain: Dialect;
  /** `name/version`, told in CONNECTED. */
  readonly server: string;
  readonly logs?: Logs;
  /** Absent: audiences of any size are posted to at once. */
  readonly jobs?: Jobs;
  /** Absent: what a full buffer does not take is lost on the direct lane. */
  readonly slow?: Slow;
  /** Absent: nobody bounds how fast jobs may post. */
  readonly allowance?: Allowance;
  /** Absent: nobody is asked who he is, and all may do everything. */
  readonly identity?: Identity;
  /** With `identity`. */
  readonly revocations?: Revocations;
  readonly directory?: Directory;
  readonly rates?: Rates;
  /** Absent: /app/… leads nowhere. */
  readonly applications?: Applications;
  /** Pages that may connect, `https://app.example`; absent: all. */
  readonly origins?: ReadonlySet<string>;
}

/** One event of a connection on its way through the queue. */
export interface IngressEvent {
  readonly connectionId: string;
  readonly eventType: 'MESSAGE' | 'DISCONNECT';
  /** The gateway's id of the request: a repeat within five minutes is dropped by the queue. */
  readonly requestId: string;
  /** The gateway's id of the message; for DISCONNECT the requestId. */
  readonly messageId: string;
  readonly requestTimeEpoch: number;
  readonly body: Uint8Array;
}

/**
 * The FIFO queue between gateway and message handler, grouped by connection: events of one
 * connection are handled in the order of their sends, at least once, none beside another.
 */
export interface Ingress {
  /** Resolves once the event is stored; throws if it could not be, after retries. */
  send(event: IngressEvent): Promise<void>;
}
