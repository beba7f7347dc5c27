/** The ports of a runtime: the WebSocket API's, the function URL's, the front door's. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Gateway } from '../../local/gateway.ts';
import { refuse } from '../../local/handshake.ts';
import { type Distribution, type Routed, watchOrigin } from './distribution.ts';
import { type OnFault, TemplateFault } from './fault.ts';
import type { FunctionUrl } from './function-urls.ts';

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

type Upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** The WebSocket API by itself, which answers 403 to whatever is no upgrade. */
export function socketDoor(gateway: Gateway): Promise<Door> {
  return listen(
    (_, response) => response.writeHead(403).end(),
    (request, socket, head) => gateway.upgrade(request, socket, head),
  );
}

/** A function URL by itself. */
export function urlDoor(url: FunctionUrl, onFault: OnFault): Promise<Door> {
  return listen((request, response) => {
    url.serve(request, response).catch((cause) => broken(response, cause, onFault));
  }, noUpgrade);
}

export interface FrontDoorOptions {
  readonly distribution: Distribution;
  readonly urls: readonly FunctionUrl[];
  readonly gateway: Gateway;
  /** `{api}.execute-api.{region}.amazonaws.com`. */
  readonly socketDomain: string;
  readonly onFault: OnFault;
}

export function frontDoor(options: FrontDoorOptions): Promise<Door> {
  const { distribution, urls, gateway, socketDomain, onFault } = options;
  const route = (request: IncomingMessage): Routed | undefined => {
    try {
      const routed = distribution.route(request);
      const domain = routed?.origin.domain;
      if (domain === undefined || domain === socketDomain) return routed;
      if (urls.some((one) => one.domain === domain)) return routed;
      onFault('unknown-reference', `the origin ${domain} is nobody's here`);
    } catch (cause) {
      // CloudFront answers 503 when a function of its fails.
      onFault('edge-function-failed', String(cause));
    }
    return undefined;
  };
  return listen(
    (request, response) => {
      const routed = route(request);
      const url = urls.find(({ domain }) => domain === routed?.origin.domain);
      if (routed === undefined || url === undefined) {
        response.writeHead(403).end();
        return;
      }
      const { origin, ...asked } = routed;
      const heard = watchOrigin(response, origin.readMilliseconds, () =>
        onFault('origin-silent', `${origin.id} said nothing for too long: ${routed.path}`),
      );
      url
        .serve(request, response, { asked, heard })
        .catch((cause) => broken(response, cause, onFault));
    },
    (request, socket, head) => {
      const routed = route(request);
      if (routed === undefined) return refuse(socket, 403, 'Forbidden');
      if (routed.origin.domain !== socketDomain) return noUpgrade(request, socket, head);
      request.url = routed.query === '' ? routed.path : `${routed.path}?${routed.query}`;
      gateway.upgrade(request, socket, head);
    },
  );
}

/** A function URL knows no WebSockets. */
const noUpgrade: Upgrade = (_, socket) => refuse(socket, 400, 'No WebSocket is served here');

function broken(response: ServerResponse, cause: unknown, onFault: OnFault): void {
  response.destroy();
  // A request that was cut off while it was read is its client's affair.
  if (cause instanceof TemplateFault || !/aborted/.test(String(cause))) {
    onFault('handler-failed', String(cause));
  }
}

async function listen(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  upgrade: Upgrade,
): Promise<Door> {
  const server: Server = createServer(serve);
  // Node hands `upgrade` the connection's net.Socket; its type says Duplex.
  server.on('upgrade', (request, socket, head) => upgrade(request, socket as Socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
