/** Where a room of a namespace is for every other protocol, and how its members are subscribed. */
import { JOINED } from '../protocol/socketio/event.ts';

export function roomOf(namespace: string, room: string): string {
  return namespace === '/' ? `/room/${room}` : `/room/${namespace.slice(1)}~${room}`;
}

export function joinId(room: string): string {
  return JOINED + room;
}
