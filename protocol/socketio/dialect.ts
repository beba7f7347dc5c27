/**
 * Socket.IO 5 as a dialect: events are commands, acks are receipts, messages are events. A text is
 * one packet; its attachments, in base64, stand behind it, each after a U+001E (see the Engine.IO
 * carrier), and until they have all come it is half a frame.
 *
 * A receipt says how it is to be told: `a7` is the ack 7, `n/x` the refusal of the namespace `/x`.
 */
import { BrokerError } from '../../broker/errors.ts';
import {
  type Command,
  type Decoded,
  type Dialect,
  EVENT_HEADER,
  type Headers,
  type Message,
  REQUEST_HEADER,
  type Reply,
  type Splice,
} from '../../broker/model.ts';
import { octetsOf, SEPARATOR } from '../engineio/packet.ts';
import { payloadOf, valueBody } from './body.ts';
import { commandOf, EVENT_NAMES, type EventNames, headersOf, JOINED } from './event.ts';
import { isRecord, readSocketPacket, type SocketPacket, socketText } from './packet.ts';
import { filled } from './placeholders.ts';

const VERSION = '5';

export function socketioWith(names: EventNames): Dialect {
  return {
    name: 'socketio',
    endsOnError: false,
    joins: false,
    recovers: true,
    versions: [VERSION],
    decode: (bytes, version) => decode(bytes, version, names),
    encode: (reply, version) => Buffer.from(replyText(reply, version, names)),
    message: (message) => spliceOf(message, names),
  };
}

export const socketioDialect: Dialect = socketioWith(EVENT_NAMES);

function decode(bytes: Uint8Array, version: string | undefined, names: EventNames): Decoded {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const [head = '', ...parts] = text.split(SEPARATOR);
  const packet = readSocketPacket(head);
  const attachments = parts.map(octetsOf);
  if (packet === undefined || attachments.length > packet.attachments) return over(malformed());
  if (attachments.some((one) => one === undefined)) return over(malformed());
  if (attachments.length < packet.attachments) return { commands: [], half: bytes };
  const octets = attachments.flatMap((one) => (one === undefined ? [] : [one]));
  return { commands: commandsOf(packet, octets, version, names) };
}

function commandsOf(
  packet: SocketPacket,
  octets: readonly Uint8Array[],
  version: string | undefined,
  names: EventNames,
): readonly Command[] {
  const { type, namespace, id } = packet;
  if (namespace !== '/') {
    if (type === 'connect') return [unknownNamespace(namespace)];
    return over(malformed()).commands;
  }
  if (type === 'connect') return [connectOf(packet)];
  if (version === undefined) return over(malformed()).commands;
  const receipt = id === undefined ? undefined : `a${id}`;
  switch (type) {
    case 'disconnect':
      return [{ type: 'disconnect' }];
    case 'event':
    case 'binary-event':
      return [eventOf(filled(packet.data, octets), names, receipt)];
    case 'ack':
    case 'binary-ack':
      return id === undefined ? [] : [answeredOf(id, filled(packet.data, octets))];
    case 'connect-error':
      return over(malformed()).commands;
    default:
      return type satisfies never;
  }
}

function connectOf({ data }: SocketPacket): Command {
  const { login, passcode, pid, offset, ...rest } = isRecord(data) ? data : {};
  const before = typeof offset === 'string' ? { offset } : {};
  return caught(undefined, () => ({
    type: 'connect',
    version: VERSION,
    ...(typeof login === 'string' ? { login } : {}),
    ...(typeof passcode === 'string' ? { passcode } : {}),
    ...(typeof pid === 'string' ? { recover: { pid, ...before } } : {}),
    // Of an `auth` that nests, only what is flat can mean something here.
    headers: headersOf(flat(rest)),
  }));
}

function flat(record: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => typeof value !== 'object'),
  );
}

function eventOf(data: unknown, names: EventNames, receipt: string | undefined): Command {
  return caught(receipt, () => commandOf(Array.isArray(data) ? data : [], names, receipt));
}

/** Octets among the values stand there as in a message's JSON. */
function answeredOf(request: number, values: unknown): Command {
  return caught(undefined, () => {
    const { body } = valueBody(values);
    return { type: 'answered', request, answer: Buffer.from(body).toString() };
  });
}

function caught(receipt: string | undefined, make: () => Command): Command {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    return { type: 'refused', error: cause, ...(receipt === undefined ? {} : { receipt }) };
  }
}

function unknownNamespace(namespace: string): Command {
  const error = new BrokerError(
    'not-supported',
    'Invalid namespace',
    'Connect to the namespace /, and use rooms.',
  );
  return { type: 'refused', error, receipt: `n${namespace}` };
}

function replyText(reply: Reply, version: string | undefined, names: EventNames): string {
  switch (reply.type) {
    case 'connected':
      return packet('connect', JSON.stringify({ sid: reply.session, ...pidOf(reply.headers) }));
    case 'receipt': {
      const more = Object.fromEntries(reply.headers ?? []);
      return packet('ack', JSON.stringify([{ ok: true, ...more }]), reply.receipt);
    }
    case 'error':
      return errorText(reply, version, names);
    default:
      return reply satisfies never;
  }
}

function pidOf(headers: Headers | undefined): { readonly pid?: string } {
  const pid = headers?.find(([name]) => name === 'pid')?.[1];
  return pid === undefined ? {} : { pid };
}

function errorText(
  { error, receipt }: Reply & { readonly type: 'error' },
  version: string | undefined,
  names: EventNames,
): string {
  const { code, message, mend } = error;
  if (receipt?.startsWith('n')) {
    const refusal = { type: 'connect-error', namespace: receipt.slice(1), attachments: 0 } as const;
    return socketText(refusal, JSON.stringify({ message }));
  }
  if (receipt !== undefined) {
    return packet('ack', JSON.stringify([{ ok: false, code, message, mend }]), receipt);
  }
  if (version === undefined) {
    return packet('connect-error', JSON.stringify({ message, data: { code, mend } }));
  }
  return packet('event', JSON.stringify([names.error, { code, message, mend }]));
}

function packet(type: SocketPacket['type'], json: string, receipt?: string): string {
  const id = receipt === undefined ? {} : { id: Number(receipt.slice(1)) };
  return socketText({ type, namespace: '/', attachments: 0, ...id }, json);
}

/**
 * Everything but the room as its member spelt it, or an `ack`, is written once for all. What a room
 * says ends with its position, which clients keep for their next CONNECT: an empty one where there is
 * none, so that no payload can be taken for it.
 */
function spliceOf({ id, destination, headers, body }: Message, names: EventNames): Splice {
  const all = Object.fromEntries([...headers].reverse());
  const { json, attachments } = payloadOf(body, all['content-type']);
  const tail = attachments.map((one) => SEPARATOR + one).join('');
  const start = attachments.length === 0 ? '2' : `5${attachments.length}-`;
  const { seq, epoch } = all;
  const offset = seq === undefined ? undefined : `${epoch}:${seq}`;
  const event = all[EVENT_HEADER];
  if (event !== undefined) {
    const request = all[REQUEST_HEADER] ?? '';
    const values = [JSON.stringify(event), ...inner(json), ...(offset ? [`"${offset}"`] : [])];
    const told = Buffer.from(`${start}${request}[${values}]${tail}`);
    return () => told;
  }
  const room = destination.startsWith(PRESENCE) ? destination.slice(PRESENCE.length) : undefined;
  const name = JSON.stringify(room === undefined ? names.message : names.presence);
  return (subscription, ack) => {
    if (subscription.startsWith(JOINED)) {
      const joined = JSON.stringify(subscription.slice(JOINED.length));
      return Buffer.from(`${start}[${name},${joined},${json},"${offset ?? ''}"]${tail}`);
    }
    if (room !== undefined) return Buffer.from(`2[${name},${JSON.stringify(room)},${json}]`);
    const told = { ...all, 'message-id': id, ...(ack === undefined ? {} : { ack }) };
    const where = JSON.stringify(destination);
    return Buffer.from(`${start}[${name},${where},${json},${JSON.stringify(told)}]${tail}`);
  };
}

/** What stands between the brackets of a JSON array, if anything does. */
function inner(array: string): readonly string[] {
  const values = array.trim().slice(1, -1).trim();
  return values === '' ? [] : [values];
}

const PRESENCE = '/presence/room/';

function over(error: BrokerError): Decoded {
  return { commands: [{ type: 'refused', error }] };
}

/** Whatever would make a server of the original close makes the broker close. */
function malformed(): BrokerError {
  return new BrokerError(
    'envelope-malformed',
    'This is no Socket.IO packet, or not its turn',
    'CONNECT to / first; events are 2["name",…], and attachments follow the packet that counts them.',
  );
}
