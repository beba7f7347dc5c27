/** What really happened to work: what of a queue was posted and read, and what was said of it. */
import type { AckMode, Position } from '../../broker/model.ts';
import type { Invocation } from './fleet.ts';
import type { Scheduler } from './scheduler.ts';
import { read, type Said } from './speech.ts';
import type { Truth } from './truth.ts';

/** A MESSAGE that the gateway took, whether or not it arrives. */
export interface Posted {
  readonly connectionId: string;
  /** The client's own id of the subscription. */
  readonly subscription: string;
  readonly destination: string;
  readonly body: string;
  readonly headers: Said['headers'];
  readonly by: Invocation;
  readonly at: number;
}

/** A MESSAGE of a queue as its consumer read it. */
export interface Given {
  readonly queue: string;
  readonly body: string;
  readonly connectionId: string;
  readonly subscription: string;
  readonly mode: AckMode;
  readonly headers: Said['headers'];
  readonly at: number;
  /** More than one where a transaction was given up, or not ended. */
  readonly verdicts: Verdict[];
}

/** What a consumer said of what it was given; with ack:client one of them covers several. */
export interface Verdict {
  readonly how: 'ack' | 'nack' | 'refuse';
  readonly at: number;
  readonly transaction?: Transaction;
  /** When its own RECEIPT was read; inside a transaction that says nothing yet. */
  receiptedAt?: number;
}

export interface Transaction {
  readonly connectionId: string;
  readonly name: string;
  readonly sends: { readonly destination: string; readonly body: string }[];
  /** Whether COMMIT or ABORT was ever said. */
  end: 'open' | 'commit' | 'abort';
  /** When the RECEIPT of COMMIT or ABORT was read. */
  receiptedAt?: number;
}

/** One durable subscription, from its beginning to its removal. */
export interface Life {
  readonly client: string;
  readonly destination: string;
  readonly mode: AckMode;
  /** Of the RECEIPT of its first SUBSCRIBE that had one. */
  from?: Position;
  /** The highest `seq` that an ACK was ever sent of. */
  acknowledged: number;
  /** The highest of those with a RECEIPT. */
  settled: number;
  /** Its removal was asked: nothing is promised any more. */
  over: boolean;
}

export type WorkObservation =
  | { readonly type: 'posted'; readonly posted: Posted }
  | { readonly type: 'given'; readonly given: Given }
  | { readonly type: 'begun'; readonly transaction: Transaction }
  /** The life listens on this connection from now on. */
  | { readonly type: 'listens'; readonly life: Life; readonly connectionId: string }
  | {
      readonly type: 'read';
      readonly life: Life;
      readonly connectionId: string;
      readonly seq: number;
    };

/** When a verdict has surely been taken: its own RECEIPT, or that of its COMMIT. */
export function takenAt({ transaction, receiptedAt }: Verdict): number | undefined {
  if (transaction === undefined) return receiptedAt;
  return transaction.end === 'commit' ? transaction.receiptedAt : undefined;
}

/** Whether it may have been taken. */
export function perhapsTaken({ transaction }: Verdict): boolean {
  return transaction === undefined || transaction.end === 'commit';
}

/** Tells every MESSAGE among what the gateway takes. */
export function acceptedBy(
  scheduler: Scheduler,
  truth: Truth,
): (connectionId: string, payload: Uint8Array, by: Invocation) => void {
  return (connectionId, payload, by) => {
    for (const { command, headers, body } of read('stomp', payload)) {
      if (command !== 'MESSAGE') continue;
      const { subscription = '', destination = '' } = headers;
      const posted: Posted = {
        connectionId,
        subscription,
        destination,
        body,
        headers,
        by,
        at: scheduler.now(),
      };
      truth.observe({ type: 'posted', posted });
    }
  };
}
