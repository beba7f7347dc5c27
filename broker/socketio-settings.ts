/** What the operator may choose of Socket.IO: `{"namespaces": ["/admin"], "events": {"join": "enter"}}`. */

import { fieldsOf } from './settings.ts';

/** Event names that the broker understands, and those it says. */
export interface EventNames {
  readonly join: string;
  readonly leave: string;
  readonly message: string;
  readonly subscribe: string;
  readonly unsubscribe: string;
  readonly send: string;
  readonly ack: string;
  readonly nack: string;
  readonly presence: string;
  readonly error: string;
}

export const EVENT_NAMES: EventNames = {
  join: 'join',
  leave: 'leave',
  message: 'message',
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
  send: 'send',
  ack: 'ack',
  nack: 'nack',
  presence: 'presence',
  error: 'error',
};

export interface SocketioSettings {
  /** Besides `/`, which is always there. */
  readonly namespaces: readonly string[];
  readonly events: EventNames;
}

export const SOCKETIO_SETTINGS: SocketioSettings = { namespaces: [], events: EVENT_NAMES };

/** They stand in the names of rooms, and in a connection's record. */
const NAMESPACE = /^\/[A-Za-z0-9_-]{1,64}$/;
const NAMESPACES_MAX = 16;
const EVENT_LENGTH_MAX = 64;

/** Throws in words for the operator. */
export function parseSocketio(value: unknown): SocketioSettings {
  if (value === undefined) return SOCKETIO_SETTINGS;
  const fields = fieldsOf(value, 'socketio', ['namespaces', 'events']);
  const namespaces = fields.get('namespaces') ?? [];
  if (!Array.isArray(namespaces) || namespaces.length > NAMESPACES_MAX) {
    throw new Error(`socketio.namespaces must be a list of at most ${NAMESPACES_MAX}`);
  }
  for (const one of namespaces) {
    if (typeof one === 'string' && NAMESPACE.test(one)) continue;
    throw new Error(`socketio.namespaces: "${one}" must be / and letters, digits, _ or -`);
  }
  return { namespaces, events: parseEvents(fields.get('events') ?? {}) };
}

function parseEvents(value: unknown): EventNames {
  const fields = fieldsOf(value, 'socketio.events', Object.keys(EVENT_NAMES));
  for (const [name, event] of fields) {
    if (typeof event === 'string' && event !== '' && event.length <= EVENT_LENGTH_MAX) continue;
    throw new Error(
      `socketio.events.${name} must be a name of 1 to ${EVENT_LENGTH_MAX} characters`,
    );
  }
  const events: EventNames = { ...EVENT_NAMES, ...Object.fromEntries(fields) };
  const said = Object.values(events);
  if (new Set(said).size < said.length) throw new Error('socketio.events: two have one name');
  return events;
}
