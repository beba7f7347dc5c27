/**
 * The token a handshake or a request brings: query, `Authorization`, sub-protocol, cookie, in this
 * order. A cookie counts only where the operator names the origins that may connect: browsers send it
 * along whatever page opens the socket.
 */
import { authorization } from '../broker/authenticate.ts';
import type { Arrival, Credentials, Ports } from '../broker/ports.ts';

/** Header names in lower case. */
export interface Shown {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly event: Arrival['event'];
  readonly sourceIp?: string;
}

/** Beside a real one: a browser's WebSocket can set no header, and echoes none of this. */
const PROTOCOL = /^bearer\.(.+)$/;

export function credentialsOf(
  shown: Shown,
  ports: Pick<Ports, 'identity' | 'origins'>,
): Credentials | undefined {
  const found = tokenOf(shown, ports);
  return found === undefined ? undefined : { ...found, arrival: shown };
}

function tokenOf(
  { headers, query }: Shown,
  { identity, origins }: Pick<Ports, 'identity' | 'origins'>,
): Credentials | undefined {
  if (identity === undefined) return undefined;
  const asked = query['token'] ?? query['access_token'];
  if (asked !== undefined) return { token: asked };
  const header = headers['authorization'];
  if (header !== undefined) return authorization(header);
  for (const offered of (headers['sec-websocket-protocol'] ?? '').split(',')) {
    const [, token] = PROTOCOL.exec(offered.trim()) ?? [];
    if (token !== undefined) return { token };
  }
  const cookie = origins === undefined ? undefined : cookieOf(headers['cookie'], identity.cookie);
  return cookie === undefined ? undefined : { token: cookie };
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** No page of another origin may use a browser's rights here; who is no browser names none. */
export function isForeign(
  { origin }: Readonly<Record<string, string | undefined>>,
  { origins }: Pick<Ports, 'origins'>,
): boolean {
  return origins !== undefined && origin !== undefined && !origins.has(origin.toLowerCase());
}
