/**
 * `$connect`: admits a connection by writing its record, and settles the sub-protocol. Nothing can
 * be posted yet: the client has its 101 only once this has answered.
 */
import type { Ports } from '../broker/ports.ts';
import { chooseSubprotocol } from '../protocol/negotiate.ts';
import type { ConnectEvent, RouteResult } from './events.ts';
import type { Greeting } from './greet.ts';

/** Has the greeting sent by another invocation, once this one has answered. */
export interface Greeter {
  greet(greeting: Greeting): Promise<void>;
}

/** 200 admits; 400 for a sub-protocol unknown here, 500 if the record could not be written. */
export function connectHandler(
  ports: Pick<Ports, 'store' | 'limits' | 'log'>,
  greeter?: Greeter,
): (event: ConnectEvent) => Promise<RouteResult> {
  return async (event) => {
    const { connectionId, connectedAt, requestTimeEpoch, requestId } = event.requestContext;
    if (event.requestContext.eventType !== 'CONNECT') return MISROUTED;
    const chosen = chooseSubprotocol(header(event, 'sec-websocket-protocol'));
    if (chosen === 'none-known') {
      return {
        statusCode: 400,
        body: 'None of the sub-protocols offered is spoken here. Offer v12.stomp, v11.stomp, v10.stomp or json.stompway, or none.\n',
      };
    }
    const spoken = chosen === 'none-offered' ? undefined : chosen;
    // The front door turns a SockJS path into this query, since the gateway has no paths.
    const framed = greeter !== undefined && event.queryStringParameters?.['p'] === 'sockjs';
    try {
      await ports.store.open({
        id: connectionId,
        carrier: framed ? 'sockjs' : 'raw',
        ...(spoken ? { dialect: spoken.dialect } : {}),
        connectedAt,
        expiresAt: connectedAt + ports.limits.connectionSecondsMax * 1000,
        stamp: `${String(requestTimeEpoch).padStart(13, '0')}-`,
      });
      if (framed) await greeter.greet({ connectionId });
    } catch (cause) {
      ports.log.error('connect-failed', cause, { connectionId, requestId });
      return { statusCode: 500, body: 'The broker cannot take connections now.\n' };
    }
    if (spoken === undefined) return { statusCode: 200 };
    return { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': spoken.protocol } };
  };
}

/** A client may name a route in its JSON; what happened is told by the event's type alone. */
const MISROUTED: RouteResult = { statusCode: 400, body: 'This route takes connections.\n' };

/** The gateway keeps the client's spelling of header names. */
function header({ headers }: ConnectEvent, name: string): string | undefined {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
