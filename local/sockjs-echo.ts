/**
 * The four services that the public SockJS protocol tests expect, on the carrier alone: neither
 * STOMP nor a broker is here. `npm run serve:sockjs-echo` runs it.
 */
import { memoryMailboxes } from '../adapters/memory/mailboxes.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import { makeSessions, type SessionService, type SessionWorld } from '../lambda/sessions.ts';
import { sockjsHandler } from '../lambda/sockjs.ts';
import { CLOSINGS, messagesFrame } from '../protocol/sockjs/frames.ts';
import { httpMount } from './http-mount.ts';
import { type Mount, startServer } from './server.ts';
import { echoSockets } from './sockjs-echo-socket.ts';

export interface EchoServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface EchoOptions {
  readonly port: number;
  readonly host?: string;
  /** Tests shorten them. */
  readonly limits?: Partial<Limits>;
}

/** The tests' own: a stream shall end after 4,096 octets. */
const STREAM_BYTES_MAX = 4096;
const CLIENT_URL = 'https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js';

interface Service {
  readonly prefix: string;
  readonly websocket: boolean;
  readonly cookieNeeded: boolean;
  readonly closes: boolean;
}

const PLAIN = { websocket: true, cookieNeeded: false, closes: false };

const SERVICES: readonly Service[] = [
  { ...PLAIN, prefix: '/echo' },
  { ...PLAIN, prefix: '/disabled_websocket_echo', websocket: false },
  { ...PLAIN, prefix: '/cookie_needed_echo', cookieNeeded: true },
  { ...PLAIN, prefix: '/close', closes: true },
];

export async function startSockjsEcho({ port, host, limits }: EchoOptions): Promise<EchoServer> {
  const log = consoleLog({ level: 'warn', write: console.error });
  const bounds = { ...LIMITS, streamBytesMax: STREAM_BYTES_MAX, ...limits };
  const clock = systemClock;
  const mailboxes = memoryMailboxes({ clock, limits: bounds });
  const world: SessionWorld = {
    mailboxes,
    clock,
    timer: systemTimer,
    ids: systemIds,
    limits: bounds,
    log,
  };
  const mounted = SERVICES.map((service) => mountOf(service, world));
  const server = await startServer({
    mounts: mounted.map(({ mount }) => mount),
    log,
    host: host ?? '127.0.0.1',
    port,
  });
  return {
    port: server.port,
    async close() {
      for (const { stop } of mounted) stop();
      await server.close(0);
    },
  };
}

function mountOf(service: Service, world: SessionWorld): { mount: Mount; stop(): void } {
  const { limits, mailboxes, clock } = world;
  const { prefix, closes, websocket, cookieNeeded } = service;
  const echo: SessionService = {
    async opened(connectionId) {
      const expiresAt = clock.now() + limits.sessionSeconds * 1000;
      if (closes) await mailboxes.close(connectionId, CLOSINGS.goAway, expiresAt);
    },
    async heard(connectionId, texts) {
      await mailboxes.append(connectionId, [Buffer.from(messagesFrame(texts))]);
    },
    lost: async () => undefined,
  };
  const sessions = makeSessions(world, {
    service: echo,
    sessionSeconds: limits.sessionSeconds,
    keepsInterrupted: false,
  });
  const options = { prefix, websocket, cookieNeeded, clientUrl: CLIENT_URL };
  const sockets = echoSockets({ prefix, websocket, closes });
  return {
    mount: httpMount({
      prefix,
      handler: sockjsHandler(world, sessions, options),
      bodyBytesMax: limits.httpBodyBytesMax,
      upgrade: sockets.upgrade,
    }),
    stop() {
      sessions.stop();
      sockets.cut();
    },
  };
}
