/**
 * WebSocket framing (RFC 6455 §5.2) as far as `ws` leaves it to us: reading the headers of inbound
 * frames, since the gateway's 32 KB rule is about frames and `ws` shows only messages, and building
 * outbound text frames once for many receivers.
 */

const FIN = 0x80;
const OPCODE = 0x0f;
const TEXT = 0x1;
const BINARY = 0x2;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export type Violation = 'frame-too-large' | 'message-too-large' | 'binary';

/** Where one connection's inbound stream stands. Mutable: it is read byte by byte. */
export interface Scan {
  /** Octets of mask and payload still to pass over. */
  skip: number;
  /** The beginning of a header cut by the end of a chunk. */
  cut: Uint8Array | undefined;
  /** Octets of the message that is being put together. */
  messageBytes: number;
  /** Data messages whose last frame has begun. */
  messages: number;
}

export function newScan(): Scan {
  return { skip: 0, cut: undefined, messageBytes: 0, messages: 0 };
}

/**
 * Reads the next chunk of the stream. The first frame that breaks a rule is reported as soon as its
 * header is there, before its payload; `scan.messages` then counts what came before it.
 */
export function scanFrames(
  scan: Scan,
  arrived: Uint8Array,
  max: { readonly frameBytesMax: number; readonly messageBytesMax: number },
): Violation | undefined {
  let chunk = arrived;
  if (scan.cut !== undefined) {
    chunk = Buffer.concat([scan.cut, arrived]);
    scan.cut = undefined;
  }
  let at = scan.skip;
  while (at < chunk.length) {
    const header = readHeader(chunk, at);
    if (header === undefined) {
      scan.cut = Buffer.from(chunk.subarray(at));
      at = chunk.length;
      break;
    }
    const violation = check(scan, header, max);
    if (violation !== undefined) return violation;
    at += header.bytes + header.payloadBytes;
  }
  scan.skip = at - chunk.length;
  return undefined;
}

interface Header {
  readonly fin: boolean;
  readonly opcode: number;
  /** Mask included. */
  readonly bytes: number;
  readonly payloadBytes: number;
}

function readHeader(chunk: Uint8Array, at: number): Header | undefined {
  const first = chunk[at];
  const second = chunk[at + 1];
  if (first === undefined || second === undefined) return undefined;
  const short = second & LENGTH;
  const lengthBytes = short === LENGTH_64 ? 8 : short === LENGTH_16 ? 2 : 0;
  if (at + 2 + lengthBytes > chunk.length) return undefined;
  let payloadBytes = lengthBytes === 0 ? short : 0;
  for (let index = 0; index < lengthBytes; index++) {
    payloadBytes = payloadBytes * 256 + (chunk[at + 2 + index] ?? 0);
  }
  return {
    fin: (first & FIN) !== 0,
    opcode: first & OPCODE,
    bytes: 2 + lengthBytes + ((second & MASKED) !== 0 ? 4 : 0),
    payloadBytes,
  };
}

function check(
  scan: Scan,
  header: Header,
  max: { readonly frameBytesMax: number; readonly messageBytesMax: number },
): Violation | undefined {
  if (header.opcode > BINARY) return undefined;
  if (header.opcode === BINARY) return 'binary';
  if (header.payloadBytes > max.frameBytesMax) return 'frame-too-large';
  if (header.opcode === TEXT) scan.messageBytes = 0;
  scan.messageBytes += header.payloadBytes;
  if (scan.messageBytes > max.messageBytesMax) return 'message-too-large';
  if (header.fin) scan.messages += 1;
  return undefined;
}

/**
 * One text message as it goes over the wire, unmasked: a single frame up to `frameBytesMax`, else a
 * text frame and its continuations, each of at most that many octets.
 */
export function textFrames(payload: Uint8Array, frameBytesMax: number): Buffer {
  const frames = Math.max(1, Math.ceil(payload.length / frameBytesMax));
  const lastBytes = payload.length - (frames - 1) * frameBytesMax;
  const wireBytes =
    payload.length + (frames - 1) * headerBytes(frameBytesMax) + headerBytes(lastBytes);
  const wire = Buffer.allocUnsafe(wireBytes);
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    const from = frame * frameBytesMax;
    const bytes = frame === frames - 1 ? lastBytes : frameBytesMax;
    wire[at] = (frame === frames - 1 ? FIN : 0) | (frame === 0 ? TEXT : 0);
    at = writeLength(wire, at + 1, bytes);
    wire.set(frames === 1 ? payload : payload.subarray(from, from + bytes), at);
    at += bytes;
  }
  return wire;
}

function headerBytes(payloadBytes: number): number {
  return payloadBytes < LENGTH_16 ? 2 : payloadBytes < 65_536 ? 4 : 10;
}

/** Returns where the payload begins. */
function writeLength(wire: Buffer, at: number, bytes: number): number {
  if (bytes < LENGTH_16) {
    wire[at] = bytes;
    return at + 1;
  }
  if (bytes < 65_536) {
    wire[at] = LENGTH_16;
    return wire.writeUInt16BE(bytes, at + 1);
  }
  wire[at] = LENGTH_64;
  return wire.writeBigUInt64BE(BigInt(bytes), at + 1);
}
