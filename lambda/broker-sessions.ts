/**
 * The broker behind HTTP sessions. What a client sends by HTTP goes the way of what is sent over a
 * WebSocket: through ingress, grouped by connection, to the same handlers.
 */
import { endConnection } from '../broker/ending.ts';
import type { Ingress, Ports } from '../broker/ports.ts';
import { messagesFrame } from '../protocol/sockjs/frames.ts';
import type { MessageEvent, RequestContext } from './events.ts';
import type { SessionService } from './sessions.ts';

/** Texts in one ingress event: bounds the work of one invocation. */
const TEXTS_MAX = 250;

export function brokerSessions(ports: Ports, ingress: Ingress): SessionService {
  const { store, clock, ids, limits, log } = ports;
  return {
    async opened(connectionId) {
      const connectedAt = clock.now();
      const connection = {
        id: connectionId,
        carrier: 'sockjs',
        connectedAt,
        expiresAt: connectedAt + limits.connectionSecondsMax * 1000,
        stamp: `${String(connectedAt).padStart(13, '0')}-`,
      };
      await store.open(connection);
      await ports.directory?.enter(connection);
    },
    async heard(connectionId, texts) {
      for (const frame of grouped(texts, limits.messageBytesMax)) {
        // Message-ids derive from it: letters and digits stay as they are.
        const id = ids.random().replaceAll('-', '');
        await ingress.send({
          connectionId,
          eventType: 'MESSAGE',
          requestId: id,
          messageId: id,
          requestTimeEpoch: clock.now(),
          body: frame,
        });
      }
    },
    async lost(connectionId) {
      const found = await store.find(connectionId);
      if (found === undefined || found.connection.ended !== undefined) return;
      log.info('disconnected', { connectionId });
      try {
        await ingress.send({
          connectionId,
          eventType: 'DISCONNECT',
          // The same for a repeat, which the queue drops.
          requestId: `lost-${connectionId}`,
          messageId: `lost-${connectionId}`,
          requestTimeEpoch: clock.now(),
          body: new Uint8Array(0),
        });
      } catch (cause) {
        log.error('disconnect-not-queued', cause, { connectionId });
        await endConnection(connectionId, 'lost', ports);
      }
    },
  };
}

/** JSON arrays of at most so many octets; a text that is larger stands alone. */
function grouped(texts: readonly string[], bytesMax: number): readonly Uint8Array[] {
  const bodies: Uint8Array[] = [];
  let group: string[] = [];
  let bytes = 0;
  const flush = (): void => {
    // A frame without the letter before it is what a client sends.
    if (group.length > 0) bodies.push(Buffer.from(messagesFrame(group).slice(1)));
    group = [];
    bytes = 0;
  };
  for (const text of texts) {
    const more = Buffer.byteLength(JSON.stringify(text)) + 1;
    if (bytes + more > bytesMax || group.length >= TEXTS_MAX) flush();
    group.push(text);
    bytes += more;
  }
  flush();
  return bodies;
}

/** Ingress for those who hear of ends alone, and have no queue at hand. */
export function endingIngress(ports: Ports): Ingress {
  return {
    async send({ connectionId, eventType }) {
      if (eventType !== 'DISCONNECT') throw new Error(`no ${eventType} is expected here`);
      await endConnection(connectionId, 'lost', ports);
    },
  };
}

/**
 * Ingress without a queue: the message handler itself, called once for each event. `inOrder`: whoever
 * sends waits for the answer before he sends again, so that half a frame may wait for its rest.
 */
export function directIngress(
  message: (event: MessageEvent) => Promise<unknown>,
  ports: Ports,
  inOrder = false,
): Ingress {
  let sent = 0;
  return {
    async send({ connectionId, eventType, requestId, messageId, requestTimeEpoch, body }) {
      if (eventType === 'DISCONNECT') return endConnection(connectionId, 'lost', ports);
      const requestContext: RequestContext = {
        routeKey: '$default',
        eventType: 'MESSAGE',
        connectionId,
        connectedAt: requestTimeEpoch,
        requestTimeEpoch,
        requestId,
        // Two of one millisecond are told apart by it: the later has the greater.
        messageId: inOrder ? `${String(sent++).padStart(12, '0')}${messageId}` : messageId,
        stage: '',
        apiId: '',
        domainName: '',
        identity: { sourceIp: '' },
      };
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
      await message({ requestContext, body: text, isBase64Encoded: false, inOrder });
    },
  };
}
