/**
 * Going on with a lost connection (Socket.IO: "connection state recovery"): the new one takes its
 * session, its rooms, and what was said there meanwhile. All or nothing: it is told so only if each
 * room's history shows what was missed, whole.
 *
 * What the client heard last says where it stands in one room. In its other rooms that is known only
 * if nothing was said there while it was a member, for then all it has missed came after its leave;
 * with anything else in doubt it is not gone on with.
 */
import { parseDestination } from './destination.ts';
import { endConnection } from './ending.ts';
import { BrokerError, internalError } from './errors.ts';
import type { ConnectCommand, Position, Principal } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import {
  type RecoveryRecord,
  readRecord,
  readStays,
  type Stay,
  writeRecord,
} from './recovery-record.ts';
import type { Place, Session } from './session.ts';
import { subscribe } from './subscribe.ts';

/** Longer than any that is given out: two random ids. A store's keys have an end. */
const PID_LENGTH_MAX = 200;

/** What the new connection takes over. */
export interface Recovered {
  readonly session: string;
  readonly pid: string;
  readonly rooms: readonly { readonly stay: Stay; readonly from: Position }[];
}

/** Undefined: it begins anew. A connection that nobody knew to be lost is ended for it. */
export async function recoverable(
  { recover }: ConnectCommand,
  principal: Principal | undefined,
  { connection, ports }: Session,
): Promise<Recovered | undefined> {
  const { logs } = ports;
  if (recover === undefined || logs === undefined) return undefined;
  if (recover.pid.length > PID_LENGTH_MAX) return undefined;
  const session = recover.pid.slice(0, recover.pid.indexOf('.'));
  const mine = (record: RecoveryRecord | undefined): record is RecoveryRecord =>
    record?.pid === recover.pid && record.user === principal?.user;
  const record = await readRecord(session, logs);
  if (!mine(record)) return undefined;
  // A repeat of this very CONNECT: all is done.
  if (record.connectionId === connection.id) return { session, pid: record.pid, rooms: [] };
  const old = record.connectionId;
  let stays = await readStays(session, old, logs);
  if (stays === undefined) {
    await endConnection(old, 'lost', ports);
    await ports.outbox.close(old);
    stays = await readStays(session, old, logs);
  }
  const rooms = await roomsOf(stays, positionOf(recover.offset), ports, logs);
  return rooms && { session, pid: record.pid, rooms };
}

async function roomsOf(
  stays: readonly Stay[] | undefined,
  heard: Position | undefined,
  ports: Ports,
  logs: Logs,
): Promise<Recovered['rooms'] | undefined> {
  const rooms: { stay: Stay; from: Position }[] = [];
  for (const stay of stays ?? []) {
    const from = startOf(stay, heard);
    if (from === undefined || !(await isKept(stay, from, ports, logs))) return undefined;
    rooms.push({ stay, from });
  }
  return stays === undefined ? undefined : rooms;
}

/** Up to where the client has surely heard all of the room, and surely nothing behind it. */
function startOf({ joined, left }: Stay, heard: Position | undefined): Position | undefined {
  if (heard?.epoch === left.epoch) return heard;
  return joined?.epoch === left.epoch && joined.seq === left.seq ? left : undefined;
}

/** Whether history has what was missed, as far as it has been kept yet. */
async function isKept(stay: Stay, from: Position, ports: Ports, logs: Logs): Promise<boolean> {
  const { limits, clock } = ports;
  const destination = parseDestination(stay.destination, limits);
  const head = await logs.journal.head(destination.canonical);
  const { historyCount, historySeconds } = logs.policies(destination);
  const missed = (head?.seq ?? 0) - from.seq;
  if (head?.epoch !== from.epoch || missed < 0) return false;
  if (missed > Math.min(historyCount, limits.replayMax)) return false;
  const range = { after: from.seq, upTo: head.seq, most: limits.replayMax };
  const kept =
    missed === 0 ? [] : await logs.journal.history(destination.canonical, head.epoch, range);
  const oldest = clock.now() - historySeconds * 1000;
  return kept.every(({ seq, at }, index) => seq === from.seq + 1 + index && at > oldest);
}

function positionOf(offset: string | undefined): Position | undefined {
  const [, epoch, seq] = /^([0-9a-z]{1,32}):(\d{1,15})$/.exec(offset ?? '') ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) };
}

/** Where the dialect recovers and logs are kept: the secret by which this connection may be. */
export async function offerRecovery(
  back: Pick<RecoveryRecord, 'pid'> | undefined,
  { connection, dialect, ports }: Session,
): Promise<string | undefined> {
  const { logs, ids, limits } = ports;
  const { session } = connection;
  if (!dialect?.recovers || logs === undefined || session === undefined) return undefined;
  if (back !== undefined) return back.pid;
  const pid = `${session}.${ids.random()}`;
  const user = connection.principal?.user;
  const record = { pid, connectionId: connection.id, ...(user === undefined ? {} : { user }) };
  const expiresAt = connection.expiresAt + limits.recoverySeconds * 1000;
  await writeRecord(session, record, expiresAt, logs);
  return pid;
}

/** What was offered before: another conversation on the same connection changes nothing of it. */
export async function standingRecovery({
  connection,
  ports,
}: Session): Promise<RecoveryRecord | undefined> {
  return ports.logs && readRecord(connection.session ?? '', ports.logs);
}

/** Behind the answer to its CONNECT. What cannot be taken over after all ends the connection. */
export async function rejoin(back: Recovered, session: Session, place: Place): Promise<void> {
  const { ports, connection } = session;
  try {
    for (const { stay, from } of back.rooms) {
      const { id, destination } = stay;
      const command = { type: 'subscribe', id, destination, ack: 'auto', headers: [] } as const;
      await subscribe({ ...command, resume: from }, session, place);
    }
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    throw internalError();
  }
  const user = connection.principal?.user;
  const record = { pid: back.pid, connectionId: connection.id };
  const expiresAt = connection.expiresAt + ports.limits.recoverySeconds * 1000;
  if (ports.logs === undefined) return;
  await writeRecord(back.session, { ...record, ...(user && { user }) }, expiresAt, ports.logs);
}
