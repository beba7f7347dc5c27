/** What connections say, on its way to the handler. */
import type { BrokerError } from '../errors.ts';
import type { Connection, Dialect } from '../model.ts';

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
