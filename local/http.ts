/** What this port serves over HTTP beside the gateway, and the WebSocket URLs below SockJS's base. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpHandler } from '../lambda/exchange.ts';
import { ADMINISTRATION_PREFIXES, DESTINATION_PREFIXES } from '../lambda/prefixes.ts';
import { methodsOf, placeOf } from '../protocol/sockjs/paths.ts';
import type { Gateway } from './gateway.ts';
import { refuse } from './handshake.ts';
import { httpMount } from './http-mount.ts';
import type { Mount } from './server.ts';

export interface HttpMountsOptions {
  readonly handler: HttpHandler;
  readonly gateway: Gateway;
  readonly sockjsPrefix: string;
  readonly enginePrefix: string;
  readonly bodyBytesMax: number;
}

export function httpMounts(options: HttpMountsOptions): readonly Mount[] {
  const { handler, gateway, sockjsPrefix, enginePrefix, bodyBytesMax } = options;
  const upgrade = sockjsUpgrade(gateway, sockjsPrefix);
  return [
    httpMount({ prefix: sockjsPrefix, handler, bodyBytesMax, upgrade }),
    httpMount({ prefix: enginePrefix, handler, bodyBytesMax, upgrade: engineUpgrade(gateway) }),
    ...[...DESTINATION_PREFIXES, ...ADMINISTRATION_PREFIXES].map((prefix) =>
      httpMount({ prefix, handler, bodyBytesMax }),
    ),
  ];
}

/**
 * As the front door does: the gateway has no paths, so what the path says becomes the query's `p`.
 * Whatever query the client had of its own is kept, for it may hold its token.
 */
function sockjsUpgrade(gateway: Gateway, prefix: string) {
  return (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const place = placeOf(path.slice(prefix.length));
    const framed = place?.type === 'session' && place.transport === 'websocket';
    if (place === undefined || !(framed || place.type === 'raw-websocket')) {
      refuse(socket, 404, 'Nothing is served here');
    } else if (request.method !== 'GET') {
      refuse(socket, 405, `Allowed: ${methodsOf(place).join(', ')}`);
    } else {
      const more = query === '' ? '' : `&${query}`;
      request.url = `/${gateway.stage}?p=${framed ? 'sockjs' : 'raw'}${more}`;
      gateway.upgrade(request, socket, head);
    }
  };
}

/** Engine.IO's query says all there is to say: any path below its own is the gateway's. */
function engineUpgrade(gateway: Gateway) {
  return (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const [, query = ''] = (request.url ?? '').split('?', 2);
    request.url = `/${gateway.stage}?p=eio${query === '' ? '' : `&${query}`}`;
    gateway.upgrade(request, socket, head);
  };
}
