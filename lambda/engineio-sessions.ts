/** Socket.IO behind Engine.IO's sessions: what is posted goes through ingress, as from a WebSocket. */
import { sessionName } from '../broker/address.ts';
import type { Ingress, Ports } from '../broker/ports.ts';
import { openingText, SEPARATOR } from '../protocol/engineio/packet.ts';
import { brokerSessions } from './broker-sessions.ts';
import type { SessionService } from './sessions.ts';

/** The store's name of the session behind a `sid`. */
export function engineSessionName(sid: string): string {
  return sessionName('engineio', sid);
}

/** `heard` takes packets as they are written in a payload. */
export function engineSessions(ports: Ports, ingress: Ingress): SessionService {
  const { store, clock, ids, limits } = ports;
  return {
    ...brokerSessions(ports, ingress),
    async opened(connectionId) {
      const connectedAt = clock.now();
      const connection = {
        id: connectionId,
        carrier: 'engineio',
        dialect: 'socketio',
        connectedAt,
        expiresAt: connectedAt + limits.connectionSecondsMax * 1000,
        stamp: `${String(connectedAt).padStart(13, '0')}-`,
      };
      await store.open(connection);
      await ports.directory?.enter(connection);
      await beatLater(connectionId, ports);
    },
    async heard(connectionId, packets) {
      for (const payload of grouped(packets, limits.messageBytesMax)) {
        const id = ids.random().replaceAll('-', '');
        await ingress.send({
          connectionId,
          eventType: 'MESSAGE',
          requestId: id,
          messageId: id,
          requestTimeEpoch: clock.now(),
          body: Buffer.from(payload),
        });
      }
    },
  };
}

/** Packets in one ingress event: bounds the work of one invocation. */
const PACKETS_MAX = 250;

/** Payloads of at most so many octets; attachments are never parted from the packet before them. */
function grouped(packets: readonly string[], bytesMax: number): readonly string[] {
  const payloads: string[] = [];
  let group: string[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (group.length > 0) payloads.push(group.join(SEPARATOR));
    group = [];
    bytes = 0;
  };
  for (const whole of withAttachments(packets)) {
    const more = Buffer.byteLength(whole) + 1;
    if (bytes + more > bytesMax || group.length >= PACKETS_MAX) flush();
    group.push(whole);
    bytes += more;
  }
  flush();
  return payloads;
}

function withAttachments(packets: readonly string[]): readonly string[] {
  const wholes: string[] = [];
  for (const packet of packets) {
    const before = packet.startsWith('b') ? wholes.pop() : undefined;
    wholes.push(before === undefined ? packet : `${before}${SEPARATOR}${packet}`);
  }
  return wholes;
}

/** The open packet: on which terms a client is served. */
export function engineOpening(
  { limits }: Pick<Ports, 'limits'>,
  sid: string,
  upgrades: readonly 'websocket'[],
): string {
  return openingText({
    sid,
    upgrades,
    pingInterval: limits.enginePingSeconds * 1000,
    pingTimeout: limits.enginePongSeconds * 1000,
    maxPayload: limits.enginePayloadBytesMax,
  });
}

/** The sweep looks then whether it has connected, and pings it, then and from then on. */
export async function beatLater(
  connectionId: string,
  { logs, clock, limits }: Ports,
): Promise<void> {
  await logs?.checks.enroll(connectionId, clock.now() + limits.engineConnectSeconds * 1000);
}
