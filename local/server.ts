/**
 * The one port of this process: the gateway at its stage, its management side, the page at `/`, and
 * mounts for whatever else speaks HTTP (SockJS at `/sockjs`, Engine.IO at `/socket.io/`).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Log } from '../broker/ports.ts';
import type { Gateway } from './gateway.ts';
import { refuse } from './handshake.ts';
import { isManagement, manage } from './management-http.ts';
import { sendWords, servePage } from './page.ts';

/** A protocol of its own below a path: `prefix` itself, and everything behind `prefix` and a `/`. */
export interface Mount {
  readonly prefix: string;
  request(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  /** Without it upgrades below the prefix are refused as on any unknown path. */
  upgrade?(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

/** How long a request may take to come in; then it is answered 408 and its socket closed. */
export interface HttpPatience {
  readonly headerMilliseconds: number;
  /** Its body included: 1 MB over a slow line. Answers may take as long as they like. */
  readonly requestMilliseconds: number;
}

/** Node waits a minute for headers and five for bodies: a thousand sockets would stay that long. */
const PATIENCE: HttpPatience = { headerMilliseconds: 10_000, requestMilliseconds: 60_000 };

export interface ServerOptions {
  /** None: mounts alone. */
  readonly gateway?: Gateway;
  /** Of those who may use the management side; undefined: any program of this machine may. */
  readonly managementKeys?: readonly string[] | undefined;
  readonly mounts: readonly Mount[];
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  readonly patience?: Partial<HttpPatience> | undefined;
}

export interface PortServer {
  readonly port: number;
  /** Takes no more connections, and cuts those still open after `graceMilliseconds`. */
  close(graceMilliseconds: number): Promise<void>;
}

/** Rejects as `listen` does: EADDRINUSE when the port is taken. */
export async function startServer(options: ServerOptions): Promise<PortServer> {
  const { gateway, mounts, log, host } = options;
  const { headerMilliseconds, requestMilliseconds } = { ...PATIENCE, ...options.patience };
  const patience = {
    headersTimeout: headerMilliseconds,
    requestTimeout: requestMilliseconds,
    connectionsCheckingInterval: Math.min(1_000, headerMilliseconds),
  };
  const server = createServer(patience, (request, response) => {
    request.url = originForm(request.url);
    route(options, request, response).catch((cause: unknown) => {
      log.error('http', cause, { method: request.method });
      if (response.headersSent) response.destroy();
      else sendWords(response, 500, 'The broker failed to answer this.');
    });
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    request.url = originForm(request.url);
    const mount = mountOf(mounts, request.url ?? '');
    if (mount?.upgrade !== undefined) mount.upgrade(request, socket, head);
    else if (gateway !== undefined) gateway.upgrade(request, socket, head);
    else refuse(socket, 404, 'Nothing is served here');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  return {
    port: portOf(server.address()),
    close: (graceMilliseconds) => close(server, gateway, graceMilliseconds),
  };
}

async function route(
  { gateway, mounts, managementKeys: keys }: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = request.url ?? '';
  const path = url.split('?', 1)[0];
  const mount = mountOf(mounts, url);
  if (mount !== undefined) await mount.request(request, response);
  else if (gateway === undefined) sendWords(response, 404, 'Nothing is served here.');
  else if (isManagement(url)) await manage({ gateway, keys }, request, response);
  else if (path === '/' || path === '/index.html') await servePage(request, response);
  else if (path === `/${gateway.stage}` || path === `/${gateway.stage}/`) {
    response.setHeader('Upgrade', 'websocket');
    sendWords(response, 426, 'This is a WebSocket: connect with ws://, not http://.');
  } else {
    const places = 'destinations begin with /topic/, /room/, /queue/ and the like';
    const words = `Nothing is served here: ${places}; the WebSocket is at /${gateway.stage}.`;
    sendWords(response, 404, words);
  }
}

/** A proxy's request names the whole URL (RFC 9112 §3.2.2). */
function originForm(url = '/'): string {
  return url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/]*/i, '') || '/';
}

function mountOf(mounts: readonly Mount[], url: string): Mount | undefined {
  if (mounts.length === 0) return undefined;
  const path = url.split('?', 1)[0] ?? '';
  return mounts.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
}

/** Upgraded sockets are not in the HTTP server's books: those are the gateway's to cut. */
async function close(server: Server, gateway: Gateway | undefined, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    gateway?.cut();
    server.closeAllConnections();
  }, grace);
  await closed;
  clearTimeout(cut);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('No TCP port');
  return address.port;
}
