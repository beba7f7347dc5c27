/**
 * WebSockets of the echo and close services, on `ws`: the public tests demand a close reason of the
 * server's own, which no API Gateway can give, so the strict gateway cannot serve them.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  CLOSINGS,
  type Closing,
  closeFrame,
  messagesFrame,
  OPEN,
  readMessage,
} from '../protocol/sockjs/frames.ts';
import { methodsOf, placeOf } from '../protocol/sockjs/paths.ts';
import { handshakeFault } from './handshake.ts';

export interface EchoSocketOptions {
  readonly prefix: string;
  readonly websocket: boolean;
  readonly closes: boolean;
}

export interface EchoSockets {
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Cuts all that are open. */
  cut(): void;
}

interface Refusal {
  readonly status: number;
  readonly allow?: string;
}

type Answer = Refusal | { readonly framed: boolean };

export function echoSockets(options: EchoSocketOptions): EchoSockets {
  const server = new WebSocketServer({ noServer: true });
  const serve = (ws: WebSocket, framed: boolean): void => {
    ws.on('error', () => undefined);
    if (framed) ws.send(OPEN);
    if (options.closes) end(ws, framed, CLOSINGS.goAway);
    else ws.on('message', (body) => echo(ws, String(body), framed));
  };
  return {
    upgrade(request, socket, head) {
      socket.on('error', () => undefined);
      const answer = answerTo(request, options);
      if ('status' in answer) refused(socket, answer);
      else if (request.headers['sec-websocket-key1'] !== undefined) draft76(request, socket, head);
      else server.handleUpgrade(request, socket, head, (ws) => serve(ws, answer.framed));
    },
    cut() {
      for (const ws of server.clients) ws.terminate();
    },
  };
}

function answerTo(request: IncomingMessage, { prefix, websocket }: EchoSocketOptions): Answer {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const place = placeOf(path.slice(prefix.length));
  const raw = place?.type === 'raw-websocket';
  const framed = place?.type === 'session' && place.transport === 'websocket';
  if (place === undefined || !websocket || !(raw || framed)) return { status: 404 };
  if (request.method !== 'GET') return { status: 405, allow: methodsOf(place).join(', ') };
  if (request.headers['sec-websocket-key1'] !== undefined) return { framed };
  const status = handshakeFault(request);
  return status === undefined ? { framed } : { status };
}

function echo(ws: WebSocket, body: string, framed: boolean): void {
  const texts = framed ? readMessage(body) : [];
  if (!framed) ws.send(body);
  else if (typeof texts === 'string') end(ws, framed, CLOSINGS.broken);
  else if (texts.length > 0) ws.send(messagesFrame(texts));
}

function end(ws: WebSocket, framed: boolean, closing: Closing): void {
  if (framed) ws.send(closeFrame(closing));
  ws.close(closing.code, closing.reason);
}

function refused(socket: Socket, { status, allow }: Refusal): void {
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, 'Connection: close'];
  if (allow !== undefined) head.push(`Allow: ${allow}`);
  socket.resume().end([...head, 'Content-Length: 0', '', ''].join('\r\n'));
}

/**
 * The handshake of draft-ietf-hybi-thewebsocketprotocol-00 (Hixie 76), §5, whose last word comes
 * after the response's headers: a proxy's conformance test, and nothing speaks it any more.
 */
function draft76({ headers, url }: IncomingMessage, socket: Socket, head: Buffer): void {
  const [one, two] = ['1', '2'].map((which) =>
    keyNumber(String(headers[`sec-websocket-key${which}`])),
  );
  if (one === undefined || two === undefined) {
    refused(socket, { status: 400 });
    return;
  }
  socket.write(
    [
      'HTTP/1.1 101 WebSocket Protocol Handshake',
      'Upgrade: WebSocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Origin: ${headers.origin ?? ''}`,
      `Sec-WebSocket-Location: ws://${headers.host ?? ''}${url ?? ''}`,
      '',
      '',
    ].join('\r\n'),
  );
  let nonce = head;
  const gather = (chunk: Buffer): void => {
    nonce = Buffer.concat([nonce, chunk]);
    if (nonce.length < 8) return;
    socket.off('data', gather);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(one, 0);
    numbers.writeUInt32BE(two, 4);
    const challenge = Buffer.concat([numbers, nonce.subarray(0, 8)]);
    socket.resume().end(createHash('md5').update(challenge).digest());
  };
  socket.on('data', gather);
  gather(Buffer.alloc(0));
}

function keyNumber(key: string): number | undefined {
  const spaces = key.split(' ').length - 1;
  const number = Number(key.replace(/\D/g, '')) / spaces;
  return Number.isInteger(number) && number <= 0xffffffff ? number : undefined;
}
