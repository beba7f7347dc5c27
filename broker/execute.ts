/**
 * What each command does: one switch, nothing else knows them all. A client's fault thrown on the
 * way becomes its ERROR here, in one place.
 */
import { acknowledge } from './acknowledge.ts';
import { endConnection } from './ending.ts';
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Command, ConnectCommand } from './model.ts';
import { send } from './publish.ts';
import { answer, type Place, publishPending, refuse, type Session } from './session.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { acknowledgeInside, sendInside, transact } from './transaction.ts';

/** Executes one command. Answers are queued in the session; throws only for faults of ours. */
export async function execute(command: Command, session: Session, place: Place): Promise<void> {
  try {
    if (command.type !== 'connect' && command.type !== 'refused') await imply(session, place);
    await act(command, session, place);
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    await refuse(session, cause, command.receipt);
  }
}

async function act(command: Command, session: Session, place: Place): Promise<void> {
  switch (command.type) {
    case 'connect':
      return connect(command, session, place);
    case 'subscribe':
      return subscribe(command, session, place);
    case 'unsubscribe':
      return unsubscribe(command, session, place);
    case 'send':
      if (command.transaction === undefined) return send(command, session, place);
      return sendInside(command, command.transaction, session, place);
    case 'disconnect':
      return disconnect(session, command.receipt);
    case 'ack':
    case 'nack':
      if (command.transaction === undefined) return acknowledge(command, session);
      return acknowledgeInside(command, command.transaction, session, place);
    case 'begin':
    case 'commit':
    case 'abort':
      return transact(command, session, place);
    case 'refused':
      throw command.error;
    default:
      command satisfies never;
  }
}

async function connect(command: ConnectCommand, session: Session, place: Place): Promise<void> {
  const { connection, ports, dialect } = session;
  if (connection.version !== undefined && connection.stamp !== place.stamp) {
    throw new BrokerError(
      'protocol-violation',
      'This connection has connected already',
      'Send CONNECT once, as the first frame of a connection.',
    );
  }
  if (command.version === undefined) {
    const spoken = dialect?.versions.join(',') ?? '';
    throw new BrokerError(
      'version-unsupported',
      'None of the versions offered is spoken here',
      `Offer at least one of ${spoken} in accept-version.`,
      [['version', spoken]],
    );
  }
  await establish(command.version, session, place, clientId(command, ports.limits));
  const beats = (command.heartBeat?.[0] ?? 0) > 0;
  answer(session, {
    type: 'connected',
    version: command.version,
    session: session.connection.session ?? '',
    heartBeat: [0, beats ? ports.limits.heartBeatMilliseconds : 0],
    server: ports.server,
    headers: [['reconnect-after', String(reconnectAfter(session))]],
  });
  if (command.receipt !== undefined) {
    answer(session, { type: 'receipt', receipt: command.receipt });
  }
}

/**
 * Milliseconds after which the client should connect anew by itself: before the gateway's two hours
 * are over, and not all clients at once. Its place in the spread is read off its random session.
 */
function reconnectAfter({ connection, ports }: Session): number {
  const { connectionLifeSeconds, reconnectBeforeSeconds, reconnectSpreadSeconds } = ports.limits;
  const digits = (connection.session ?? '').replace(/[^0-9a-f]/g, '').slice(0, 8);
  const spread = (Number.parseInt(digits || '0', 16) / 0x1_0000_0000) * reconnectSpreadSeconds;
  const seconds = connectionLifeSeconds - reconnectBeforeSeconds - spread;
  const end = connection.connectedAt + Math.round(seconds * 1000);
  return Math.max(0, end - ports.clock.now());
}

/** Before its first command a connection either has connected, or its dialect needs no CONNECT. */
async function imply(session: Session, place: Place): Promise<void> {
  if (session.connection.version !== undefined) return;
  const version = session.dialect?.impliedVersion;
  if (version === undefined) {
    throw new BrokerError(
      'not-connected',
      'This connection has not connected',
      'Send CONNECT first and wait for CONNECTED.',
    );
  }
  await establish(version, session, place);
}

/** What the client calls itself in rooms; first of the header counts. */
function clientId({ headers }: ConnectCommand, limits: Limits): string | undefined {
  const id = headers.find(([name]) => name === 'client-id')?.[1];
  if (id === undefined || (id !== '' && Buffer.byteLength(id) <= limits.clientIdBytesMax))
    return id;
  throw new BrokerError(
    'header-malformed',
    'The client-id is empty or too long',
    `A client-id has 1 to ${limits.clientIdBytesMax} octets.`,
  );
}

async function establish(
  version: string,
  session: Session,
  place: Place,
  name?: string,
): Promise<void> {
  const { connection, ports, dialect } = session;
  if (session.ended !== undefined) return;
  const known = connection.session ?? ports.ids.random();
  const change = {
    version,
    session: known,
    member: name ?? known,
    ...(dialect ? { dialect: dialect.name } : {}),
  };
  const outcome = await ports.store.update(connection.id, change, place.stamp);
  if (outcome !== 'done') {
    session.ended = 'lost';
    return;
  }
  session.connection = { ...connection, ...change, stamp: place.stamp };
}

async function disconnect(session: Session, receipt: string | undefined): Promise<void> {
  if (session.publications.length > 0) await publishPending(session);
  await endConnection(session.connection.id, 'left', session.ports);
  if (receipt !== undefined) answer(session, { type: 'receipt', receipt });
  session.ended ??= 'left';
}
