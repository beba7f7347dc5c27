/**
 * A connection within one invocation: what it is, what it is owed. Commands act on it; answers and
 * publications gather in it and leave together.
 */

import { dialectOf, named } from './encoder.ts';
import { endConnection } from './ending.ts';
import type { BrokerError } from './errors.ts';
import type { Notice, Publication } from './fanout.ts';
import type { Carrier, Connection, Dialect, Ended, Reply, Stamp, Subscription } from './model.ts';
import type { Ports } from './ports.ts';
import type { Turn } from './turn.ts';

/** A connection within an invocation. `ended` set: nothing more is executed or answered. */
export interface Session {
  readonly ports: Ports;
  readonly turn: Turn;
  readonly carrier: Carrier;
  connection: Connection;
  dialect: Dialect | undefined;
  /** Answers not yet posted, encoded. */
  answers: Uint8Array[];
  /** SENDs and acknowledgements not yet out, and the receipts they asked for. */
  publications: (Publication | Notice)[];
  receipts: string[];
  ended: Ended | undefined;
  /** True where messages of one connection keep their order: fifo ingress. */
  readonly ordered: boolean;
  /** True while CONNECTED waits among the answers. */
  greeting: boolean;
  /** As this invocation has read them; undefined: not yet, or not since they changed. */
  subscriptions: readonly Subscription[] | undefined;
}

/** Where in the stream of a connection a command stands. */
export interface Place {
  readonly stamp: Stamp;
  /** `[0-9A-Za-z-]`, the same for a repeat of the same frame. */
  readonly messageId: string;
  /** The gateway's time of the message, ms. */
  readonly epoch: number;
  /** True when an earlier invocation may have done this already. */
  readonly repeated: boolean;
}

export function openSession(
  connection: Connection,
  { ports, turn, ordered }: Pick<Session, 'ports' | 'turn' | 'ordered'>,
): Session {
  return {
    ports,
    turn,
    carrier: named(ports.carriers, connection.carrier),
    connection,
    dialect: connection.dialect === undefined ? undefined : dialectOf(connection, ports),
    answers: [],
    publications: [],
    receipts: [],
    ended: connection.ended,
    ordered,
    greeting: false,
    subscriptions: undefined,
  };
}

/** Queues an answer; a connection that is lost hears none. */
export function answer(session: Session, reply: Reply): void {
  if (session.ended === 'lost') return;
  const dialect = session.dialect ?? session.ports.plain;
  if (reply.type === 'connected') session.greeting = true;
  session.answers.push(dialect.encode(reply, session.connection.version));
}

/**
 * Tells the client its fault. What it did before is published first; if the error ends the
 * connection, its subscriptions are gone before it reads so.
 */
export async function refuse(
  session: Session,
  error: BrokerError,
  receipt?: string,
): Promise<void> {
  const { ports, connection } = session;
  if (session.publications.length > 0) await publishPending(session);
  const ends = error.fatal || (session.dialect?.endsOnError ?? false);
  if (ends) await endConnection(connection.id, 'refused', ports);
  answer(session, { type: 'error', error, ...(receipt === undefined ? {} : { receipt }) });
  // Of one that is lost the rest is not done either: it would stand behind a hole.
  if (ends && session.ended !== 'left') session.ended = 'refused';
}

/**
 * Posts the answers that wait, then what was published behind them; the receipts of those SENDs
 * become answers, for they may be told only now.
 */
export async function publishPending(session: Session): Promise<void> {
  const { answers, publications, receipts, connection, dialect } = session;
  session.answers = [];
  session.publications = [];
  session.receipts = [];
  session.greeting = false;
  const spoken = dialect === undefined ? connection : { ...connection, dialect: dialect.name };
  const mine = answers.length === 0 ? undefined : { connection: spoken, texts: answers };
  await session.turn.flush(mine, publications);
  for (const receipt of receipts) answer(session, { type: 'receipt', receipt });
}

/** Posts all that waits, receipts included. */
export async function flush(session: Session): Promise<void> {
  while (session.answers.length > 0 || session.publications.length > 0) {
    await publishPending(session);
  }
}
