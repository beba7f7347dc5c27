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
  type Message,
  REQUEST_HEADER,
  type Reply,
  type Splice,
} from '../../broker/model.ts';
import {
  type EventNames,
  SOCKETIO_SETTINGS,
  type SocketioSettings,
} from '../../broker/socketio-settings.ts';
import { octetsOf, SEPARATOR } from '../engineio/packet.ts';
import { payloadOf, valueBody } from './body.ts';
import { commandOf, headersOf } from './event.ts';
import {
  namespacesOf,
  prefixesOf,
  ROOT,
  readSubscriptionId,
  type SubscriptionName,
  versionOf,
} from './namespace.ts';
import { isRecord, readSocketPacket, type SocketPacket, socketText } from './packet.ts';
import { filled } from './placeholders.ts';

/** Of a client that has connected to `/` alone, as nearly all do. */
const VERSION = versionOf([ROOT]);

export function socketioWith(settings: SocketioSettings): Dialect {
  const { events } = settings;
  return {
    name: 'socketio',
    endsOnError: false,
    joins: false,
    // What was asked for in another namespace, its client asks for again when it connects to that.
    recovers: (id) => readSubscriptionId(id).namespace === ROOT,
    // socket.io 4.8 `Client.ondecoded`: "invalid state", and closed without a word.
    connectsOnce: true,
    versions: [VERSION],
    decode: (bytes, version) => decode(bytes, version, settings),
    encode: (reply, version) => Buffer.from(replyText(reply, version, events)),
    message: (message) => spliceOf(message, events),
  };
}

export const socketioDialect: Dialect = socketioWith(SOCKETIO_SETTINGS);

function decode(
  bytes: Uint8Array,
  version: string | undefined,
  settings: SocketioSettings,
): Decoded {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const [head = '', ...parts] = text.split(SEPARATOR);
  const packet = readSocketPacket(head);
  const attachments = parts.map(octetsOf);
  if (packet === undefined || attachments.length > packet.attachments) return over(malformed());
  if (attachments.some((one) => one === undefined)) return over(malformed());
  if (attachments.length < packet.attachments) return { commands: [], half: bytes };
  const octets = attachments.flatMap((one) => (one === undefined ? [] : [one]));
  return { commands: commandsOf(packet, octets, version, settings) };
}

function commandsOf(
  packet: SocketPacket,
  octets: readonly Uint8Array[],
  version: string | undefined,
  { namespaces, events: names }: SocketioSettings,
): readonly Command[] {
  const { type, namespace, id } = packet;
  const standing = namespacesOf(version);
  if (type === 'connect') {
    const known = namespace === ROOT || namespaces.includes(namespace);
    return [known ? connectOf(packet, version) : unknownNamespace(namespace)];
  }
  if (!standing.includes(namespace)) return over(malformed()).commands;
  const place = namespace === ROOT ? '' : namespace;
  const receipt = id === undefined ? undefined : `a${id}${place}`;
  switch (type) {
    case 'disconnect':
      return [partOf(namespace, standing)];
    case 'event':
    case 'binary-event':
      return [eventOf(filled(packet.data, octets), { names, namespace, receipt })];
    case 'ack':
    case 'binary-ack':
      return id === undefined ? [] : [answeredOf(id, filled(packet.data, octets))];
    case 'connect-error':
      return over(malformed()).commands;
    default:
      return type satisfies never;
  }
}

/** One conversation is over; the connection, and others on it, go on. */
function partOf(namespace: string, standing: readonly string[]): Command {
  const version = versionOf(standing.filter((one) => one !== namespace));
  return { type: 'disconnect', part: { version, prefixes: prefixesOf(namespace) } };
}

function connectOf({ data, namespace }: SocketPacket, before: string | undefined): Command {
  const { login, passcode, pid, offset, ...rest } = isRecord(data) ? data : {};
  const heard = typeof offset === 'string' ? { offset } : {};
  const standing = namespacesOf(before);
  // Behind the first one; it stands already where this is a repeat, or its client's fault.
  const also = before !== undefined && namespace !== standing[0];
  const stands = standing.includes(namespace);
  const version = versionOf(stands ? standing : [...standing, namespace]);
  return caught(undefined, () => ({
    type: 'connect',
    version,
    ...(also ? { also: namespace } : {}),
    ...(typeof login === 'string' ? { login } : {}),
    ...(typeof passcode === 'string' ? { passcode } : {}),
    ...(typeof pid === 'string' && namespace === ROOT ? { recover: { pid, ...heard } } : {}),
    // Of an `auth` that nests, only what is flat can mean something here.
    headers: headersOf(flat(rest)),
  }));
}

function flat(record: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => typeof value !== 'object'),
  );
}

function eventOf(data: unknown, asked: Parameters<typeof commandOf>[1]): Command {
  return caught(asked.receipt, () => commandOf(Array.isArray(data) ? data : [], asked));
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
    'Connect to the namespace /, and use rooms; the operator may name others.',
  );
  return { type: 'refused', error, receipt: `n${namespace}` };
}

function replyText(reply: Reply, version: string | undefined, names: EventNames): string {
  switch (reply.type) {
    case 'connected':
      return connectedText(reply);
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

/** Of the namespaces that stand the one connected to is named, unless it is the only one. */
function connectedText({ session, version, headers }: Reply & { readonly type: 'connected' }) {
  const told = (wanted: string) => headers?.find(([name]) => name === wanted)?.[1];
  const namespace = told('also') ?? namespacesOf(version)[0] ?? ROOT;
  const pid = told('pid');
  const own = namespace === ROOT && pid !== undefined ? { pid } : {};
  const sid = namespace === ROOT ? session : session + namespace;
  const packet = { type: 'connect', namespace, attachments: 0 } as const;
  return socketText(packet, JSON.stringify({ sid, ...own }));
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
  const standing = namespacesOf(version);
  const namespace = standing.includes(ROOT) ? ROOT : (standing[0] ?? ROOT);
  const event = { type: 'event', namespace, attachments: 0 } as const;
  return socketText(event, JSON.stringify([names.error, { code, message, mend }]));
}

/** `a7` in `/`, `a7/admin` elsewhere. */
function packet(type: SocketPacket['type'], json: string, receipt = ''): string {
  const [, digits, namespace = ROOT] = /^a(\d+)(\/.*)?$/.exec(receipt) ?? [];
  const id = digits === undefined ? {} : { id: Number(digits) };
  return socketText({ type, namespace, attachments: 0, ...id }, json);
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
  const room = destination.startsWith(PRESENCE) ? destination.slice(PRESENCE.length) : undefined;
  const name = JSON.stringify(room === undefined ? names.message : names.presence);
  const values = (subscription: SubscriptionName, ack: string | undefined): readonly string[] => {
    if (event !== undefined) {
      return [JSON.stringify(event), ...inner(json), ...(offset ? [`"${offset}"`] : [])];
    }
    if (subscription.joined) {
      return [name, JSON.stringify(subscription.name), json, `"${offset ?? ''}"`];
    }
    if (room !== undefined) return [name, JSON.stringify(room), json];
    const told = { ...all, 'message-id': id, ...(ack === undefined ? {} : { ack }) };
    return [name, JSON.stringify(destination), json, JSON.stringify(told)];
  };
  const request = all[REQUEST_HEADER] ?? '';
  return (subscription, ack) => {
    const named = readSubscriptionId(subscription);
    const place = named.namespace === ROOT ? '' : `${named.namespace},`;
    return Buffer.from(`${start}${place}${request}[${values(named, ack)}]${tail}`);
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
