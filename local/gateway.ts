/**
 * A strict API Gateway WebSocket API in one process: stricter than AWS where AWS is vague, never
 * laxer. An upgrade waits for `$connect`; messages go to their route; whichever side ends it,
 * `$disconnect` follows once. It owns no port: `upgrade` is given the requests of a server.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock, Log } from '../broker/ports.ts';
import type { RouteResult } from '../lambda/events.ts';
import { deadlines } from './deadlines.ts';
import { dispatcher, gatewayWords, type Jitter, type Routes } from './dispatch.ts';
import {
  connectEvent,
  disconnectEvent,
  newConnectionId,
  type Peer,
  type Place,
  peerOf,
  requestIds,
} from './events.ts';
import { type FaultDice, type Faults, faultDice } from './faults.ts';
import { textFrames } from './frames.ts';
import { handshakeFault, headerOf, isToken, refuse } from './handshake.ts';
import { GATEWAY_LIMITS, type GatewayLimits, tokenBucket } from './limits.ts';
import { faultyManagement, type Management, managementOf } from './management.ts';
import { ClientSocket, type SocketListener } from './socket.ts';

export interface GatewayOptions {
  readonly routes: Routes;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<GatewayLimits>;
  /** First path segment of the URL; `ws` if not given. */
  readonly stage?: string;
  readonly domainName?: string;
  readonly jitter?: Jitter;
  readonly faults?: Faults;
}

export interface Gateway {
  readonly stage: string;
  readonly limits: GatewayLimits;
  readonly management: Management;
  /** Takes over the socket of an `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Open connections. */
  size(): number;
  /** Closes every connection with 1001 and waits for their `$disconnect` handlers. */
  close(): Promise<void>;
}

interface World extends Required<Pick<GatewayOptions, 'routes' | 'clock' | 'log'>> {
  readonly limits: GatewayLimits;
  readonly place: Place;
  readonly connections: Map<string, ClientSocket>;
  readonly within: <T>(work: Promise<T>) => Promise<T>;
  readonly newId: () => string;
  readonly dice: FaultDice | undefined;
  readonly server: WebSocketServer;
  /** The sub-protocol a handshake will be answered with. */
  readonly chosen: WeakMap<IncomingMessage, string>;
  /** `$disconnect` handlers under way or yet to start. */
  readonly endings: Set<Promise<void>>;
  readonly admitConnect: () => boolean;
  closing: boolean;
}

export function startGateway(options: GatewayOptions): Gateway {
  const limits: GatewayLimits = { ...GATEWAY_LIMITS, ...options.limits };
  const now = (): number => options.clock.now();
  const timeouts = deadlines(limits.integrationMilliseconds, now);
  const admit = tokenBucket(limits.requestsPerSecond, limits.requestsBurst, now);
  const connects = tokenBucket(limits.connectsPerSecond, limits.connectsPerSecond, now);
  const chosen = new WeakMap<IncomingMessage, string>();
  const world: World = {
    routes: options.routes,
    clock: options.clock,
    log: options.log,
    limits,
    place: {
      stage: options.stage ?? 'ws',
      apiId: 'local',
      domainName: options.domainName ?? '127.0.0.1',
    },
    connections: new Map(),
    within: timeouts.within,
    newId: requestIds(),
    dice: options.faults === undefined ? undefined : faultDice(options.faults),
    server: webSocketServer(limits, chosen),
    chosen,
    endings: new Set(),
    admitConnect: () => connects() && admit(),
    closing: false,
  };
  const strict = managementOf({ connections: world.connections, limits, now, admit });
  const listener = listen(world, options.jitter, timeouts, admit);
  const timer = setInterval(() => sweep(world, timeouts.sweep), limits.sweepMilliseconds);
  timer.unref();
  return {
    stage: world.place.stage,
    limits,
    management: world.dice === undefined ? strict : faultyManagement(strict, world.dice),
    upgrade: (request, socket, head) => void open(world, listener, { request, socket, head }),
    size: () => world.connections.size,
    close: async () => {
      world.closing = true;
      clearInterval(timer);
      for (const connection of [...world.connections.values()]) {
        connection.close(1001, 'Going away');
      }
      await Promise.all(world.endings);
    },
  };
}

function webSocketServer(
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

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

/** From the `upgrade` event to the 101 or the refusal. */
async function open(world: World, listener: SocketListener, upgrade: Upgrade): Promise<void> {
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
  const result = await admit(world, request, peer);
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

function listen(
  world: World,
  jitter: Jitter | undefined,
  timeouts: ReturnType<typeof deadlines>,
  admitRequest: () => boolean,
): SocketListener {
  const say = (connection: ClientSocket, text: string): void => {
    if (connection.live) {
      connection.write(textFrames(Buffer.from(text), world.limits.frameBytesMax));
    }
  };
  const now = (): number => world.clock.now();
  const { routes, place, dice, log, newId } = world;
  const dispatch = dispatcher({
    routes,
    place,
    deadlines: timeouts,
    dice,
    jitter,
    log,
    now,
    newId,
    say,
  });
  return {
    message: (connection, body) => {
      connection.lastActiveAt = now();
      if (admitRequest()) dispatch(connection, body);
      else say(connection, gatewayWords('Too Many Requests', connection, newId()));
    },
    ping: (connection) => {
      if (world.limits.pingsAreActivity) connection.lastActiveAt = now();
    },
    closed: (connection, code, reason) => {
      world.connections.delete(connection.peer.connectionId);
      farewell(world, connection.peer, code, reason);
    },
  };
}

/** `$disconnect`: best effort, once, unless a fault loses it. */
function farewell(world: World, peer: Peer, code: number, reason: string): void {
  const handler = world.routes.disconnect;
  const { dice } = world;
  if (handler === undefined || dice?.happens(dice.faults.disconnectLost)) return;
  const run = async (): Promise<void> => {
    const late = dice?.delay(dice.faults.disconnectMilliseconds) ?? 0;
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
    const at = { requestId: world.newId(), requestTimeEpoch: world.clock.now(), code, reason };
    try {
      await world.within(handler(disconnectEvent(world.place, peer, at)));
    } catch (cause) {
      world.log.error('gateway.disconnect', cause, { requestId: at.requestId });
    }
  };
  const ending: Promise<void> = run().finally(() => world.endings.delete(ending));
  world.endings.add(ending);
}

function sweep(world: World, expire: () => void): void {
  expire();
  const now = world.clock.now();
  for (const connection of world.connections.values()) {
    const idle = now - connection.lastActiveAt >= world.limits.idleMilliseconds;
    const old = now - connection.peer.connectedAt >= world.limits.lifeMilliseconds;
    if (idle || old) connection.close(1001, 'Going away');
  }
}
