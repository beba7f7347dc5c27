/**
 * What the broker speaks of: commands in, replies out, and the records between them.
 * Dialects decode a client's text to commands and encode replies; the broker sees neither frames
 * nor sockets. Everything here is plain data, `readonly`, told apart by `type`.
 */
import type { BrokerError } from './errors.ts';

/** Decoded header pairs in the order sent. Repeats are legal; the first of a name counts. */
export type Headers = readonly (readonly [name: string, value: string])[];

/**
 * Orders state changes of one connection: `epoch-sequence-frame`, each padded, so that plain string
 * comparison is the order. A change wins only over an older stamp; an equal one is a repeat.
 */
export type Stamp = string;

/** How a subscriber acknowledges (STOMP 1.2 "SUBSCRIBE ack Header"). */
export type AckMode = 'auto' | 'client' | 'client-individual';

/** What a client asks. `receipt` is the id it wants back once the command has taken effect. */
export type Command =
  | ConnectCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | SendCommand
  | AcknowledgeCommand
  | TransactionCommand
  | DisconnectCommand
  | AnsweredCommand
  | RefusedCommand;

export interface ConnectCommand {
  readonly type: 'connect';
  /** The version agreed on, or undefined when nothing offered is spoken here. */
  readonly version: string | undefined;
  readonly login?: string;
  readonly passcode?: string;
  readonly host?: string;
  /** Milliseconds the client can send and wants to receive (STOMP 1.2 "Heart-beating"). */
  readonly heartBeat?: readonly [sends: number, wants: number];
  readonly headers: Headers;
  readonly receipt?: string;
  /** Another conversation on a connection that has connected, by name: `version` names all that stand. */
  readonly also?: string;
  /** Of a dialect that `recovers`: the connection it had before, and the last it has heard there. */
  readonly recover?: { readonly pid: string; readonly offset?: string };
}

export interface SubscribeCommand {
  readonly type: 'subscribe';
  /** Unique per connection; dialects without one derive it from the destination. */
  readonly id: string;
  readonly destination: string;
  readonly ack: AckMode;
  /** Headers beyond id, destination, ack and receipt. */
  readonly headers: Headers;
  readonly receipt?: string;
  /** True: a subscription of this id that stands is as good as a new one. */
  readonly again?: boolean;
  /** It goes on from there, in place of what headers ask of the past; or the connection is cut. */
  readonly resume?: Position;
}

export interface UnsubscribeCommand {
  readonly type: 'unsubscribe';
  /** One of both is there; STOMP 1.0 may name the destination instead of an id. */
  readonly id?: string;
  readonly destination?: string;
  readonly headers: Headers;
  readonly receipt?: string;
}

export interface SendCommand {
  readonly type: 'send';
  readonly destination: string;
  readonly transaction?: string;
  /** User headers, content-type among them, without what the broker sets itself. */
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly receipt?: string;
}

export interface AcknowledgeCommand {
  readonly type: 'ack' | 'nack';
  /** 1.2: the MESSAGE's `ack`; 1.0 and 1.1: its `message-id`. */
  readonly id: string;
  /** 1.1 only: the subscription the message came by. */
  readonly subscription?: string;
  readonly transaction?: string;
  readonly headers: Headers;
  readonly receipt?: string;
}

export interface TransactionCommand {
  readonly type: 'begin' | 'commit' | 'abort';
  readonly transaction: string;
  readonly headers: Headers;
  readonly receipt?: string;
}

export interface DisconnectCommand {
  readonly type: 'disconnect';
  /** One conversation of several: subscriptions whose ids begin so end, the version names the rest. */
  readonly part?: { readonly version: string; readonly prefixes: readonly string[] };
  readonly receipt?: string;
}

/** A client's answer to what was asked of it by number; nothing is answered to that. */
export interface AnsweredCommand {
  readonly type: 'answered';
  readonly request: number;
  /** A JSON array. */
  readonly answer: string;
  readonly receipt?: undefined;
}

/** What could not be understood; it stands in its place among the commands. */
export interface RefusedCommand {
  readonly type: 'refused';
  readonly error: BrokerError;
  readonly receipt?: string;
}

/** What the broker answers, except messages, which are encoded per audience: `Dialect.message`. */
export type Reply =
  | {
      readonly type: 'connected';
      readonly version: string;
      readonly session: string;
      /** Milliseconds the server sends and wants (STOMP 1.2 "Heart-beating"). */
      readonly heartBeat: readonly [sends: number, wants: number];
      readonly server: string;
      readonly headers?: Headers;
    }
  | { readonly type: 'receipt'; readonly receipt: string; readonly headers?: Headers }
  | { readonly type: 'error'; readonly error: BrokerError; readonly receipt?: string };

/**
 * Headers by which the operator's own code says an event of a name of his own (Socket.IO), and the
 * number by which it asks to be answered. No client's to send. The body is a JSON array.
 */
export const EVENT_HEADER = 'socketio-event';
export const REQUEST_HEADER = 'socketio-request';

/** A published message, as every receiver shares it. */
export interface Message {
  /** `[0-9A-Za-z-]` only, derived from its arrival, so that a repeat carries the same id. */
  readonly id: string;
  /** As the sender spelt it. */
  readonly destination: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Why a connection is over. Only after `lost` do SENDs and ACKs found later still run. */
export type Ended = 'left' | 'refused' | 'lost';

/**
 * What somebody may do with a destination. `history`: hear what was published before; `presence`:
 * know who is in a room; `consume`: take from a queue.
 */
export const ACTIONS = ['subscribe', 'publish', 'history', 'presence', 'consume'] as const;
export type Action = (typeof ACTIONS)[number];

/** These actions on every destination of the pattern. */
export interface Grant {
  readonly pattern: string;
  readonly actions: readonly Action[];
}

/** Who has connected, as a token, a key or a hook says. */
export interface Principal {
  /** Absent: nobody in particular. */
  readonly user?: string;
  /** Names the token or key itself, so that it alone can be revoked. */
  readonly tokenId?: string;
  /** When the token ends, ms. */
  readonly expiresAt?: number;
  readonly grants: readonly Grant[];
  /** Names the operator's configuration that the grants were made by. */
  readonly policy: string;
}

/** One WebSocket, or one HTTP session. Times are milliseconds since 1970. */
export interface Connection {
  readonly id: string;
  /** Names of the carrier and, once known, the dialect spoken inside it. */
  readonly carrier: string;
  readonly dialect?: string;
  /** Set by CONNECT; a connection without one has not connected. */
  readonly version?: string;
  /** Random; told to the client in place of the connection id. */
  readonly session?: string;
  /** What it is called in rooms: its user, or `client-id`, or else its session. */
  readonly member?: string;
  readonly connectedAt: number;
  /** Checked on every read; nothing waits for a clean-up. */
  readonly expiresAt: number;
  /** Of the newest change to this record. */
  readonly stamp: Stamp;
  /** Absent where no identity is configured, and until it has shown one. */
  readonly principal?: Principal;
  /** A closed connection stays as a tombstone for some minutes. */
  readonly ended?: Ended;
}

/** The start of a frame whose rest has not come yet. */
export interface Half {
  readonly bytes: Uint8Array;
  /** When its first piece came; a half frame has a deadline. */
  readonly since: number;
  readonly pieces: number;
  readonly stamp: Stamp;
}

export interface Subscription {
  readonly connectionId: string;
  readonly id: string;
  /** As the subscriber spelt it. */
  readonly destination: string;
  readonly ack: AckMode;
  /** Only messages whose headers it fits (JMS selector). */
  readonly selector?: string;
  readonly stamp: Stamp;
}

/** A subscription as fan-out needs it: all it takes to encode and post, without another read. */
export interface Subscriber {
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly carrier: string;
  readonly dialect: string;
  readonly version: string;
  /** True when each MESSAGE must carry an `ack` (STOMP 1.2 "MESSAGE"). */
  readonly acks?: boolean;
  readonly selector?: string;
  /** The connection's, copied: an audience names them. */
  readonly session?: string;
  readonly member?: string;
  /** Of the connection's principal: what revocation goes by. */
  readonly user?: string;
  readonly tokenId?: string;
  readonly tokenExpiresAt?: number;
  readonly policy?: string;
  /** Something may wait for it until then, for its buffer was full: `broker/slow.ts`. */
  readonly slowUntil?: number;
  readonly connectedAt: number;
  readonly expiresAt: number;
}

/** Writes one receiver's copy of a message; what all receivers share is encoded already. */
export type Splice = (subscription: string, ack?: string) => Uint8Array;

export interface Decoded {
  readonly commands: readonly Command[];
  /** Bytes after the last whole frame, or undefined. A view of the input: copy to keep. */
  readonly half?: Uint8Array;
}

/** What is said inside a carrier: STOMP, JSON. Pure; a violation is a `refused` command. */
export interface Dialect {
  readonly name: string;
  /** True when any ERROR ends the connection (STOMP); false when only a fatal one does (JSON). */
  readonly endsOnError: boolean;
  /** True when texts may be joined end to end in one post; false when each is its own message. */
  readonly joins: boolean;
  /** What a refused CONNECT is told to offer, lowest first. */
  readonly versions: readonly string[];
  /**
   * There: a client whose connection was lost may go on as if it were not (broker/recovery.ts), with
   * the subscriptions of which this is true; the others it asks for anew.
   */
  readonly recovers?: (subscriptionId: string) => boolean;
  /** True: a CONNECT where one has been taken already ends the connection. */
  readonly connectsOnce?: boolean;
  /** The version of a connection that never sends CONNECT, or undefined where CONNECT is a must. */
  readonly impliedVersion?: string;
  /**
   * Every whole frame of `bytes`, in order. `version` is the session's, undefined before CONNECT;
   * a CONNECT among the frames sets it for those behind it. Nothing follows a fatal `refused`.
   */
  decode(bytes: Uint8Array, version: string | undefined): Decoded;
  encode(reply: Reply, version: string | undefined): Uint8Array;
  /** Encodes what all receivers of one version share, once. */
  message(message: Message, version: string): Splice;
}

/** Wraps texts for a transport: raw WebSocket, SockJS, Engine.IO. Pure. */
export interface Carrier {
  readonly name: string;
  /** The texts one inbound WebSocket message holds. Throws BrokerError on a broken envelope. */
  unwrap(payload: Uint8Array): readonly Uint8Array[];
  /**
   * Posts for these texts, in order, each of at most `bytesMax` octets where the texts allow it.
   * With `joins` several texts may share a post.
   */
  wrap(texts: readonly Uint8Array[], joins: boolean, bytesMax: number): readonly Uint8Array[];
  /** Posted last, before the broker closes the connection, where the transport has words for it. */
  readonly farewell?: Uint8Array;
  /** True: an HTTP session is told it as well; otherwise its mailbox has its own words for the end. */
  readonly farewellToSessions?: boolean;
  /** Posted now and then to a client that takes silence for death. */
  readonly beat?: Uint8Array;
}

/** Where a logged destination stands: an offset that only rises, within the life of one log. */
export interface Position {
  /** New with each life of a log: a `seq` of another epoch means nothing. `[0-9a-z]`. */
  readonly epoch: string;
  /** Of the last message; 0 before the first. */
  readonly seq: number;
}

/** Who of the members gets a message; absent: all. Names are sessions or users. */
export interface Audience {
  readonly to?: readonly string[];
  readonly except?: readonly string[];
}

/** A message as a log keeps it. */
export interface LoggedMessage extends Message {
  readonly seq: number;
  /** When it was published, ms. */
  readonly at: number;
  readonly audience?: Audience;
}

/** What a SUBSCRIBE to a logged destination wants of the past. */
export type Past =
  | {
      readonly from: 'since';
      readonly position: Position;
      /** The client counts on it: if it is not whole, the connection is cut. */
      readonly whole?: boolean;
    }
  | { readonly from: 'last'; readonly count: number }
  | { readonly from: 'after'; readonly at: number };

/** One member of a room by one of its subscriptions. */
export interface Membership {
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly stamp: Stamp;
  readonly session: string;
  /** The user, or what the client calls itself (`client-id`), or else the session. */
  readonly member: string;
}

/**
 * One entry of a log. `message` takes the next `seq`; the others stand between messages. `gone`
 * follows a lost connection's `leave` when the grace period is over.
 */
export type Entry =
  | { readonly type: 'message'; readonly message: Omit<LoggedMessage, 'seq'> }
  | {
      readonly type: 'join';
      readonly membership: Membership;
      readonly past?: Past;
      readonly consumer?: ConsumerOptions;
      /** The ack mode of a durable subscription: the server keeps its position. */
      readonly durable?: AckMode;
      readonly receipt?: string;
    }
  | {
      readonly type: 'leave';
      readonly membership: Membership;
      readonly how: Ended;
      /** A durable subscription is given up: its position is not kept. */
      readonly gaveUp?: boolean;
    }
  | { readonly type: 'gone'; readonly membership: Membership; readonly mark: string }
  | {
      readonly type: 'watch';
      readonly membership: Membership;
      readonly receipt?: string;
    }
  | Acknowledgement
  /** A queue looks at its clock: leases, delays and lives that have run out. */
  | { readonly type: 'tick' };

/** An ACK or NACK, as the log of a queue holds it. */
export interface Acknowledgement {
  readonly type: 'ack' | 'nack';
  readonly connectionId: string;
  /** The subscription the message came by; undefined in STOMP 1.0. */
  readonly subscriptionId?: string;
  /** The MESSAGE's `ack`, or its `message-id` before 1.2. */
  readonly id: string;
  /** NACK only: false sends it to the dead letters. */
  readonly requeue: boolean;
  /** Of the frame: a repeat of it has the same. */
  readonly stamp?: Stamp;
}

/** What a subscription to a queue asks besides. */
export interface ConsumerOptions {
  readonly ack: AckMode;
  /** Unacknowledged messages it may hold. */
  readonly prefetch: number;
  readonly selector?: string;
}

/** One change of a log, as its stream gives it: contiguous by `revision`, in order. */
export interface LogRecord {
  /** Canonical. */
  readonly destination: string;
  readonly epoch: string;
  /** After the messages of this record. */
  readonly seq: number;
  /** Rises by one with every change of the log. */
  readonly revision: number;
  readonly entries: readonly Entry[];
}
