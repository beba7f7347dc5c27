/**
 * Packets of Socket.IO 5: type, count of attachments, namespace, ack id and JSON, each but the first
 * left out where there is none: `2["a"]`, `51-/n,7["a",{"_placeholder":true,"num":0}]` (Socket.IO
 * protocol, "Packet encoding"; what is refused is what socket.io-parser 4.2 refuses).
 */
import { nesting } from '../json/outline.ts';

export const SOCKET_TYPES = [
  'connect',
  'disconnect',
  'event',
  'ack',
  'connect-error',
  'binary-event',
  'binary-ack',
] as const;

export type SocketType = (typeof SOCKET_TYPES)[number];

export interface SocketPacket {
  readonly type: SocketType;
  /** `/` or `/name`. */
  readonly namespace: string;
  readonly id?: number;
  /** Parsed JSON: an object of CONNECT, an array of events and acks. */
  readonly data?: unknown;
  /** Of the binary types: how many follow. */
  readonly attachments: number;
}

/** As socket.io-parser 4.2.7's own `maxAttachments`. */
export const ATTACHMENTS_MAX = 10;
/** Levels of arrays and objects: readers recurse. */
const DEPTH_MAX = 64;

/** Names that mean something to clients by themselves. */
const RESERVED: ReadonlySet<unknown> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

export function isReserved(event: string): boolean {
  return RESERVED.has(event);
}

const PACKET = /^([0-6])(?:(\d{1,4})-)?(\/[^,]*)?,?(\d{1,15})?/;

/** Undefined: this is no packet. */
export function readSocketPacket(text: string): SocketPacket | undefined {
  const [head, digit, count, namespace = '/', id] = PACKET.exec(text) ?? [];
  const type = SOCKET_TYPES[Number(digit)];
  if (head === undefined || type === undefined) return undefined;
  // The comma belongs to the namespace, and only the digits of an id may do without one.
  if (namespace === '/' && head.includes(',') && !text.startsWith(`${digit}/,`)) return undefined;
  const binary = type === 'binary-event' || type === 'binary-ack';
  if (binary !== (count !== undefined) || Number(count ?? 0) > ATTACHMENTS_MAX) return undefined;
  const data = jsonOf(text.slice(head.length));
  if (data === BROKEN || !fits(type, data)) return undefined;
  return {
    type,
    namespace: (namespace.split('?', 1)[0] ?? '') || '/',
    attachments: Number(count ?? 0),
    ...(id === undefined ? {} : { id: Number(id) }),
    ...(data === undefined ? {} : { data }),
  };
}

/** `json` is the data as text, for what is JSON already need not be read. */
export function socketText(
  { type, namespace, id, attachments }: Omit<SocketPacket, 'data'>,
  json = '',
): string {
  const binary = type === 'binary-event' || type === 'binary-ack';
  const count = binary ? `${attachments}-` : '';
  const place = namespace === '/' ? '' : `${namespace},`;
  return `${SOCKET_TYPES.indexOf(type)}${count}${place}${id ?? ''}${json}`;
}

function fits(type: SocketType, data: unknown): boolean {
  switch (type) {
    case 'connect':
      return data === undefined || isRecord(data);
    case 'disconnect':
      return data === undefined;
    case 'connect-error':
      return typeof data === 'string' || isRecord(data);
    case 'event':
    case 'binary-event': {
      const name = Array.isArray(data) ? data[0] : undefined;
      return typeof name === 'number' || (typeof name === 'string' && !RESERVED.has(name));
    }
    case 'ack':
    case 'binary-ack':
      return Array.isArray(data);
    default:
      return type satisfies never;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BROKEN = Symbol('broken JSON');

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  if (nesting(text) > DEPTH_MAX) return BROKEN;
  try {
    return JSON.parse(text);
  } catch {
    return BROKEN;
  }
}
