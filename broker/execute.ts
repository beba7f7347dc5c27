/**
 * What each command does: one switch, nothing else knows them all. A client's fault thrown on the
 * way becomes its ERROR here, in one place.
 */
import { acknowledge } from './acknowledge.ts';
import { keepAnswer } from './answers.ts';
import { send } from './application.ts';
import { anonymous, dismissal, recognised, refreshed, shownBy } from './authenticate.ts';
import { consult } from './consult.ts';
import { endConnection } from './ending.ts';
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Command, ConnectCommand, DisconnectCommand, Principal } from './model.ts';
import type { Waits } from './publish.ts';
import { assertRate, crowded, hasRoom } from './rates.ts';
import { offerRecovery, recoverable, rejoin, standingRecovery } from './recovery.ts';
import type { RecoveryRecord } from './recovery-record.ts';
import { answer, type Place, publishPending, refuse, type Session } from './session.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { acknowledgeInside, sendInside, transact } from './transaction.ts';

/**
 * Executes one command, at once where there is nobody to wait for. Answers are queued in the session;
 * throws, or rejects, only for faults of ours.
 */
export function execute(command: Command, session: Session, place: Place): Waits {
  const told = (cause: unknown): Promise<void> => {
    if (!(cause instanceof BrokerError)) throw cause;
    return refuse(session, cause, command.receipt);
  };
  try {
    return begin(command, session, place)?.catch(told);
  } catch (cause) {
    return told(cause);
  }
}

function begin(command: Command, session: Session, place: Place): Waits {
  if (command.type === 'connect' || command.type === 'refused') return act(command, session, place);
  if (session.connection.version !== undefined) return standing(command, session, place);
  return imply(session, place).then(() => standing(command, session, place));
}

/** Whoever was let in once may have been shut out since. */
function standing(command: Command, session: Session, place: Place): Waits {
  const judged = (error: BrokerError | undefined): Waits => {
    if (error !== undefined) throw error;
    return paid(command, session, place);
  };
  const error = dismissal(session.connection, session.ports);
  return error instanceof Promise ? error.then(judged) : judged(error);
}

function paid(command: Command, session: Session, place: Place): Waits {
  const bytes = command.type === 'send' ? command.body.length : 0;
  assertRate(session, { bytes, place });
  return act(command, session, place);
}

function act(command: Command, session: Session, place: Place): Waits {
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
      if (command.part !== undefined) return partly(command.part, session, place);
      return disconnect(session, command.receipt);
    case 'ack':
    case 'nack':
      if (command.transaction === undefined) return acknowledge(command, session, place);
      return acknowledgeInside(command, command.transaction, session, place);
    case 'begin':
    case 'commit':
    case 'abort':
      return transact(command, session, place);
    case 'answered':
      return keepAnswer(command, session);
    case 'refused':
      throw command.error;
    default:
      return command satisfies never;
  }
}

async function connect(command: ConnectCommand, session: Session, place: Place): Promise<void> {
  const { connection, ports, dialect } = session;
  const { also, version } = command;
  if (isDone(session, place)) {
    await greet(command, await standingRecovery(session), session);
    return confirm(command.receipt, session);
  }
  const again = connection.version !== undefined && connection.stamp !== place.stamp;
  if (also !== undefined && !(again && version === connection.version)) {
    return alongside(command, session, place);
  }
  if (again) {
    if (await refresh(command, session, place)) return;
    throw new BrokerError(
      dialect?.connectsOnce ? 'envelope-malformed' : 'protocol-violation',
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
  const name = clientId(command, ports.limits);
  const principal = await principalOf(shownBy(command), session);
  await consult('connect', { headers: command.headers, principal }, session, place);
  const back = await recoverable(command, principal, session);
  await establish(command.version, session, place, { name, principal, known: back?.session });
  await greet(command, back, session);
  if (back !== undefined) await rejoin(back, session, place);
  confirm(command.receipt, session);
}

/** `back`: what it goes on by. */
async function greet(
  { also, heartBeat }: ConnectCommand,
  back: Pick<RecoveryRecord, 'pid'> | undefined,
  session: Session,
): Promise<void> {
  const { connection, ports } = session;
  const pid = session.ended === undefined ? await offerRecovery(back, session) : undefined;
  const beats = also === undefined && (heartBeat?.[0] ?? 0) > 0;
  answer(session, {
    type: 'connected',
    version: connection.version ?? '',
    session: connection.session ?? '',
    heartBeat: [0, beats ? ports.limits.heartBeatMilliseconds : 0],
    server: ports.server,
    headers: [
      also === undefined ? ['reconnect-after', String(reconnectAfter(session))] : ['also', also],
      ...(pid === undefined ? [] : [['pid', pid] as const]),
    ],
  });
}

function confirm(receipt: string | undefined, session: Session): void {
  if (receipt !== undefined) answer(session, { type: 'receipt', receipt });
}

/** Whether an attempt before this one did it, and what came behind it: only its answers may be missing. */
function isDone({ connection }: Session, { repeated, stamp }: Place): boolean {
  return repeated && connection.version !== undefined && stamp < connection.stamp;
}

/** A fresh token on a live connection; false: this CONNECT is no such thing. */
async function refresh(command: ConnectCommand, session: Session, place: Place): Promise<boolean> {
  const { connection, ports } = session;
  const { identity, revocations } = ports;
  if (identity === undefined) return false;
  const principal = await refreshed(command, connection, { identity, revocations });
  if (principal === undefined) return false;
  const outcome = await ports.store.update(connection.id, { principal }, place.stamp);
  if (outcome !== 'done') {
    session.ended = 'lost';
    return true;
  }
  session.connection = { ...connection, principal, stamp: place.stamp };
  await ports.directory?.enter(session.connection);
  confirm(command.receipt, session);
  return true;
}

/** Shown now, or at `$connect`, or nobody in particular. Undefined where nobody is asked. */
async function principalOf(
  credentials: ReturnType<typeof shownBy>,
  { connection, ports }: Session,
): Promise<Principal | undefined> {
  const { identity, revocations } = ports;
  if (identity === undefined) return undefined;
  if (credentials !== undefined) {
    const principal = await recognised(credentials, { identity, revocations });
    const known = connection.principal?.user === principal.user;
    if (known || (await hasRoom(principal.user, ports))) return principal;
    throw crowded();
  }
  return connection.principal ?? anonymous(identity);
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
  const version = session.dialect?.impliedVersion;
  if (version === undefined) {
    throw new BrokerError(
      'not-connected',
      'This connection has not connected',
      'Send CONNECT first and wait for CONNECTED.',
    );
  }
  const principal = await principalOf(undefined, session);
  await consult('connect', { headers: [], principal }, session, place);
  await establish(version, session, place, { name: undefined, principal });
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
  {
    name,
    principal,
    known: before,
  }: {
    readonly name?: string | undefined;
    readonly principal?: Principal | undefined;
    readonly known?: string | undefined;
  },
): Promise<void> {
  const { connection, ports, dialect } = session;
  if (session.ended !== undefined) return;
  const known = connection.session ?? before ?? ports.ids.random();
  const change = {
    version,
    session: known,
    member: memberOf(name, principal, known),
    ...(principal === undefined ? {} : { principal }),
    ...(dialect ? { dialect: dialect.name } : {}),
  };
  const outcome = await ports.store.update(connection.id, change, place.stamp);
  if (outcome !== 'done') {
    session.ended = 'lost';
    return;
  }
  session.connection = Object.assign({}, connection, change, { stamp: place.stamp });
  await ports.directory?.enter(session.connection);
}

/**
 * Where somebody is recognised his user is his name. Guests may call themselves what they like: the
 * `~` before it, which no user's name has, tells them from those who are somebody.
 */
function memberOf(
  name: string | undefined,
  principal: Principal | undefined,
  session: string,
): string {
  if (principal === undefined) return name ?? session;
  return principal.user ?? (name === undefined ? session : `~${name}`);
}

/** Another conversation begins on this connection: who it is of is known. */
async function alongside(command: ConnectCommand, session: Session, place: Place): Promise<void> {
  const { version = '' } = command;
  if (session.ended !== undefined || !(await speak(version, session, place))) return;
  await greet(command, await standingRecovery(session), session);
}

/** One of several ends: what was asked for in it, and no more. */
async function partly(
  { version, prefixes }: NonNullable<DisconnectCommand['part']>,
  session: Session,
  place: Place,
): Promise<void> {
  if (session.publications.length > 0) await publishPending(session);
  const { store } = session.ports;
  const { id: connectionId } = session.connection;
  for (const { id } of await store.subscriptions(connectionId)) {
    if (!prefixes.some((prefix) => id.startsWith(prefix))) continue;
    await unsubscribe({ type: 'unsubscribe', id, headers: [] }, session, place);
  }
  // Who leaves of his own accord begins anew: the secret that he knows is none any more.
  const { dialect } = session;
  if (prefixes.some((one) => dialect?.recovers?.(one))) await offerRecovery(undefined, session);
  await speak(version, session, place);
}

/** False: it is over. */
async function speak(version: string, session: Session, place: Place): Promise<boolean> {
  if (isDone(session, place)) return true;
  const { connection, ports } = session;
  const outcome = await ports.store.update(connection.id, { version }, place.stamp);
  if (outcome === 'done') session.connection = { ...connection, version, stamp: place.stamp };
  else session.ended = 'lost';
  return outcome === 'done';
}

async function disconnect(session: Session, receipt: string | undefined): Promise<void> {
  if (session.publications.length > 0) await publishPending(session);
  await endConnection(session.connection.id, 'left', session.ports);
  confirm(receipt, session);
  session.ended ??= 'left';
}
