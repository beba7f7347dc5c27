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
      await endConnection(connectionId, 'lost', ports);
    } catch (cause) {
      // Expiry and the next failed post finish what is left.
      ports.log.error('disconnect-failed', cause, { connectionId });
    }
    return { statusCode: 200 };
  };
}
