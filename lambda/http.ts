/** All that is served over HTTP: SockJS and Engine.IO below their bases, destinations at their own paths. */
import type { Ingress, Mailboxes, Ports } from '../broker/ports.ts';
import { brokerSessions } from './broker-sessions.ts';
import { isForeign } from './credentials.ts';
import { engineSessions } from './engineio-sessions.ts';
import { answer, type HttpHandler } from './exchange.ts';
import { ADMINISTRATION_PREFIXES, DESTINATION_PREFIXES } from './prefixes.ts';
import { makeSessions } from './sessions.ts';
import type { SockjsOptions } from './sockjs.ts';

const TEXT = { 'Content-Type': 'text/plain; charset=UTF-8' };

/** Loaded with its first request: a cold start parses what it serves, and not all there is. */
function loaded(load: () => Promise<HttpHandler>): HttpHandler {
  let loading: Promise<HttpHandler> | undefined;
  return async (request, reply) => {
    loading ??= load();
    const handle = await loading;
    return handle(request, reply);
  };
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

export interface HttpOptions {
  readonly ports: Ports;
  readonly mailboxes: Mailboxes;
  readonly ingress: Ingress;
  readonly sockjs: SockjsOptions;
  /** Where Engine.IO is served. Absent: nowhere. */
  readonly engine?: { readonly prefix: string };
  /** SHA-256 of each administrator's key; without, nothing is administered by HTTP. */
  readonly administration?: readonly string[] | undefined;
}

export interface Http {
  readonly handle: HttpHandler;
  /** Forgets its timers. */
  stop(): void;
}

export function makeHttp(options: HttpOptions): Http {
  const { ports, mailboxes, ingress, sockjs, engine, administration } = options;
  const world = { ...ports, mailboxes };
  const sessions = makeSessions(world, {
    service: brokerSessions(ports, ingress),
    sessionSeconds: ports.limits.sessionSeconds,
    keepsInterrupted: false,
  });
  const listeners = makeSessions(world, {
    service: { ...brokerSessions(ports, ingress), opened: async () => undefined },
    sessionSeconds: ports.limits.pollSessionSeconds,
    keepsInterrupted: true,
  });
  const engines = makeSessions(world, {
    service: engineSessions(ports, ingress),
    sessionSeconds: ports.limits.pollSessionSeconds,
    keepsInterrupted: false,
  });
  const serveEngine = loaded(async () => {
    const { engineHandler } = await import('./engineio.ts');
    return engineHandler(world, engines);
  });
  const serveDestinations = loaded(async () => {
    const { destinationsHandler } = await import('./destinations.ts');
    return destinationsHandler(ports, listeners);
  });
  const serveSockjs = loaded(async () => {
    const { sockjsHandler } = await import('./sockjs.ts');
    return sockjsHandler(world, sessions, sockjs);
  });
  const administer =
    administration &&
    loaded(async () => {
      const { administrationHandler } = await import('./administration.ts');
      return administrationHandler(ports, administration);
    });
  return {
    async handle(request, reply) {
      const { path } = request;
      if (isForeign(request.headers, ports)) {
        return answer(reply, 403, TEXT, 'Pages of this origin may not connect here\n');
      }
      if (path === sockjs.prefix || path.startsWith(`${sockjs.prefix}/`)) {
        return serveSockjs(request, reply);
      }
      if (engine !== undefined && isBelow(path, engine.prefix)) return serveEngine(request, reply);
      if (DESTINATION_PREFIXES.some((prefix) => path.startsWith(`${prefix}/`))) {
        return serveDestinations(request, reply);
      }
      if (administer !== undefined && ADMINISTRATION_PREFIXES.some((one) => isBelow(path, one))) {
        return administer(request, reply);
      }
      return answer(reply, 404, TEXT, 'Not found\n');
    },
    stop() {
      sessions.stop();
      engines.stop();
      listeners.stop();
    },
  };
}
