/** Who a client is, what holds of him still, and how much he may. */
import type { Connection, Principal } from '../model.ts';

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
  /** At most `revocationSeconds` old; at once where what was read before is young enough. */
  current(): Revoked | Promise<Revoked>;
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
