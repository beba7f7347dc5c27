/**
 * STOMP 1.0, 1.1 and 1.2 as a dialect: bytes to commands, replies and messages to frames.
 *
 * A MESSAGE is written once per version and audience: all that its receivers share (message-id,
 * destination, the sender's headers, the body) is encoded when it is published, and a receiver
 * costs one allocation with its `subscription` and `ack` in front. Most clients number their
 * subscriptions alike, so a copy equal to the last one is not written again but handed out again.
 */
import { isUtf8 } from 'node:buffer';
import { BrokerError } from '../../broker/errors.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type {
  Command,
  Decoded,
  Dialect,
  Headers,
  Message,
  Reply,
  Splice,
} from '../../broker/model.ts';
import { ENCODING } from '../json/body.ts';
import { toCommand } from './command.ts';
import { tooManyFrames } from './fault.ts';
import { frameBytes, parseFrame, readableReceipt, skipEols, view } from './frame.ts';
import { headerLine, namedLine, VERSIONS } from './header.ts';

const NO_BODY = new Uint8Array(0);
const NUL = 0;

/** What the broker says of a message itself; nobody else's word for it is passed on. */
const BROKER_OWN: ReadonlySet<string> = new Set([
  'subscription',
  'message-id',
  'ack',
  'destination',
  'content-length',
  '',
]);

/** The dialect with bounds of one's own. */
export function stompWithin(limits: Limits): Dialect {
  return {
    name: 'stomp',
    endsOnError: true,
    joins: true,
    versions: VERSIONS,
    decode: (bytes, version) => decode(bytes, version, limits),
    encode,
    message,
  };
}

export const stompDialect: Dialect = stompWithin(LIMITS);

function decode(input: Uint8Array, version: string | undefined, limits: Limits): Decoded {
  const bytes = Buffer.isBuffer(input)
    ? input
    : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const commands: Command[] = [];
  let spoken = version;
  let at = skipEols(bytes, 0);
  while (at < bytes.length) {
    if (commands.length === limits.framesPerMessageMax) {
      commands.push({ type: 'refused', error: tooManyFrames(limits) });
      return { commands };
    }
    const frame = parseFrame(bytes, at, spoken, limits);
    if (frame === 'incomplete') return { commands, half: view(bytes, at, bytes.length) };
    if (frame instanceof BrokerError) {
      const receipt = readableReceipt(bytes, at, spoken, limits);
      commands.push({ type: 'refused', error: frame, ...(receipt !== undefined && { receipt }) });
      return { commands };
    }
    const command = toCommand(frame, spoken, limits);
    commands.push(command);
    // STOMP ends at its first ERROR: there is nothing to read behind one.
    if (command.type === 'refused') return { commands };
    if (command.type === 'connect') {
      if (command.version === undefined) return { commands };
      spoken ??= command.version;
    }
    at = skipEols(bytes, frame.end);
  }
  return { commands };
}

function encode(reply: Reply, version: string | undefined): Uint8Array {
  switch (reply.type) {
    case 'connected':
      return connected(reply);
    case 'receipt':
      return frameBytes(
        'RECEIPT',
        [['receipt-id', reply.receipt], ...(reply.headers ?? [])],
        NO_BODY,
        version,
      );
    case 'error':
      return error(reply.error, reply.receipt, version);
    default:
      throw new TypeError(`No frame for ${JSON.stringify(reply satisfies never)}`);
  }
}

/** No version escapes CONNECTED (1.2 "Value Encoding"): it is written as before a version. */
function connected(reply: Extract<Reply, { type: 'connected' }>): Uint8Array {
  const headers: Headers = [
    ['version', reply.version],
    ['heart-beat', reply.heartBeat.join(',')],
    ['session', reply.session],
    ['server', reply.server],
    ...(reply.headers ?? []),
  ];
  return frameBytes('CONNECTED', headers, NO_BODY, undefined);
}

function error(
  fault: BrokerError,
  receipt: string | undefined,
  version: string | undefined,
): Uint8Array {
  const body = Buffer.from(fault.mend);
  const headers: (readonly [string, string])[] = [
    ['message', fault.message],
    ['code', fault.code],
  ];
  if (receipt !== undefined) headers.push(['receipt-id', receipt]);
  headers.push(
    ...fault.headers,
    ['content-type', 'text/plain'],
    ['content-length', String(body.length)],
  );
  return frameBytes('ERROR', headers, body, version);
}

function message(published: Message, version: string): Splice {
  const room = roomFor(published, version);
  let lastSubscription: string | undefined;
  let last: Uint8Array | undefined;
  return (subscription, ack) => {
    if (last !== undefined && ack === undefined && subscription === lastSubscription) return last;
    const named = `MESSAGE\n${namedLine('subscription', subscription, version)}`;
    const own = ack === undefined ? named : named + namedLine('ack', ack, version);
    const ownBytes = Buffer.byteLength(own);
    const inFront = last === undefined && ownBytes <= OWN_BYTES;
    const written = inFront ? room.subarray(OWN_BYTES - ownBytes) : copied(room, ownBytes);
    written.write(own, 0, 'utf8');
    if (ack === undefined || last === undefined) {
      lastSubscription = ack === undefined ? subscription : undefined;
      last = written;
    }
    return written;
  };
}

/** Left free in front of what all receivers share, for the first: often it is the only one. */
const OWN_BYTES = 128;

/** What is shared, with so many octets in front. */
function copied(room: Buffer, ownBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(ownBytes + room.length - OWN_BYTES);
  room.copy(frame, ownBytes, OWN_BYTES);
  return frame;
}

/**
 * Room for what is the receiver's own, then, from message-id to the NUL, the same octets for every
 * receiver of this version.
 */
function roomFor(published: Message, version: string): Buffer {
  const { id, destination, headers } = published;
  const text = isUtf8(published.body);
  // A WebSocket of the gateway carries text alone.
  const body = text ? published.body : base64(published.body);
  // An id is letters, digits and `-`, a length digits: neither has anything to escape.
  const named = namedLine('destination', destination, version);
  let head = `message-id:${id}\n${named}content-length:${body.length}\n`;
  if (!text) head += namedLine(ENCODING, 'base64', version);
  for (const [name, value] of headers) {
    if (!BROKER_OWN.has(name)) head += headerLine(name, value, version);
  }
  head += '\n';
  const bodyAt = OWN_BYTES + Buffer.byteLength(head);
  const room = Buffer.allocUnsafe(bodyAt + body.length + 1);
  room.write(head, OWN_BYTES, 'utf8');
  room.set(body, bodyAt);
  room[room.length - 1] = NUL;
  return room;
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
}
