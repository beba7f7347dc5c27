/**
 * One connection's events within one invocation, in order. The record is read once, half frames are
 * put together, commands are executed one after the other; SENDs that follow each other are
 * published as one batch, and answers leave with the posts they must precede.
 *
 * Whatever a client did before its fault is done; whatever comes after an ERROR that ends the
 * connection is not. A repeat of the same events (a retried invocation) has the same message-ids and
 * changes no record twice.
 */
import { dismiss } from './dismiss.ts';
import { endConnection } from './ending.ts';
import { BrokerError } from './errors.ts';
import { execute } from './execute.ts';
import type { Connection, Decoded, Half, Stamp } from './model.ts';
import type { Found, Inbound, Ports } from './ports.ts';
import { flush, openSession, type Place, refuse, type Session } from './session.ts';
import type { Turn } from './turn.ts';

export interface ConversationOptions {
  readonly ports: Ports;
  readonly turn: Turn;
  /** False under direct ingress, where the pieces of a frame may overtake each other. */
  readonly splitFrames: boolean;
  /** Connections known here to be in the midst of a frame: a line end of theirs is no heart-beat. */
  readonly halves: Set<string>;
  /** Asked between events; true once the invocation's deadline for this connection has passed. */
  readonly expired: () => boolean;
}

/** Handles `events`, all of one connection, in order. Throws only for faults of ours. */
export async function converse(
  events: readonly Inbound[],
  options: ConversationOptions,
): Promise<void> {
  const { ports, halves } = options;
  const connectionId = events[0]?.connectionId;
  if (connectionId === undefined) return;
  if (!halves.has(connectionId) && events.every(isBeat)) return;
  const found = await ports.store.find(connectionId);
  if (found === undefined) return ports.outbox.close(connectionId);
  const detour = ports.detours?.get(found.connection.carrier);
  if (detour !== undefined) return detour(found.connection, events);
  if (found.connection.ended !== undefined && found.connection.ended !== 'lost') {
    // Only after a crash may the close that follows the tombstone be missing.
    if (events.some(({ repeated }) => repeated)) await ports.outbox.close(connectionId);
    return;
  }
  const session = openSession(found.connection, {
    ports,
    turn: options.turn,
    ordered: options.splitFrames,
  });
  const due = dueOf(events, found, ports);
  let half = found.half?.bytes.length === 0 ? undefined : found.half;
  for (const event of due) {
    if (session.ended !== undefined && session.ended !== 'lost') break;
    if (options.expired()) throw new Error('the deadline of this invocation has passed');
    half = await handle(event, half, session, options);
  }
  await flush(session);
  await keep(half, found.half, due, session);
  if (session.ended === 'refused' || session.ended === 'left') {
    halves.delete(connectionId);
    await dismiss(session.connection, ports);
  } else if (events.some((event) => isAfterEnd(event, found.connection, ports))) {
    // The gateway has it still: its client must come back instead of hearing nothing.
    await ports.outbox.close(connectionId);
  }
}

function dueOf(events: readonly Inbound[], found: Found, ports: Ports): readonly Inbound[] {
  if (found.half === undefined && found.connection.ended === undefined) return events;
  return events.filter((event) => isDue(event, found, ports));
}

/** What was sent up to the stamp of what was kept is done, answers and all: a crash brings it again. */
function isDue(event: Inbound, { connection, half }: Found, ports: Ports): boolean {
  const after = half === undefined || stampOf(event, 0) > half.stamp;
  return after && !isAfterEnd(event, connection, ports);
}

/** Whether a connection that counts as lost goes on speaking, which SENDs under way do not. */
function isAfterEnd({ event, epoch }: Inbound, connection: Connection, { limits }: Ports): boolean {
  if (connection.ended !== 'lost' || event !== 'message') return false;
  const endedAt = connection.expiresAt - limits.tombstoneSeconds * 1000;
  return epoch > endedAt + limits.clockSkewMilliseconds;
}

/** Nothing but line ends: a heart-beat, unless half a frame waits for it. */
function isBeat({ event, payload }: Inbound): boolean {
  if (event !== 'message' || payload.length > 8) return false;
  return payload.every((octet) => octet === 10 || octet === 13);
}

/** Returns the half frame that now waits. */
async function handle(
  event: Inbound,
  half: Half | undefined,
  session: Session,
  options: ConversationOptions,
): Promise<Half | undefined> {
  if (event.event === 'lost') {
    await flush(session);
    options.halves.delete(event.connectionId);
    await endConnection(event.connectionId, 'lost', session.ports);
    session.ended ??= 'lost';
    return undefined;
  }
  const late = lateness(event, session);
  if (late !== undefined) {
    await refuse(session, late);
    return undefined;
  }
  let waiting = half;
  let frame = 0;
  for (const text of unwrap(event, session)) {
    if (text instanceof BrokerError) {
      await refuse(session, text);
      return undefined;
    }
    const bytes = waiting === undefined ? text : Buffer.concat([waiting.bytes, text]);
    const decoded = decode(bytes, session);
    for (const command of decoded.commands) {
      if (session.ended === 'refused' || session.ended === 'left') return undefined;
      const waits = execute(command, session, placeOf(event, frame++));
      if (waits !== undefined) await waits;
    }
    if (decoded.half !== undefined && session.ended === undefined) {
      waiting = await rest(decoded.half, waiting, event, session, options);
    } else {
      options.halves.delete(event.connectionId);
      waiting = undefined;
    }
  }
  return waiting;
}

function unwrap({ payload }: Inbound, session: Session): readonly (Uint8Array | BrokerError)[] {
  try {
    return session.carrier.unwrap(payload);
  } catch (cause) {
    if (cause instanceof BrokerError) return [cause];
    throw cause;
  }
}

function decode(bytes: Uint8Array, session: Session): Decoded {
  if (session.dialect === undefined) {
    const detected = session.ports.detect(bytes);
    if (detected instanceof BrokerError)
      return { commands: [{ type: 'refused', error: detected }] };
    session.dialect = detected;
  }
  return session.dialect.decode(bytes, session.connection.version);
}

/** What is left of a frame, unless it is too much or too late. */
async function rest(
  bytes: Uint8Array,
  waiting: Half | undefined,
  event: Inbound,
  session: Session,
  { halves, splitFrames }: ConversationOptions,
): Promise<Half | undefined> {
  const { limits } = session.ports;
  const { id } = session.connection;
  const grown = waiting !== undefined && bytes.length > waiting.bytes.length;
  const half: Half = {
    bytes: bytes.slice(),
    since: grown ? waiting.since : event.epoch,
    pieces: grown ? waiting.pieces + 1 : 1,
    stamp: stampOf(event, 0),
  };
  const wrong = splitFrames ? overdue(half, event, session) : unsplit();
  if (wrong !== undefined) {
    await refuse(session, wrong);
    return undefined;
  }
  remember(halves, id, limits.halvesRememberedMax);
  return half;
}

/** The oldest goes: connections that ended elsewhere are never taken out. */
function remember(halves: Set<string>, id: string, most: number): void {
  halves.delete(id);
  halves.add(id);
  const [oldest] = halves;
  if (halves.size > most && oldest !== undefined) halves.delete(oldest);
}

/**
 * Stores the half frame that waits now, in place of the one before, under the stamp of the last
 * event: it is the last thing done, so a record says which events need not be done again. None in
 * place of one is an empty one, which says so too. Nothing waited and nothing waits: costs nothing.
 */
async function keep(
  half: Half | undefined,
  before: Half | undefined,
  events: readonly Inbound[],
  { ended, connection, ports }: Session,
): Promise<void> {
  const last = events.at(-1);
  const waited = before !== undefined && before.bytes.length > 0;
  if (last === undefined || ended !== undefined || (half === undefined && !waited)) return;
  const stamp = stampOf(last, 0);
  const none = { bytes: new Uint8Array(0), since: last.epoch, pieces: 0 };
  await ports.store.keepHalf(connection.id, { ...(half ?? none), stamp }, stamp);
}

function overdue(half: Half, event: Inbound, session: Session): BrokerError | undefined {
  const { halfBytesMax, halfPiecesMax, halfSecondsMax } = session.ports.limits;
  if (half.bytes.length > halfBytesMax || half.pieces > halfPiecesMax) {
    return new BrokerError(
      'frame-too-large',
      'The frame never ends',
      `A frame ends with a NUL octet; split over messages it may have ${halfBytesMax} octets in at most ${halfPiecesMax} pieces.`,
    );
  }
  if (event.epoch - half.since <= halfSecondsMax * 1000) return undefined;
  return new BrokerError(
    'protocol-violation',
    'The rest of the frame came too late',
    `A frame split over messages must be whole within ${halfSecondsMax} seconds.`,
  );
}

function unsplit(): BrokerError {
  return new BrokerError(
    'protocol-violation',
    'The frame is not whole',
    'This broker runs with direct ingress, which keeps no order between messages: send each frame whole in one message, ended by a NUL octet.',
  );
}

function lateness({ epoch, repeated }: Inbound, session: Session): BrokerError | undefined {
  const { clock, limits } = session.ports;
  if (repeated || clock.now() - epoch <= limits.backlogSecondsMax * 1000) return undefined;
  return new BrokerError(
    'rate-limited',
    'Messages come faster than they can be handled',
    `This connection is more than ${limits.backlogSecondsMax} seconds behind; connect again and send more slowly.`,
    [['retry-after', '1']],
  );
}

function placeOf(event: Inbound, frame: number): Place {
  const { epoch, messageId, repeated } = event;
  return {
    epoch,
    repeated,
    stamp: stampOf(event, frame),
    messageId: `${timeOf(epoch).brief}-${plain(messageId)}-${frame.toString(36)}`,
  };
}

let time = { epoch: 0, brief: '0', padded: '0000000000000' };

/** Written out once for all events of a millisecond: it takes longer than all else of an id. */
function timeOf(epoch: number): typeof time {
  if (epoch !== time.epoch) {
    time = { epoch, brief: epoch.toString(36), padded: String(epoch).padStart(13, '0') };
  }
  return time;
}

function stampOf({ epoch, sequence }: Inbound, frame: number): Stamp {
  // Joined, it is one flat text; put together otherwise, whoever keeps it keeps its parts as well.
  const place = frame === 0 ? '0000' : String(frame).padStart(4, '0');
  return [timeOf(epoch).padded, sequence, place].join('-');
}

/** The gateway's ids are base64; message-ids keep to letters, digits and `-`. */
function plain(id: string): string {
  let text = '';
  let from = 0;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (isPlain(code)) continue;
    text += `${id.slice(from, at)}-${code.toString(36)}`;
    from = at + 1;
  }
  return text + id.slice(from);
}

function isPlain(code: number): boolean {
  if (code < 58) return code > 47;
  return code < 91 ? code > 64 : code > 96 && code < 123;
}
