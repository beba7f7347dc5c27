/**
 * A strict API Gateway WebSocket API in one process: stricter than AWS where AWS is vague, never
 * laxer. An upgrade waits for `$connect`; messages go to their route; whichever side ends it,
 * `$disconnect` follows once. It owns no port: `upgrade` is given the requests of a server.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Log } from '../broker/ports.ts';
import { type Deadlines, deadlines } from './deadlines.ts';
import { dispatcher, gatewayWords, type Jitter, type Routes } from './dispatch.ts';
import { requestIds } from './events.ts';
import { farewell } from './farewell.ts';
import { type Faults, faultDice } from './faults.ts';
import { textFrames } from './frames.ts';
import { GATEWAY_LIMITS, type GatewayLimits, tokenBucket } from './limits.ts';
import { faultyManagement, type Management, managementOf } from './management.ts';
import { open, webSocketServer } from './opening.ts';
import type { ClientSocket, SocketListener } from './socket.ts';
import type { World } from './world.ts';

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
  /** Destroys every socket that is left, whatever it was about to say. */
  cut(): void;
}

export function startGateway(options: GatewayOptions): Gateway {
  const limits: GatewayLimits = { ...GATEWAY_LIMITS, ...options.limits };
  const now = (): number => options.clock.now();
  const timeouts = deadlines(limits.integrationMilliseconds, now);
  const admit = tokenBucket(limits.requestsPerSecond, limits.requestsBurst, now);
  const world = makeWorld(options, limits, { timeouts, admit });
  const strict = managementOf({ connections: world.connections, limits, now, admit });
  const listener = listen(world, options.jitter, { timeouts, admit });
  const timer = setInterval(() => sweep(world, timeouts), limits.sweepMilliseconds);
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
    cut: () => {
      for (const socket of world.pending) socket.destroy();
      for (const connection of [...world.connections.values(), ...world.leaving]) connection.cut();
    },
  };
}

interface Gauges {
  readonly timeouts: Deadlines;
  /** Takes one of the account's requests; false when they are used up. */
  readonly admit: () => boolean;
}

function makeWorld(
  options: GatewayOptions,
  limits: GatewayLimits,
  { timeouts, admit }: Gauges,
): World {
  const { routes, clock, log } = options;
  const { connectsPerSecond } = limits;
  const connects = tokenBucket(connectsPerSecond, connectsPerSecond, () => clock.now());
  const chosen = new WeakMap<IncomingMessage, string>();
  return {
    routes,
    clock,
    log,
    limits,
    place: {
      stage: options.stage ?? 'ws',
      apiId: 'local',
      domainName: options.domainName ?? '127.0.0.1',
    },
    connections: new Map(),
    pending: new Set(),
    leaving: new Set(),
    within: timeouts.within,
    newId: requestIds(),
    dice: options.faults === undefined ? undefined : faultDice(options.faults),
    server: webSocketServer(limits, chosen),
    chosen,
    endings: new Set(),
    admitConnect: () => connects() && admit(),
    closing: false,
  };
}

function listen(
  world: World,
  jitter: Jitter | undefined,
  { timeouts, admit }: Gauges,
): SocketListener {
  // Who floods us and takes nothing hears nothing: words must not fill the memory.
  const say = (connection: ClientSocket, text: string): void => {
    const { clientBufferBytesMax, frameBytesMax } = world.limits;
    if (connection.live && connection.bufferedBytes <= clientBufferBytesMax) {
      connection.write(textFrames(Buffer.from(text), frameBytesMax));
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
    newId,
    say,
  });
  return {
    message: (connection, body) => {
      const at = now();
      connection.lastActiveAt = at;
      if (admit()) dispatch(connection, body, at);
      else say(connection, gatewayWords('Too Many Requests', connection, newId()));
    },
    ping: (connection) => {
      connection.lastActiveAt = now();
    },
    ended: (connection) => void world.leaving.delete(connection),
    closed: (connection, code, reason) => {
      world.connections.delete(connection.peer.connectionId);
      world.leaving.add(connection);
      farewell(world, connection.peer, code, reason);
    },
  };
}

function sweep(world: World, timeouts: Deadlines): void {
  timeouts.sweep();
  const now = world.clock.now();
  for (const connection of world.connections.values()) {
    const idle = now - connection.lastActiveAt >= world.limits.idleMilliseconds;
    const old = now - connection.peer.connectedAt >= world.limits.lifeMilliseconds;
    if (idle || old) connection.close(1001, 'Going away');
  }
}
