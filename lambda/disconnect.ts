/**
 * `$disconnect`: the end of a connection, best effort: it may come late or never. Through the queue
 * it takes its place behind the messages that were sent before it.
 */
import { endConnection } from '../broker/ending.ts';
import type { Ingress, Ports } from '../broker/ports.ts';
import type { DisconnectEvent, RouteResult } from './events.ts';

/** With `ingress` the event is queued; without one, or if queueing fails, it is handled at once. */
export function disconnectHandler(
  ports: Ports,
  ingress?: Ingress,
): (event: DisconnectEvent) => Promise<RouteResult> {
  return async ({ requestContext }) => {
    const { connectionId, requestId, requestTimeEpoch } = requestContext;
    // A client may name a route in its JSON; what happened is told by the event's type alone.
    if (requestContext.eventType !== 'DISCONNECT') return { statusCode: 400 };
    const { disconnectStatusCode: code, disconnectReason: reason } = requestContext;
    ports.log.info('disconnected', { connectionId, code, reason });
    try {
      if (ingress !== undefined) {
        await ingress.send({
          connectionId,
          eventType: 'DISCONNECT',
          requestId,
          messageId: requestId,
          requestTimeEpoch,
          body: new Uint8Array(0),
        });
        return { statusCode: 200 };
      }
    } catch (cause) {
      ports.log.error('disconnect-not-queued', cause, { connectionId });
    }
    try {
      await lose(connectionId, requestTimeEpoch, ports);
    } catch (cause) {
      // Expiry and the next failed post finish what is left.
      ports.log.error('disconnect-failed', cause, { connectionId });
    }
    return { statusCode: 200 };
  };
}

/** As the message handler does it whom the queue brings the event. */
async function lose(connectionId: string, epoch: number, ports: Ports): Promise<void> {
  const found = ports.detours === undefined ? undefined : await ports.store.find(connectionId);
  const detour = found && ports.detours?.get(found.connection.carrier);
  if (found === undefined || detour === undefined) {
    return endConnection(connectionId, 'lost', ports);
  }
  const id = `lost-${connectionId}`;
  const payload = new Uint8Array(0);
  const event = { event: 'lost', connectionId, payload, epoch, sequence: id } as const;
  return detour(found.connection, [{ ...event, messageId: id, repeated: false }]);
}
