/**
 * `$connect`: admits a connection by writing its record, and settles the sub-protocol. Nothing can
 * be posted yet: the client has its 101 only once this has answered.
 */
import { isRevoked } from '../broker/authenticate.ts';
import type { Connection, Principal } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { hasRoom } from '../broker/rates.ts';
import { chooseSubprotocol } from '../protocol/negotiate.ts';
import { credentialsOf, isForeign, type Shown } from './credentials.ts';
import { type EngineDoor, UPGRADE } from './engineio-socket.ts';
import type { ConnectEvent, RouteResult } from './events.ts';
import type { Greeting } from './greet.ts';

/** Has the greeting sent by another invocation, once this one has answered. */
export interface Greeter {
  greet(greeting: Greeting): Promise<void>;
}

type Needed = Pick<
  Ports,
  'store' | 'limits' | 'log' | 'identity' | 'revocations' | 'directory' | 'origins' | 'rates'
>;

/**
 * 200 admits; 400 for a sub-protocol unknown here, 401 for a token that is no good, 403 for a page of
 * another origin, 500 if the record could not be written. Whoever shows no token is let in to CONNECT.
 */
export function connectHandler(
  ports: Needed,
  greeter?: Greeter,
  engine?: EngineDoor,
): (event: ConnectEvent) => Promise<RouteResult> {
  return async (event) => {
    const { connectionId, connectedAt, requestTimeEpoch, requestId } = event.requestContext;
    if (event.requestContext.eventType !== 'CONNECT') return MISROUTED;
    const headers = lowerCased(event);
    const chosen = chooseSubprotocol(headers['sec-websocket-protocol']);
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
      const admitted = await admission(event, headers, ports, engine);
      if ('statusCode' in admitted) return admitted;
      const connection: Connection = {
        id: connectionId,
        carrier: framed ? 'sockjs' : 'raw',
        ...(spoken ? { dialect: spoken.dialect } : {}),
        connectedAt,
        expiresAt: connectedAt + ports.limits.connectionSecondsMax * 1000,
        ...admitted,
        stamp: `${String(requestTimeEpoch).padStart(13, '0')}-`,
      };
      await ports.store.open(connection);
      // A socket that is the way into a session shows no identity of its own.
      if (connection.carrier !== UPGRADE) await ports.directory?.enter(connection);
      await welcome(connection, greeter);
    } catch (cause) {
      ports.log.error('connect-failed', cause, { connectionId, requestId });
      return { statusCode: 500, body: 'The broker cannot take connections now.\n' };
    }
    if (spoken === undefined) return { statusCode: 200 };
    return { statusCode: 200, headers: { 'Sec-WebSocket-Protocol': spoken.protocol } };
  };
}

/** Those that wait for the first word. */
async function welcome({ id, carrier }: Connection, greeter: Greeter | undefined): Promise<void> {
  if (carrier === 'sockjs') await greeter?.greet({ connectionId: id });
  if (carrier === 'engineio') await greeter?.greet({ connectionId: id, engine: true });
}

/** A client may name a route in its JSON; what happened is told by the event's type alone. */
const MISROUTED: RouteResult = { statusCode: 400, body: 'This route takes connections.\n' };

const FOREIGN: RouteResult = {
  statusCode: 403,
  body: 'Pages of this origin may not connect here.\n',
};

const CROWDED: RouteResult = {
  statusCode: 429,
  headers: { 'Retry-After': '1' },
  body: 'This user has too many connections. Close some of them.\n',
};

const UNAUTHENTICATED: RouteResult = {
  statusCode: 401,
  body: 'The token is not accepted. Connect again with a valid one.\n',
};

type Admitted = Pick<Connection, 'principal' | 'dialect' | 'session'> & {
  readonly carrier?: string;
};

/** Whoever the token is of, if one was shown; or the refusal. */
async function admission(
  event: ConnectEvent,
  headers: Readonly<Record<string, string>>,
  ports: Needed,
  engine: EngineDoor | undefined,
): Promise<RouteResult | Admitted> {
  const { queryStringParameters: query = {} } = event;
  if (isForeign(headers, ports)) return FOREIGN;
  const wired = await engine?.(event);
  if (wired !== undefined && 'statusCode' in wired) return wired;
  const { revocations } = ports;
  const principal = await principalOf(event, { headers, query }, ports);
  if (principal === undefined) return { ...wired };
  if (typeof principal === 'string') return UNAUTHENTICATED;
  const revoked = await revocations?.current();
  if (revoked !== undefined && isRevoked(principal, revoked)) return UNAUTHENTICATED;
  if (!(await hasRoom(principal.user, ports))) return CROWDED;
  return { ...wired, principal };
}

/** Where handshakes are signed the signature alone counts: it may stand where tokens do. */
async function principalOf(
  { requestContext }: ConnectEvent,
  shown: Pick<Shown, 'headers' | 'query'>,
  ports: Needed,
): Promise<Principal | 'refused' | 'expired' | undefined> {
  const { identity } = ports;
  if (identity?.signed !== undefined) return identity.signed(requestContext.identity);
  const { sourceIp } = requestContext.identity;
  const credentials = credentialsOf({ event: 'handshake', sourceIp, ...shown }, ports);
  return credentials && identity?.authenticate(credentials);
}

/** The gateway keeps the client's spelling of header names. */
function lowerCased({ headers }: ConnectEvent): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
