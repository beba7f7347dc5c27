/**
 * From a frame to what it asks. Here stand the header requirements of every client frame, version
 * by version; a frame that breaks one becomes a `refused` command in its place, with its receipt,
 * so that the ERROR can name it (1.2 "ERROR").
 */
import { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';
import type {
  AckMode,
  AcknowledgeCommand,
  Command,
  ConnectCommand,
  Headers,
  SendCommand,
  SubscribeCommand,
  TransactionCommand,
  UnsubscribeCommand,
} from '../../broker/model.ts';
import { bodyBytes, ENCODING } from '../json/body.ts';
import { badAckMode, badHeartBeat, headerMissing, tooLong, unknownCommand } from './fault.ts';
import type { Frame } from './frame.ts';
import { VERSIONS } from './header.ts';

type IdLimits = Pick<Limits, 'receiptBytesMax' | 'subscriptionIdBytesMax' | 'transactionBytesMax'>;

/** What a frame says apart from its command, told once for all the builders below. */
interface Request {
  readonly frame: Frame;
  readonly version: string | undefined;
  readonly limits: IdLimits;
  /** Spread into the command: a key only where there is one. */
  readonly receipt: { readonly receipt?: string };
}

const ACK_MODES: ReadonlySet<string> = new Set(['auto', 'client', 'client-individual']);
const HEART_BEAT = /^(\d+),(\d+)$/;

/** Never throws: a client's fault is a `refused` command. */
export function toCommand(frame: Frame, version: string | undefined, limits: IdLimits): Command {
  const receipt = header(frame.headers, 'receipt');
  if (receipt !== undefined && Buffer.byteLength(receipt) > limits.receiptBytesMax) {
    return { type: 'refused', error: tooLong('receipt', limits.receiptBytesMax) };
  }
  const asked = receipt === undefined ? {} : { receipt };
  try {
    return understood({ frame, version, limits, receipt: asked });
  } catch (error) {
    if (error instanceof BrokerError) return { type: 'refused', error, ...asked };
    throw error;
  }
}

function understood(request: Request): Command {
  switch (request.frame.command) {
    case 'SEND':
      return send(request);
    case 'ACK':
      return acknowledge('ack', request);
    case 'NACK':
      // NACK came with 1.1.
      if (request.version === '1.0') throw unknownCommand('NACK');
      return acknowledge('nack', request);
    case 'SUBSCRIBE':
      return subscribe(request);
    case 'UNSUBSCRIBE':
      return unsubscribe(request);
    case 'BEGIN':
      return transaction('begin', request);
    case 'COMMIT':
      return transaction('commit', request);
    case 'ABORT':
      return transaction('abort', request);
    case 'CONNECT':
    case 'STOMP':
      return connect(request);
    case 'DISCONNECT':
      return { type: 'disconnect', ...request.receipt };
    default:
      throw unknownCommand(request.frame.command);
  }
}

function send({ frame, limits, receipt }: Request): SendCommand {
  const within = header(frame.headers, 'transaction');
  const encoding = header(frame.headers, ENCODING);
  return {
    type: 'send',
    destination: required(frame, 'destination'),
    ...(within !== undefined && {
      transaction: bounded('transaction', within, limits.transactionBytesMax),
    }),
    headers: frame.headers.filter(isPassedOn),
    body: encoding === undefined ? frame.body : bodyBytes(textOf(frame.body), encoding),
    ...receipt,
  };
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

/**
 * What SEND may not pass on: its own headers, and those the broker writes into MESSAGE itself
 * (subscription, message-id, ack), which a sender must not forge. Comparing beats a Set here: the
 * names are fresh strings, which a Set would have to hash.
 */
function isPassedOn(pair: Headers[number]): boolean {
  switch (pair[0]) {
    case 'destination':
    case 'receipt':
    case 'transaction':
    case 'content-length':
    case 'subscription':
    case 'message-id':
    case 'ack':
    case ENCODING:
      return false;
    default:
      return true;
  }
}

/** `id` is a MUST from 1.1 on; in 1.0 a subscription may go by its destination alone. */
function subscribe({ frame, version, limits, receipt }: Request): SubscribeCommand {
  const destination = required(frame, 'destination');
  const id =
    version === '1.0' ? (header(frame.headers, 'id') ?? destination) : required(frame, 'id');
  const ack = header(frame.headers, 'ack') ?? 'auto';
  if (!isAckMode(ack)) {
    throw badAckMode(ack);
  }
  return {
    type: 'subscribe',
    id: bounded('id', id, limits.subscriptionIdBytesMax),
    destination,
    ack,
    headers: without(frame.headers, ['id', 'destination', 'ack', 'receipt']),
    ...receipt,
  };
}

function unsubscribe({ frame, version, limits, receipt }: Request): UnsubscribeCommand {
  const named = version === '1.0' && header(frame.headers, 'id') === undefined;
  return {
    type: 'unsubscribe',
    ...(named
      ? { destination: required(frame, 'destination') }
      : { id: bounded('id', required(frame, 'id'), limits.subscriptionIdBytesMax) }),
    headers: without(frame.headers, ['id', 'destination', 'receipt']),
    ...receipt,
  };
}

/** The key of an ACK: 1.2 `id`; 1.1 `message-id` and `subscription`; 1.0 `message-id`. */
function acknowledge(type: 'ack' | 'nack', request: Request): AcknowledgeCommand {
  const { frame, version, limits, receipt } = request;
  const within = header(frame.headers, 'transaction');
  const early = version === '1.0' || version === '1.1';
  return {
    type,
    id: required(frame, early ? 'message-id' : 'id'),
    ...(version === '1.1' && { subscription: required(frame, 'subscription') }),
    ...(within !== undefined && {
      transaction: bounded('transaction', within, limits.transactionBytesMax),
    }),
    headers: without(frame.headers, ['id', 'message-id', 'subscription', 'transaction', 'receipt']),
    ...receipt,
  };
}

function transaction(type: TransactionCommand['type'], request: Request): TransactionCommand {
  const { frame, limits, receipt } = request;
  return {
    type,
    transaction: bounded('transaction', required(frame, 'transaction'), limits.transactionBytesMax),
    headers: without(frame.headers, ['transaction', 'receipt']),
    ...receipt,
  };
}

function connect({ frame, receipt }: Request): ConnectCommand {
  const login = header(frame.headers, 'login');
  const passcode = header(frame.headers, 'passcode');
  const host = header(frame.headers, 'host');
  const beats = header(frame.headers, 'heart-beat');
  return {
    type: 'connect',
    version: agreedVersion(header(frame.headers, 'accept-version')),
    ...(login !== undefined && { login }),
    ...(passcode !== undefined && { passcode }),
    ...(host !== undefined && { host }),
    ...(beats !== undefined && { heartBeat: heartBeat(beats) }),
    headers: without(frame.headers, [
      'accept-version',
      'login',
      'passcode',
      'host',
      'heart-beat',
      'receipt',
    ]),
    ...receipt,
  };
}

/** The highest version both speak; a client that offers none is of 1.0, which had no such header. */
function agreedVersion(offered: string | undefined): string | undefined {
  if (offered === undefined) return '1.0';
  const versions = offered.split(',').map((version) => version.trim());
  return VERSIONS.findLast((version) => versions.includes(version));
}

function heartBeat(text: string): readonly [number, number] {
  const [, sends, wants] = HEART_BEAT.exec(text) ?? [];
  if (sends === undefined || wants === undefined) {
    throw badHeartBeat(text);
  }
  return [safeNumber(sends), safeNumber(wants)];
}

function safeNumber(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Of a repeated header the first counts (1.2 "Repeated Header Entries"). */
function header(headers: Headers, wanted: string): string | undefined {
  for (const pair of headers) if (pair[0] === wanted) return pair[1];
  return undefined;
}

function without(headers: Headers, names: readonly string[]): Headers {
  return headers.filter(([name]) => !names.includes(name));
}

function required(frame: Frame, name: string): string {
  const value = header(frame.headers, name);
  if (value !== undefined) return value;
  throw headerMissing(frame.command, name);
}

function bounded(name: string, value: string, bytesMax: number): string {
  if (Buffer.byteLength(value) > bytesMax) throw tooLong(name, bytesMax);
  return value;
}

function isAckMode(text: string): text is AckMode {
  return ACK_MODES.has(text);
}
