/**
 * Transactions. What is sent and acknowledged inside one gathers on a shelf of its connection;
 * COMMIT appends it to all logs it concerns at once, or not at all. Messages of the direct lane are
 * posted after that. A COMMIT that is retried finds the logs changed already and goes on behind it,
 * with the same message-ids. What is never committed dies with its shelf.
 *
 * A batch that is given again brings its frames again. Stamps tell them: what is older than the open
 * transaction of its name, or than the end of the last one, has been done, and does nothing.
 *
 * On the shelf of a connection: `s…` open transactions by id · `e…` ended ones, so that a repeated
 * COMMIT or ABORT is known · `p…` what each holds. A transaction is over at a time that BEGIN sets,
 * and its pieces outlive it: it is never committed in part.
 */

import { noticesOf } from './acknowledge.ts';
import { entryOf, isLogged } from './append.ts';
import { decodeCell, encodeCell, number, text } from './cell.ts';
import { BrokerError } from './errors.ts';
import type { Notice, Publication } from './fanout.ts';
import type { AcknowledgeCommand, Entry, SendCommand, TransactionCommand } from './model.ts';
import type { Logs } from './ports.ts';
import { publicationOf } from './publish.ts';
import { answer, type Place, publishPending, type Session } from './session.ts';
import { decodePiece, encodePiece } from './transaction-pieces.ts';

interface State {
  readonly state: 'open' | 'committed' | 'aborted';
  /** Of BEGIN: pieces bear it, so that a new transaction of the same name has none of the old. */
  readonly began: string;
  /** Of COMMIT or ABORT. */
  readonly ended: string;
  readonly bytes: number;
  /** When it is over, ms, unless it has ended before. */
  readonly until: number;
}

export async function transact(
  command: TransactionCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const logs = ready(session);
  switch (command.type) {
    case 'begin':
      await begin(command.transaction, session, logs, place);
      break;
    case 'commit':
      await commit(command.transaction, session, logs, place);
      break;
    case 'abort':
      await abort(command.transaction, session, logs, place);
      break;
    default:
      command.type satisfies never;
  }
  if (command.receipt !== undefined) answer(session, { type: 'receipt', receipt: command.receipt });
}

/** A SEND inside a transaction: checked now, published with COMMIT. */
export async function sendInside(
  command: SendCommand,
  transaction: string,
  session: Session,
  place: Place,
): Promise<void> {
  const publication = await publicationOf(command, session, place);
  await gather([publication], transaction, session, place);
  if (command.receipt !== undefined) answer(session, { type: 'receipt', receipt: command.receipt });
}

export async function acknowledgeInside(
  command: AcknowledgeCommand,
  transaction: string,
  session: Session,
  place: Place,
): Promise<void> {
  await gather(await noticesOf(command, session, place), transaction, session, place);
  if (command.receipt !== undefined) answer(session, { type: 'receipt', receipt: command.receipt });
}

async function begin(name: string, session: Session, logs: Logs, { stamp }: Place): Promise<void> {
  const { clock, limits } = session.ports;
  const states = await openOnes(session, logs);
  const known = states.get(name);
  if (known !== undefined) {
    if (known.began >= stamp) return;
    throw new BrokerError(
      'transaction-exists',
      'A transaction of this id is open',
      'COMMIT or ABORT it first, or give the new one another id.',
    );
  }
  const most = limits.transactionsPerConnectionMax;
  if (states.size >= most) {
    throw new BrokerError(
      'transaction-too-large',
      `A connection may have ${most} open transactions`,
      'COMMIT or ABORT one of them first.',
    );
  }
  const until = clock.now() + limits.transactionSecondsMax * 1000;
  const state: State = { state: 'open', began: stamp, ended: '', bytes: 0, until };
  await logs.shelf.write(shelfOf(session), [[`s${name}`, encodeCell(state)]], until);
}

async function commit(name: string, session: Session, logs: Logs, { stamp }: Place): Promise<void> {
  const known = await openOrEnded(name, stamp, session, logs);
  if (known === 'ended') return;
  // What the connection sent before it, outside, stands before it.
  if (session.publications.length > 0) await publishPending(session);
  const cells = await cellsOf(known.began, session, logs);
  const pieces = cells.map(([, cell]) => decodePiece(cell, session.ports.limits));
  const changes = byLog(pieces);
  if (changes.length > session.ports.limits.commitLogsMax) throw tooLarge(session);
  if (changes.length > 0) {
    await logs.journal.commit(changes, `${session.connection.id} ${known.began}`);
  }
  session.publications.push(...pieces.filter((one) => !isLogged(one)));
  if (session.publications.length > 0) await publishPending(session);
  await end(name, { ...known, state: 'committed', ended: stamp }, cells, session, logs);
}

async function abort(name: string, session: Session, logs: Logs, { stamp }: Place): Promise<void> {
  const known = await openOrEnded(name, stamp, session, logs);
  if (known === 'ended') return;
  const cells = await cellsOf(known.began, session, logs);
  await end(name, { ...known, state: 'aborted', ended: stamp }, cells, session, logs);
}

/** Entries in the order they were sent, by the log they concern. */
function byLog(pieces: readonly (Publication | Notice)[]) {
  const logs = new Map<string, Entry[]>();
  for (const piece of pieces.filter(isLogged)) {
    const { canonical } = piece.destination;
    const entries = logs.get(canonical);
    if (entries === undefined) logs.set(canonical, [entryOf(piece)]);
    else entries.push(entryOf(piece));
  }
  return [...logs].map(([destination, entries]) => ({ destination, entries }));
}

async function gather(
  pieces: readonly (Publication | Notice)[],
  name: string,
  session: Session,
  { stamp }: Place,
): Promise<void> {
  const logs = ready(session);
  const known = await openOrEnded(name, stamp, session, logs);
  if (known === 'ended') return;
  const { limits } = session.ports;
  const cells = pieces.map(encodePiece);
  const bytes = known.bytes + cells.reduce((sum, cell) => sum + cell.length, 0);
  if (bytes > limits.transactionTotalBytesMax) throw tooLarge(session);
  await logs.shelf.write(
    shelfOf(session),
    cells.map((cell, index) => [`p${known.began} ${stamp} ${index}`, cell] as const),
    known.until + limits.transactionSecondsMax * 1000,
  );
  const state: State = { ...known, bytes };
  await logs.shelf.write(shelfOf(session), [[`s${name}`, encodeCell(state)]], known.until);
}

async function openOnes(session: Session, logs: Logs): Promise<ReadonlyMap<string, State>> {
  const most = session.ports.limits.transactionsPerConnectionMax;
  const cells = await logs.shelf.read(shelfOf(session), { from: 's', to: 't', most });
  return new Map(cells.map(([key, cell]) => [key.slice(1), decodeState(cell)]));
}

async function stateAt(key: string, session: Session, logs: Logs): Promise<State | undefined> {
  const range = { from: key, to: `${key}\0`, most: 1 };
  const [cell] = await logs.shelf.read(shelfOf(session), range);
  return cell === undefined ? undefined : decodeState(cell[1]);
}

/**
 * The open transaction that a command of this stamp is of; `ended`: that one has ended, by this very
 * command or a later one, so the command is a repeat. Throws if there is none.
 */
async function openOrEnded(
  name: string,
  stamp: string,
  session: Session,
  logs: Logs,
): Promise<State | 'ended'> {
  const open = await stateAt(`s${name}`, session, logs);
  if (open !== undefined) return open.began > stamp ? 'ended' : open;
  const over = await stateAt(`e${name}`, session, logs);
  if (over !== undefined && over.ended >= stamp) return 'ended';
  throw unknown(name);
}

type Cells = Awaited<ReturnType<Logs['shelf']['read']>>;

async function cellsOf(began: string, session: Session, logs: Logs): Promise<Cells> {
  const most = session.ports.limits.transactionTotalBytesMax;
  return logs.shelf.read(shelfOf(session), { from: `p${began} `, to: `p${began}!`, most });
}

/** That it has ended is known before it is open no more: whoever dies between ends it again. */
async function end(
  name: string,
  state: State,
  pieces: Cells,
  session: Session,
  { shelf }: Logs,
): Promise<void> {
  const { clock, limits } = session.ports;
  const expiresAt = clock.now() + limits.transactionSecondsMax * 1000;
  await shelf.write(shelfOf(session), [[`e${name}`, encodeCell(state)]], expiresAt);
  const gone = pieces.map(([key]) => [key, undefined] as const);
  await shelf.write(shelfOf(session), [[`s${name}`, undefined], ...gone], expiresAt);
}

function decodeState(bytes: Uint8Array): State {
  const cell = decodeCell(bytes);
  const state = text(cell, 'state');
  if (state !== 'open' && state !== 'committed' && state !== 'aborted') {
    throw new Error(`no transaction is ${state}`);
  }
  const [began, ended] = [text(cell, 'began'), text(cell, 'ended')];
  return { state, began, ended, bytes: number(cell, 'bytes'), until: number(cell, 'until') };
}

function shelfOf({ connection }: Session): string {
  return `transactions of ${connection.id}`;
}

function ready({ ports, ordered }: Session): Logs {
  if (ports.logs !== undefined && ordered) return ports.logs;
  throw new BrokerError(
    'not-supported',
    'Transactions are not served here',
    'This broker runs with direct ingress, which keeps no order between messages: what a transaction holds would be chance.',
  );
}

function unknown(name: string): BrokerError {
  return new BrokerError(
    'transaction-unknown',
    `No transaction ${name.length > 40 ? `${name.slice(0, 39)}…` : name} is open`,
    'BEGIN it on this connection; it ends with COMMIT, ABORT, its connection, or ten minutes.',
  );
}

function tooLarge({ ports }: Session): BrokerError {
  const { transactionTotalBytesMax, commitLogsMax } = ports.limits;
  return new BrokerError(
    'transaction-too-large',
    'The transaction is too large',
    `One transaction holds ${transactionTotalBytesMax} octets for at most ${commitLogsMax} destinations; split it.`,
  );
}
