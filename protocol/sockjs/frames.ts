/**
 * The frames a SockJS client hears (SockJS protocol 0.3.3, "Framing accepted by the client"): `o`
 * open, `h` heart-beat, `a[…]` texts, `c[code,"reason"]` close.
 */

export const OPEN = 'o';
export const HEARTBEAT = 'h';

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** What the protocol itself says, word by word: clients and its tests know these. */
export const CLOSINGS = {
  another: { code: 2010, reason: 'Another connection still open' },
  interrupted: { code: 1002, reason: 'Connection interrupted' },
  goAway: { code: 3000, reason: 'Go away!' },
  broken: { code: 3000, reason: 'Broken framing.' },
} as const satisfies Record<string, Closing>;

/** Characters that browsers or proxies were seen to mangle ("JSON Unicode Encoding"). */
const MANGLED = /[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/g;

/** A JSON string; JSON.stringify itself escapes U+0000-001F and lone surrogates. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    MANGLED,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `a["…","…"]` */
export function messagesFrame(texts: readonly string[]): string {
  return `a[${texts.map(quote).join(',')}]`;
}

export function closeFrame({ code, reason }: Closing): string {
  return `c[${code},${quote(reason)}]`;
}

/** Several `a[…]` as the one that holds all their texts, in order. */
export function joinFrames(frames: readonly Uint8Array[]): string {
  const inner = frames.map((frame) =>
    Buffer.from(frame.buffer, frame.byteOffset + 2, frame.byteLength - 3).toString(),
  );
  return `a[${inner.join(',')}]`;
}

/** The texts of a client's JSON array, or what is wrong with it. */
export function readMessages(body: string): readonly string[] | 'no-payload' | 'broken' {
  if (body === '') return 'no-payload';
  const value = parse(body);
  if (value === BROKEN) return 'broken';
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
    ? value
    : 'no-payload';
}

/** Over WebSocket a bare JSON string is a text as well, and an empty message is none. */
export function readMessage(body: string): readonly string[] | 'no-payload' | 'broken' {
  if (body === '') return [];
  const value = body.startsWith('"') ? parse(body) : undefined;
  return typeof value === 'string' ? [value] : readMessages(body);
}

const BROKEN = Symbol('broken JSON');

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return BROKEN;
  }
}
