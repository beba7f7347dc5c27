/**
 * How a connection begins: the upgrade is pending while `$connect` decides, then it is a WebSocket
 * or a plain HTTP refusal.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { RouteResult } from '../lambda/events.ts';
import { connectEvent, newConnectionId, type Peer, peerOf } from './events.ts';
import { farewell } from './farewell.ts';
import { handshakeFault, headerOf, isToken, refuse } from './handshake.ts';
import type { GatewayLimits } from './limits.ts';
import { ClientSocket, type SocketListener } from './socket.ts';
import type { World } from './world.ts';

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

/** From the `upgrade` event to the 101 or the refusal. */
export async function open(
  world: World,
  listener: SocketListener,
  upgrade: Upgrade,
): Promise<void> {
  const { request, socket } = upgrade;
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== `/${world.place.stage}` && path !== `/${world.place.stage}/`) {
    refuse(socket, 403, 'Forbidden');
    return;
  }
  const fault = handshakeFault(request);
  if (fault !== undefined) {
    refuse(socket, fault, 'This is no WebSocket handshake');
    return;
  }
  if (!world.admitConnect()) {
    refuse(socket, 429, 'Too Many Requests');
    return;
  }
  const peer = peerOf(request, newConnectionId(), world.clock.now());
  world.pending.add(socket);
  const result = await admit(world, request, peer);
  world.pending.delete(socket);
  if (result.statusCode < 200 || result.statusCode > 299) {
    refuse(socket, result.statusCode, result.body ?? 'Refused by $connect');
    return;
  }
  if (world.closing) {
    refuse(socket, 503, 'Going away');
    farewell(world, peer, 1001, 'Going away');
    return;
  }
  socket.removeListener('error', ignore);
  accept(world, listener, { ...upgrade, peer, result });
}

async function admit(world: World, request: IncomingMessage, peer: Peer): Promise<RouteResult> {
  const handler = world.routes.connect;
  if (handler === undefined) return { statusCode: 200 };
  const requestId = world.newId();
  const at = { requestId, requestTimeEpoch: peer.connectedAt };
  try {
    if (world.dice?.happens(world.dice.faults.invocationLost)) throw new Error('Invocation lost');
    const result = await world.within(handler(connectEvent(request, world.place, peer, at)));
    const protocol = headerOf(result.headers, 'sec-websocket-protocol');
    if (protocol !== undefined && !isToken(protocol)) throw new Error('No sub-protocol name');
    return result;
  } catch (cause) {
    world.log.error('gateway.connect', cause, { requestId });
    return { statusCode: world.limits.connectFaultStatus, body: 'Internal server error' };
  }
}

function accept(
  world: World,
  listener: SocketListener,
  admitted: Upgrade & { readonly peer: Peer; readonly result: RouteResult },
): void {
  const { request, socket, head, peer } = admitted;
  const protocol = headerOf(admitted.result.headers, 'sec-websocket-protocol');
  if (protocol !== undefined) world.chosen.set(request, protocol);
  let opened = false;
  world.server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
    opened = true;
    const connection = new ClientSocket(peer, { ws, socket }, world.limits, listener);
    world.connections.set(peer.connectionId, connection);
    // Chrome drops a connection whose offers were all passed over; so must lesser clients.
    const offered = request.headers['sec-websocket-protocol'] !== undefined;
    if (offered && protocol === undefined) connection.cut();
  });
  // The client left while `$connect` ran: it was admitted, so it is owed a `$disconnect`.
  if (!opened) farewell(world, peer, 1006, 'Connection Closed Abnormally');
}

/** `ws` does the handshake; `chosen` holds the sub-protocol each request is answered with. */
export function webSocketServer(
  limits: GatewayLimits,
  chosen: WeakMap<IncomingMessage, string>,
): WebSocketServer {
  // A value of its own because the published types do not know `closeTimeout` yet.
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytesMax,
    closeTimeout: limits.closeMilliseconds,
    handleProtocols: () => false as const,
  };
  const server = new WebSocketServer(options);
  server.on('headers', (headers, request) => {
    const protocol = chosen.get(request);
    if (protocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return server;
}
