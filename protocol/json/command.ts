/** A request → the command it stands for: which headers each command needs and takes. */
import { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';
import type {
  Command,
  ConnectCommand,
  SendCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from '../../broker/model.ts';
import { bodyBytes, ENCODING, JSON_TYPE } from './body.ts';
import { type Fields, malformed, quote, rest, wellFormed } from './fields.ts';
import {
  type Body,
  type Entries,
  type Name,
  parseObject,
  type Request,
  requestOf,
} from './request.ts';

/** The session version: JSON says what STOMP 1.2 says, in another spelling. */
export const VERSION = '1.2';

/** Set by the broker on a MESSAGE, or meaningless in JSON; a sender's own are dropped. */
const NOT_FORWARDED = [
  'destination',
  'transaction',
  'receipt',
  'subscription',
  'message-id',
  'ack',
  'content-length',
  ENCODING,
];

const TRANSACTION = { BEGIN: 'begin', COMMIT: 'commit', ABORT: 'abort' } as const;
/** What a header looks like; an `id` asked for is that of a MESSAGE to acknowledge. */
const EXAMPLES = {
  destination: '/topic/greetings',
  id: 'the ack of a MESSAGE',
  transaction: 'tx1',
};
const NO_BODY: Uint8Array = new Uint8Array(0);

/**
 * The command a JSON text holds; `refused` if it breaks a rule, with the receipt it asked for if
 * that can be read.
 */
export function readCommand(text: string, limits: Limits): Command {
  let receipt: string | undefined;
  try {
    const entries = parseObject(text, limits);
    receipt = readableReceipt(entries, limits);
    const request = requestOf(entries, text, limits);
    if (request.name === 'SUBSCRIBE') receipt ??= impliedReceipt(request.fields, limits);
    return commandOf(request, limits);
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    return { type: 'refused', error: cause, ...defined({ receipt }) };
  }
}

/** The one switch over what can be asked. */
function commandOf({ name, fields, body }: Request, limits: Limits): Command {
  const receipt = bounded(fields, 'receipt', limits.receiptBytesMax);
  const asked = defined({ receipt });
  switch (name) {
    case 'CONNECT':
    case 'STOMP':
      return { ...connect(fields), ...asked };
    case 'SUBSCRIBE':
      return subscribe(fields, receipt, limits);
    case 'UNSUBSCRIBE':
      return { ...unsubscribe(fields), ...asked };
    case 'SEND':
      return { ...send(fields, body, limits), ...asked };
    case 'ACK':
    case 'NACK': {
      const id = need(fields, name, 'id');
      const transaction = bounded(fields, 'transaction', limits.transactionBytesMax);
      const headers = rest(fields, ['id', 'transaction', 'receipt']);
      const type = name === 'ACK' ? 'ack' : 'nack';
      return { type, id, headers, ...defined({ transaction }), ...asked };
    }
    case 'BEGIN':
    case 'COMMIT':
    case 'ABORT': {
      const transaction = need(fields, name, 'transaction');
      bounded(fields, 'transaction', limits.transactionBytesMax);
      const headers = rest(fields, ['transaction', 'receipt']);
      return { type: TRANSACTION[name], transaction, headers, ...asked };
    }
    case 'DISCONNECT':
      return { type: 'disconnect', ...asked };
    default:
      return name satisfies never;
  }
}

function connect(fields: Fields): ConnectCommand {
  const offered = fields.get('accept-version');
  const spoken = offered === undefined || offered.split(',').some((one) => one.trim() === VERSION);
  const beats = fields.get('heart-beat');
  const [, sends, wants] = /^\s*(\d{1,9})\s*,\s*(\d{1,9})\s*$/.exec(beats ?? '0,0') ?? [];
  if (sends === undefined || wants === undefined) {
    throw malformed(
      '"heart-beat" is not two numbers',
      'Write "heart-beat":"0,0", or leave it out.',
    );
  }
  return {
    type: 'connect',
    version: spoken ? VERSION : undefined,
    ...defined({
      login: fields.get('login'),
      passcode: fields.get('passcode'),
      host: fields.get('host'),
      heartBeat: beats === undefined ? undefined : ([Number(sends), Number(wants)] as const),
    }),
    headers: rest(fields, ['accept-version', 'heart-beat', 'login', 'passcode', 'host', 'receipt']),
  };
}

/** Always asks for a receipt, its id if it names no other: a person wants to see that it worked. */
function subscribe(fields: Fields, receipt: string | undefined, limits: Limits): SubscribeCommand {
  const destination = need(fields, 'SUBSCRIBE', 'destination');
  const ack = fields.get('ack') ?? 'auto';
  if (ack !== 'auto' && ack !== 'client' && ack !== 'client-individual') {
    throw malformed(`There is no ack mode ${quote(ack)}`, 'Use auto, client or client-individual.');
  }
  const most = limits.subscriptionIdBytesMax;
  const id = bounded(fields, 'id', most) ?? destination;
  if (Buffer.byteLength(id) > most) {
    throw malformed('The destination is too long to be the id', 'Name a shorter "id" beside it.');
  }
  const headers = rest(fields, ['destination', 'id', 'ack', 'receipt']);
  return { type: 'subscribe', id, destination, ack, headers, receipt: receipt ?? id };
}

function unsubscribe(fields: Fields): UnsubscribeCommand {
  const id = fields.get('id');
  const headers = rest(fields, ['id', 'destination', 'receipt']);
  if (id !== undefined) return { type: 'unsubscribe', id, headers };
  return {
    type: 'unsubscribe',
    destination: need(fields, 'UNSUBSCRIBE', 'destination'),
    headers,
  };
}

function send(fields: Fields, body: Body | undefined, limits: Limits): SendCommand {
  const destination = need(fields, 'SEND', 'destination');
  const transaction = bounded(fields, 'transaction', limits.transactionBytesMax);
  const typed = body === undefined || 'text' in body || fields.has('content-type');
  const headers = rest(fields, NOT_FORWARDED);
  const bytes = octets(body, fields.get(ENCODING));
  if (bytes.length > limits.publishBytesMax) {
    throw new BrokerError(
      'frame-too-large',
      `The body is larger than ${limits.publishBytesMax} octets`,
      'Send the data in several messages, or store it elsewhere and send its address.',
    );
  }
  return {
    type: 'send',
    destination,
    headers: typed ? headers : [...headers, ['content-type', JSON_TYPE]],
    body: bytes,
    ...defined({ transaction }),
  };
}

function octets(body: Body | undefined, encoding: string | undefined): Uint8Array {
  if (body === undefined) return NO_BODY;
  if ('text' in body) return bodyBytes(wellFormed(body.text, '"body"'), encoding);
  if (encoding === undefined) return Buffer.from(body.json);
  throw malformed(`"${ENCODING}" is for a body that is text`, 'Leave it out.');
}

function need(fields: Fields, name: Name, header: keyof typeof EXAMPLES): string {
  const value = fields.get(header);
  if (value !== undefined && value !== '') return value;
  const key = name.toLowerCase();
  throw new BrokerError(
    'header-missing',
    `${name} needs "${header}"`,
    `For example: {"${key}":"${EXAMPLES[header]}"}`,
  );
}

function bounded(fields: Fields, header: string, bytesMax: number): string | undefined {
  const value = fields.get(header);
  if (value === undefined || (value !== '' && Buffer.byteLength(value) <= bytesMax)) return value;
  throw malformed(`"${header}" is empty or too long`, `Use 1 to ${bytesMax} octets of UTF-8.`);
}

/** The receipt asked by an object that may be refused: its ERROR should name it. */
function readableReceipt(entries: Entries, limits: Limits): string | undefined {
  const value = entries.find(([key]) => key === 'receipt')?.[1];
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return Buffer.byteLength(String(value)) > limits.receiptBytesMax ? undefined : String(value);
}

/** A SUBSCRIBE that names no receipt is answered by its id, one that is refused too. */
function impliedReceipt(fields: Fields, limits: Limits): string | undefined {
  const id = fields.get('id') ?? fields.get('destination') ?? '';
  return id === '' || Buffer.byteLength(id) > limits.subscriptionIdBytesMax ? undefined : id;
}

/** `record` without what is undefined: an optional property is absent or has a value. */
function defined<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
