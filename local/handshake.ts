/** The two ends of a handshake: is this request one, and how it is answered. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** Why an upgrade cannot be a WebSocket handshake (RFC 6455 §4.2.1); undefined if it can. */
export function handshakeFault(request: IncomingMessage): number | undefined {
  if (request.method !== 'GET') return 405;
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return 400;
  if (!/^[+/0-9A-Za-z]{22}==$/.test(request.headers['sec-websocket-key'] ?? '')) return 400;
  if (request.headers['sec-websocket-version'] !== '13') return 426;
  return undefined;
}

/** Sub-protocols are tokens (RFC 9110 §5.6.2); more would be a second header, or a split one. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** Header names are looked up without regard to case. */
export function headerOf(
  headers: Readonly<Record<string, string>> | undefined,
  name: string,
): string | undefined {
  const entry = Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name);
  return entry?.[1];
}

/**
 * Answers an upgrade with a plain HTTP response and closes, whether or not the peer closes its side.
 * A reset peer costs nothing.
 */
export function refuse(socket: Socket, status: number, words: string): void {
  const body = JSON.stringify({ message: words });
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 426 ? ['Sec-WebSocket-Version: 13'] : []),
      '',
      body,
    ].join('\r\n'),
  );
}
