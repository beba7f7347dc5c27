/**
 * The STOMP frame on bytes.
 *
 * A parse begins at an octet that is no end of line (`skipEols`) and goes through four states:
 *
 *   command   octets up to the first LF
 *   headers   lines up to an empty one; nothing is decoded before the whole block is there
 *   body      `content-length` octets, or all octets before the first NUL
 *   end       the NUL, demanded where `content-length` says it is
 *
 * The rule: the head is searched once, octet by octet, for line ends only, and every limit is
 * checked in that search. So a header block that never ends is refused when it passes its limit,
 * not when memory does, and whatever can be told from the head is told before the body has come.
 * A whole head is made one string and cut by string searches; a body is never looked at beyond its
 * NUL and never copied: it is a view of the input.
 *
 * Bytes and not strings, because all lengths of STOMP are octets, a body may hold any of them, and
 * a message may be cut inside a UTF-8 sequence. The parser keeps no state: a frame that is not
 * whole is `incomplete`, and its bytes come again with more behind them. What is decided from a
 * prefix is decided the same from the whole, so a stream may be cut anywhere.
 *
 * NUL is a legal octet of a header (1.2 "Augmented BNF"), except here as the first of a line: that
 * is a frame whose empty line was forgotten, and whoever typed it should not wait in silence.
 */
import { isUtf8 } from 'node:buffer';
import type { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Headers } from '../../broker/model.ts';
import {
  badEscape,
  badLength,
  headTooLarge,
  lineTooLong,
  noColon,
  noHeadEnd,
  noNul,
  notUtf8,
  tooLarge,
  tooManyHeaders,
} from './fault.ts';
import { headerLine, headerRules, unescapeHeader } from './header.ts';

export interface Frame {
  readonly command: string;
  readonly headers: Headers;
  /** A view of the input: copy to keep. */
  readonly body: Uint8Array;
  /** Offset of the octet after the frame's NUL. */
  readonly end: number;
}

type FrameLimits = Pick<
  Limits,
  'headersMax' | 'headerLineBytesMax' | 'headerBytesMax' | 'publishBytesMax'
>;

const NUL = 0;
const LF = 10;
const CR = 13;
const NO_BODY = new Uint8Array(0);

/** The first offset from `at` on that holds neither CR nor LF: frames may have any between them. */
export function skipEols(bytes: Uint8Array, at: number): number {
  let next = at;
  while (bytes[next] === LF || bytes[next] === CR) next++;
  return next;
}

/**
 * The frame that begins at `at`, `incomplete` if its end has not come, or what is wrong with it.
 * `version` is the session's, undefined before CONNECT.
 */
export function parseFrame(
  bytes: Buffer,
  at: number,
  version: string | undefined,
  limits: FrameLimits,
): Frame | 'incomplete' | BrokerError {
  const rules = headerRules(version);
  const headEnd = findHeadEnd(bytes, at, rules.crEndsLine, limits);
  if (typeof headEnd !== 'number') return headEnd;
  const linesEnd = rules.crEndsLine && bytes[headEnd - 1] === CR ? headEnd - 1 : headEnd;
  const text = bytes.toString('utf8', at, linesEnd);
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(at, linesEnd))) return notUtf8();

  const commandEnd = text.indexOf('\n');
  const command = cut(text, 0, commandEnd, rules.crEndsLine);
  const escaped = text.includes('\\') && command !== 'CONNECT' && command !== 'STOMP';
  const headers: (readonly [string, string])[] = [];
  let length: string | undefined;
  for (let from = commandEnd + 1; from < text.length; ) {
    const lineEnd = text.indexOf('\n', from);
    const colon = text.indexOf(':', from);
    if (colon < 0 || colon > lineEnd) return noColon(cut(text, from, lineEnd, true));
    let name: string | undefined = text.slice(from, colon);
    let value: string | undefined = cut(text, colon + 1, lineEnd, rules.crEndsLine);
    if (escaped) {
      name = unescapeHeader(name, rules);
      value = unescapeHeader(value, rules);
      if (name === undefined || value === undefined) return badEscape(version);
    }
    if (name === '') return noColon(`:${value}`);
    if (name === 'content-length') length ??= value;
    headers.push([name, value]);
    from = lineEnd + 1;
  }
  return withBody(bytes, { at, bodyAt: headEnd + 1, command, headers, length }, limits);
}

/**
 * Offset of the LF that ends the empty line after the headers. The search stops where the limits
 * do, and keeps nothing but its place.
 */
function findHeadEnd(
  bytes: Buffer,
  at: number,
  crEndsLine: boolean,
  limits: FrameLimits,
): number | 'incomplete' | BrokerError {
  const commandEnd = findCommandEnd(bytes, at, limits);
  if (typeof commandEnd !== 'number') return commandEnd;
  const headersAt = commandEnd + 1;
  // Where the last LF may stand; a CR before it is not counted.
  const bound = headersAt + limits.headerBytesMax + 1;
  let lineAt = headersAt;
  for (let lines = 0; lines <= limits.headersMax; lines++) {
    if (bytes[lineAt] === NUL) return noHeadEnd();
    const lineBound = lineAt + limits.headerLineBytesMax + 1;
    const end = findLf(bytes, lineAt, Math.min(bound, lineBound));
    if (end === 'incomplete') return end;
    if (end === 'beyond') return lineBound < bound ? lineTooLong(limits) : headTooLarge(limits);
    const octets = end - lineAt - (crEndsLine && bytes[end - 1] === CR ? 1 : 0);
    if (octets <= 0) return end;
    if (octets > limits.headerLineBytesMax) return lineTooLong(limits);
    lineAt = end + 1;
    if (lineAt >= bound) return headTooLarge(limits);
  }
  return tooManyHeaders(limits);
}

function findCommandEnd(
  bytes: Buffer,
  at: number,
  limits: FrameLimits,
): number | 'incomplete' | BrokerError {
  const bound = Math.min(bytes.length, at + limits.headerLineBytesMax + 2);
  for (let index = at; index < bound; index++) {
    const octet = bytes[index];
    if (octet === LF) return index;
    if (octet === NUL) return noHeadEnd();
  }
  return bound < bytes.length ? lineTooLong(limits) : 'incomplete';
}

/** The first LF from `from` up to `bound` itself. */
function findLf(bytes: Buffer, from: number, bound: number): number | 'incomplete' | 'beyond' {
  const stop = Math.min(bytes.length, bound + 1);
  for (let index = from; index < stop; index++) if (bytes[index] === LF) return index;
  return stop < bytes.length || stop > bound ? 'beyond' : 'incomplete';
}

function cut(text: string, from: number, to: number, crEndsLine: boolean): string {
  const end = crEndsLine && to > from && text.charCodeAt(to - 1) === CR ? to - 1 : to;
  return text.slice(from, end);
}

interface Head {
  readonly at: number;
  readonly bodyAt: number;
  readonly command: string;
  readonly headers: Headers;
  readonly length: string | undefined;
}

function withBody(
  bytes: Buffer,
  head: Head,
  limits: FrameLimits,
): Frame | 'incomplete' | BrokerError {
  const { at, bodyAt, command, headers, length } = head;
  const bodyBytesMax = limits.publishBytesMax - (bodyAt - at);
  let bodyEnd: number;
  if (length === undefined) {
    bodyEnd = bytes.indexOf(NUL, bodyAt);
    if ((bodyEnd < 0 ? bytes.length : bodyEnd) - bodyAt > bodyBytesMax) return tooLarge(limits);
    if (bodyEnd < 0) return 'incomplete';
  } else {
    const bodyBytes = decimal(length);
    if (bodyBytes === undefined) return badLength(length);
    if (bodyBytes > bodyBytesMax) return tooLarge(limits);
    bodyEnd = bodyAt + bodyBytes;
    if (bodyEnd >= bytes.length) return 'incomplete';
    if (bytes[bodyEnd] !== NUL) return noNul(bodyBytes);
  }
  const body = bodyEnd === bodyAt ? NO_BODY : view(bytes, bodyAt, bodyEnd);
  return { command, headers, body, end: bodyEnd + 1 };
}

/** The value of digits alone; by hand, since `Number` takes longer than the rest of the body. */
function decimal(text: string): number | undefined {
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return text === '' ? undefined : value;
}

/** A plain array, whose `slice` copies: that of a Buffer is another view. */
export function view(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}

/**
 * The receipt asked by a frame that could not be parsed, as far as its head can be read: an ERROR
 * should name it (1.2 "ERROR"). Undefined if there is none, or none of use.
 */
export function readableReceipt(
  bytes: Buffer,
  at: number,
  version: string | undefined,
  limits: Pick<Limits, 'headerBytesMax' | 'receiptBytesMax'>,
): string | undefined {
  const rules = headerRules(version);
  const head = bytes.toString('utf8', at, Math.min(bytes.length, at + limits.headerBytesMax));
  for (const line of head.split('\n').slice(1)) {
    const text = cut(line, 0, line.length, rules.crEndsLine);
    if (text === '') return undefined;
    if (!text.startsWith('receipt:')) continue;
    const receipt = unescapeHeader(text.slice('receipt:'.length), rules);
    if (receipt === undefined || receipt.includes('\ufffd')) return undefined;
    return Buffer.byteLength(receipt) > limits.receiptBytesMax ? undefined : receipt;
  }
  return undefined;
}

/** A whole frame. The caller gives `content-length` where there is a body. */
export function frameBytes(
  command: string,
  headers: Headers,
  body: Uint8Array,
  version: string | undefined,
): Buffer {
  let head = `${command}\n`;
  for (const [name, value] of headers) head += headerLine(name, value, version);
  head += '\n';
  const headBytes = Buffer.byteLength(head);
  const frame = Buffer.allocUnsafe(headBytes + body.length + 1);
  frame.write(head, 0, 'utf8');
  frame.set(body, headBytes);
  frame[frame.length - 1] = NUL;
  return frame;
}
