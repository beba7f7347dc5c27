/**
 * What is kept of a connection that may be gone on with: under its session's name, at first who may
 * ask for it, and once it is lost, where in the log of each of its rooms that was told; beside it
 * where it joined each. Cells of a shelf: one write at CONNECT, one at each join, one at the loss.
 */
import { cellOf, number, optionalText, text } from './cell.ts';
import type { Connection, Position, Subscription } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import { placeOf } from './slice.ts';

/** So many shelves share the load: a partition takes 1,000 writes a second. */
const SHELVES = 16;

function shelfOf(session: string): string {
  return `recovery ${placeOf(session) % SHELVES}`;
}

/** Sessions that may be gone on with, and the connection each had last: over by now, perhaps. */
export async function* knownSessions(
  { shelf }: Logs,
  most: number,
): AsyncGenerator<{ readonly session: string; readonly connectionId: string }> {
  for (let index = 0; index < SHELVES; index++) {
    let from = '!';
    for (;;) {
      const cells = await shelf.read(`recovery ${index}`, { from, to: '~', most });
      for (const [session, value] of cells) {
        // The others are its joins.
        if (!session.includes(' ')) {
          yield { session, connectionId: recordOf(parsed(value)).connectionId };
        }
      }
      const last = cells.at(-1)?.[0];
      if (cells.length < most || last === undefined) break;
      from = `${last}\u0000`;
    }
  }
}

/** Subscriptions that stood when a connection was lost, and where each log says so. */
export type Places = readonly (readonly [subscription: Subscription, left: Position | undefined])[];

/** A room it was in: from where it heard all, if that is known, and where its leave was told. */
export interface Stay {
  readonly id: string;
  readonly destination: string;
  readonly joined?: Position;
  readonly left: Position;
}

export interface RecoveryRecord {
  /** Its secret: known to its client alone. */
  readonly pid: string;
  readonly connectionId: string;
  readonly user?: string;
}

/**
 * Of this connection, once it is lost: a cell of its own, so that whoever is late to tell of an old
 * loss changes nothing of the connection that has gone on since. Undefined: not yet, too long ago, or
 * never, for what it heard besides cannot be told again.
 */
export async function readStays(
  session: string,
  connectionId: string,
  logs: Logs,
): Promise<readonly Stay[] | undefined> {
  const value = await valueAt(session, lossKey(session, connectionId), logs);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new Error('a loss without its stays');
  return value.map(stayOf);
}

/** No subscription's id begins so. */
function lossKey(session: string, connectionId: string): string {
  return `${session} !${connectionId}`;
}

/** Of any text that a client shows: other cells than records have a space in their names. */
export async function readRecord(session: string, logs: Logs): Promise<RecoveryRecord | undefined> {
  if (session === '' || session.includes(' ')) return undefined;
  const value = await valueAt(session, session, logs);
  return value === undefined ? undefined : recordOf(value);
}

async function valueAt(session: string, from: string, { shelf }: Logs): Promise<unknown> {
  const [cell] = await shelf.read(shelfOf(session), { from, to: `${from} `, most: 1 });
  return cell && parsed(cell[1]);
}

/** `from`: all that was said in the room behind it was for the client. Undefined: who knows. */
export async function noteJoin(
  { session = '', expiresAt }: Connection,
  id: string,
  from: Position | undefined,
  { shelf }: Logs,
): Promise<void> {
  const value = encoded(from ?? null);
  await shelf.write(shelfOf(session), [[joinKey(session, id), value]], expiresAt);
}

/** Without effect where none was noted. */
export async function forgetJoin(
  { session = '' }: Connection,
  id: string,
  { shelf }: Logs,
): Promise<void> {
  await shelf.write(shelfOf(session), [[joinKey(session, id), undefined]], 0);
}

/** Behind the record's own key, and before that of any other. */
function joinKey(session: string, id: string): string {
  return `${session} ${id}`;
}

function encoded(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parsed({ buffer, byteOffset, byteLength }: Uint8Array): unknown {
  return JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());
}

function recordOf(value: unknown): RecoveryRecord {
  const cell = cellOf(value);
  const user = optionalText(cell, 'user');
  const [pid, connectionId] = [text(cell, 'pid'), text(cell, 'connectionId')];
  return { pid, connectionId, ...(user !== undefined && { user }) };
}

function stayOf(value: unknown): Stay {
  const cell = cellOf(value);
  const { joined, left } = cell.facts;
  const where = { id: text(cell, 'id'), destination: text(cell, 'destination') };
  return { ...where, left: positionOf(left), ...(joined ? { joined: positionOf(joined) } : {}) };
}

function positionOf(value: unknown): Position {
  const cell = cellOf(value);
  return { epoch: text(cell, 'epoch'), seq: number(cell, 'seq') };
}

export async function writeRecord(
  session: string,
  record: RecoveryRecord,
  expiresAt: number,
  logs: Logs,
): Promise<void> {
  await logs.shelf.write(shelfOf(session), [[session, encoded(record)]], expiresAt);
}

/** Best effort: without it the client is told that it cannot go on, and that is all. */
export async function noteLoss(
  connection: Connection,
  places: Places,
  ports: Ports,
  logs: Logs,
): Promise<void> {
  const { session, dialect = '', version, ended } = connection;
  if (session === undefined || version === undefined || ended !== undefined) return;
  const recovers = ports.dialects.get(dialect)?.recovers;
  if (recovers === undefined) return;
  try {
    const { clock, limits } = ports;
    const range = { from: session, to: `${session}!`, most: limits.subscriptionsPerConnectionMax };
    const cells = new Map(await logs.shelf.read(shelfOf(session), range));
    const known = cells.get(session);
    // Who has been gone on with already is another's by now.
    if (known === undefined || recordOf(parsed(known)).connectionId !== connection.id) return;
    // Whoever has ended it since has kept it before; its places were perhaps gone when they were read.
    const found = await ports.store.find(connection.id);
    if (found === undefined || found.connection.ended !== undefined) return;
    const joins = (id: string): Position | undefined => {
      const cell = cells.get(joinKey(session, id));
      const joined = cell && parsed(cell);
      return joined ? positionOf(joined) : undefined;
    };
    const mine = places.filter(([{ id }]) => recovers(id));
    const stays = mine.length > limits.recoveryRoomsMax ? undefined : staysOf(mine, joins);
    const expiresAt = clock.now() + limits.recoverySeconds * 1000;
    if (stays === undefined) return;
    const key = lossKey(session, connection.id);
    await logs.shelf.write(shelfOf(session), [[key, encoded(stays)]], expiresAt);
  } catch (cause) {
    ports.log.error('recovery-not-kept', cause, { connectionId: connection.id });
  }
}

/** Undefined: it has heard what no log could tell again. */
function staysOf(
  places: Places,
  joins: (id: string) => Position | undefined,
): readonly Stay[] | undefined {
  const stays: Stay[] = [];
  for (const [{ id, destination }, left] of places) {
    if (left === undefined || !destination.startsWith('/room/')) return undefined;
    const joined = joins(id);
    stays.push({ id, destination, left, ...(joined && { joined }) });
  }
  return stays;
}
