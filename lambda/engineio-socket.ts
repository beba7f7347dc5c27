/**
 * Engine.IO over a WebSocket of the gateway. A client that begins with one is a connection like any
 * other. A client that has polled before brings its `sid`: its socket is no connection of its own but
 * the way into the session it had. It is probed, becomes the session's receiver, posts what waits,
 * and opens the gate (`Gates`); what it hears goes to the session through the same ingress, behind
 * what was posted before. So nothing is lost, doubled or overtaken by the change.
 */
import { sessionConnectionId } from '../broker/address.ts';
import { endConnection } from '../broker/ending.ts';
import type { Connection } from '../broker/model.ts';
import type { Detour, Gates, Inbound, Ingress, Mailboxes, Ports } from '../broker/ports.ts';
import { engineFaultText, readEngineRequest } from '../protocol/engineio/request.ts';
import { engineSessionName } from './engineio-sessions.ts';
import type { ConnectEvent, RouteResult } from './events.ts';

/** The carrier of a socket that is the way into a session. */
export const UPGRADE = 'engineio-upgrade';

/** What a handshake makes of a connection; undefined: it is not for Engine.IO. */
export type EngineDoor = (
  event: ConnectEvent,
) => Promise<Pick<Connection, 'carrier' | 'dialect' | 'session'> | RouteResult | undefined>;

export function engineDoor(mailboxes: Pick<Mailboxes, 'find'>): EngineDoor {
  return async ({ queryStringParameters: query = {} }) => {
    if (query['EIO'] === undefined && query['p'] !== 'eio') return undefined;
    const defined = Object.entries(query).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    );
    const asked = readEngineRequest(new URLSearchParams(defined), 'GET', true);
    if (typeof asked === 'string') return { statusCode: 400, body: engineFaultText(asked) };
    if (asked.sid === undefined) return { carrier: 'engineio', dialect: 'socketio' };
    const session = engineSessionName(asked.sid);
    const mailbox = await mailboxes.find(session);
    if (mailbox === undefined || mailbox.closed !== undefined) {
      return { statusCode: 400, body: engineFaultText('session') };
    }
    if (mailbox.socket !== undefined) return { statusCode: 400, body: engineFaultText('request') };
    return { carrier: UPGRADE, session };
  };
}

/**
 * Ports whose conversations know of such sockets. `ingressOf` is asked once, for the ingress of the
 * sessions: with direct ingress that is the message handler on the very ports it is given.
 */
export function withUpgrades(
  ports: Ports,
  mailboxes: Mailboxes & Gates,
  ingressOf: (ports: Ports) => Ingress,
): Ports {
  const detours = new Map<string, Detour>();
  const all = { ...ports, detours };
  detours.set(UPGRADE, engineDetour(all, mailboxes, ingressOf(all)));
  return all;
}

interface World {
  readonly ports: Pick<Ports, 'store' | 'outbox' | 'clock' | 'timer' | 'limits' | 'log' | 'logs'>;
  readonly mailboxes: Mailboxes & Gates;
  readonly ingress: Ingress;
}

interface Wire extends World {
  readonly connection: Connection;
  readonly session: string;
}

/** `ports` are those whose `detours` hold this. */
function engineDetour(ports: Ports, mailboxes: Mailboxes & Gates, ingress: Ingress): Detour {
  return async (connection, events) => {
    const session = connection.session ?? '';
    const wire: Wire = { ports, mailboxes, ingress, connection, session };
    for (const event of events) {
      if (event.event === 'lost') {
        await lost(wire, ports);
        return;
      }
      if (connection.ended !== undefined) return;
      if (!(await hear(event, wire))) {
        await ports.outbox.close(connection.id);
        return;
      }
    }
  };
}

/** False: the socket is of no use, and its client polls on. */
async function hear(event: Inbound, wire: Wire): Promise<boolean> {
  const { mailboxes, session, connection, ports } = wire;
  const { payload } = event;
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
  const mailbox = await mailboxes.find(session);
  if (mailbox === undefined || mailbox.closed !== undefined) return false;
  if (text === '2probe') return mailbox.socket === undefined && (await probe(wire, mailbox));
  if (mailbox.socket === undefined) {
    if (ports.clock.now() > (mailbox.probedUntil ?? 0)) return false;
    // Whatever comes on a probed socket is said behind the change: `5` may come later, or not.
    const mine = event.repeated || (await claim(wire));
    if (!(await (mine ? takeOver(wire) : takenOver(wire)))) return false;
  } else if (mailbox.socket !== connection.id) return false;
  if (text !== '5' && text !== '3') await forward(event, mailbox.connectionId, wire);
  return true;
}

async function probe(wire: Wire, { connectionId }: { connectionId: string }): Promise<boolean> {
  const { mailboxes, session, ports } = wire;
  const until = ports.clock.now() + ports.limits.engineUpgradeSeconds * 1000;
  if (!(await mailboxes.probe(session, until))) return false;
  if (!(await post(['3probe'], wire))) return false;
  // Lets the poll go that waits; those that follow are short.
  await mailboxes.append(connectionId, [Buffer.from('6')]);
  return true;
}

/**
 * True for one of the messages that come side by side with direct ingress: two that took over at once
 * could each post what the other has overtaken. Who claimed and died comes again as a repeat.
 */
async function claim({ mailboxes, connection, ports }: Wire): Promise<boolean> {
  const name = `u.${connection.id}`;
  const until = ports.clock.now() + CLAIM_SECONDS * 1000;
  const lease = { receiver: name, until, expiresAt: until };
  return (await mailboxes.open(name, sessionConnectionId(name, '0'), lease)) === 'opened';
}

/** Longer than any upgrade takes. */
const CLAIM_SECONDS = 60;

/** Waits for the one that claimed; false: it has not come to its end. */
async function takenOver({ mailboxes, session, connection, ports }: Wire): Promise<boolean> {
  const end = ports.clock.now() + ports.limits.engineTakeOverSeconds * 1000;
  for (;;) {
    if ((await mailboxes.find(session))?.socket === connection.id) return true;
    if (ports.clock.now() > end) return false;
    await ports.timer.sleep(ports.limits.engineTakeOverMilliseconds);
  }
}

async function takeOver(wire: Wire): Promise<boolean> {
  const { mailboxes, session, connection, ports } = wire;
  const receiver = connection.id;
  const { expiresAt } = connection;
  const end = ports.clock.now() + ports.limits.engineTakeOverSeconds * 1000;
  const lease = { receiver, until: expiresAt, expiresAt };
  while ((await mailboxes.receive(session, lease)) === 'busy') {
    if (ports.clock.now() > end) return false;
    await ports.timer.sleep(ports.limits.engineTakeOverMilliseconds);
  }
  for (;;) {
    const taken = await mailboxes.take(session, receiver);
    if (taken === 'lost' || taken.closed !== undefined) return false;
    const posts = taken.posts.filter((one) => !isNoop(one));
    if (posts.length > 0 && !(await post(posts, wire))) return false;
    const outcome = await mailboxes.move(session, receiver);
    if (outcome !== 'waiting') return outcome === 'moved';
  }
}

function isNoop(packet: Uint8Array): boolean {
  return packet.length === 1 && packet[0] === 0x36;
}

async function post(texts: readonly (string | Uint8Array)[], wire: Wire): Promise<boolean> {
  const { id: connectionId, connectedAt } = wire.connection;
  const posts = texts.map((text) => (typeof text === 'string' ? Buffer.from(text) : text));
  const [outcome] = await wire.ports.outbox.post([{ connectionId, connectedAt, posts }]);
  return outcome === 'sent';
}

/** The gateway's ids go along, so that a repeat is one for the queue as well. */
function forward(
  { epoch, messageId, payload }: Inbound,
  connectionId: string,
  { ingress }: Wire,
): Promise<void> {
  return ingress.send({
    connectionId,
    eventType: 'MESSAGE',
    requestId: messageId,
    messageId,
    requestTimeEpoch: epoch,
    body: payload,
  });
}

/** With the socket a session is over that had changed over to it; one that had not polls on. */
async function lost(
  { mailboxes, session, connection, ingress }: Wire,
  ports: Ports,
): Promise<void> {
  await endConnection(connection.id, 'lost', ports);
  const mailbox = await mailboxes.find(session);
  if (mailbox?.socket !== connection.id) return;
  const { connectionId } = mailbox;
  await mailboxes.close(connectionId, { code: 1001, reason: 'Gone' }, ports.clock.now());
  await ingress.send({
    connectionId,
    eventType: 'DISCONNECT',
    requestId: `lost-${connectionId}`,
    messageId: `lost-${connectionId}`,
    requestTimeEpoch: ports.clock.now(),
    body: new Uint8Array(0),
  });
}
