/**
 * Ids of connections that are HTTP sessions: `s.{name}.{life}`. The gateway's own ids are base64 and
 * hold no dot, so the form tells which is which. A session's name may be used again once the session
 * is gone, its connection id never: `life` is new each time.
 */
import { sha256 } from './digest.ts';

/** The store's name for a session: what the client chose, under the service that it is of. */
export function sessionName(service: string, chosen: string): string {
  // A digest has one length whatever was chosen, and a log that shows it gives nothing away.
  return `s.${sha256(`${service}\n${chosen}`, 'base64url')}`;
}

export function sessionConnectionId(session: string, life: string): string {
  return `${session}.${life}`;
}

export function isSession(connectionId: string): boolean {
  return connectionId.charCodeAt(1) === 46 && connectionId.startsWith('s.');
}

/** The session of a connection id that is one. */
export function sessionOf(connectionId: string): string {
  return connectionId.slice(0, connectionId.lastIndexOf('.'));
}
