/** Sessions of clients that poll: what waits for them, and who may take it. */

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
   * On one machine it resolves once those of this thread who waited go on, so that no sender runs
   * ahead of its receivers.
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
