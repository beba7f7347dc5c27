/**
 * Packets of Engine.IO 4: one digit and what belongs to it; octets as `b` and base64 where a
 * transport takes text alone. A polling payload is packets with U+001E between them (Engine.IO
 * protocol, "Packet encoding" and "HTTP long-polling").
 */

export const PACKET_TYPES = [
  'open',
  'close',
  'ping',
  'pong',
  'message',
  'upgrade',
  'noop',
] as const;

export type PacketType = (typeof PACKET_TYPES)[number];

export type Packet =
  | { readonly type: PacketType; readonly data: string }
  | { readonly type: 'binary'; readonly data: Uint8Array };

/** Between the packets of a payload. */
export const SEPARATOR = '\x1e';

export const PROBE = 'probe';

export function packetText(packet: Packet): string {
  if (packet.type === 'binary') return `b${Buffer.from(packet.data).toString('base64')}`;
  return `${PACKET_TYPES.indexOf(packet.type)}${packet.data}`;
}

/** Undefined: this is no packet. */
export function readPacket(text: string): Packet | undefined {
  if (text.startsWith('b')) {
    const data = octetsOf(text.slice(1));
    return data === undefined ? undefined : { type: 'binary', data };
  }
  const type = PACKET_TYPES[text.charCodeAt(0) - 0x30];
  return type === undefined ? undefined : { type, data: text.slice(1) };
}

/** Undefined where base64 was not meant: Node itself reads anything. */
export function octetsOf(base64: string): Uint8Array | undefined {
  return /^[0-9A-Za-z+/]*={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

export function payloadText(packets: readonly Packet[]): string {
  return packets.map(packetText).join(SEPARATOR);
}

/** Undefined: one of them is no packet, and so none counts. */
export function readPayload(text: string): readonly Packet[] | undefined {
  const packets: Packet[] = [];
  for (const part of text.split(SEPARATOR)) {
    const packet = readPacket(part);
    if (packet === undefined) return undefined;
    packets.push(packet);
  }
  return packets;
}

export interface Opening {
  readonly sid: string;
  readonly upgrades: readonly 'websocket'[];
  /** Milliseconds. The client closes if no ping came within the sum of both. */
  readonly pingInterval: number;
  readonly pingTimeout: number;
  /** Octets of one payload by POST. */
  readonly maxPayload: number;
}

export function openingText({ sid, upgrades, pingInterval, pingTimeout, maxPayload }: Opening) {
  const data = JSON.stringify({ sid, upgrades, pingInterval, pingTimeout, maxPayload });
  return packetText({ type: 'open', data });
}
