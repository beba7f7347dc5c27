/** The headers of a JSON object: flat, text, bounded as STOMP's header lines are. */
import { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Headers } from '../../broker/model.ts';

export type Fields = ReadonlyMap<string, string>;

/** Half of a surrogate pair: it has no UTF-8, so no other protocol could carry it. */
const HALF_CHARACTER = /\p{Cs}/u;

/**
 * Every header among `entries`, by name. Numbers and booleans become text, null is a header not
 * given; what nests is refused by name.
 */
export function fieldsOf(entries: Iterable<readonly [string, unknown]>, limits: Limits): Fields {
  const fields = new Map<string, string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    if (value === null) continue;
    const text = headerText(name, value);
    const line = Buffer.byteLength(name) + Buffer.byteLength(text);
    bytes += line;
    if (line > limits.headerLineBytesMax || bytes > limits.headerBytesMax) {
      throw new BrokerError(
        'too-many-headers',
        'The headers are too large',
        `At most ${limits.headerLineBytesMax} octets each and ${limits.headerBytesMax} together; ` +
          'put large things into the body.',
      );
    }
    fields.set(name, text);
  }
  if (fields.size > limits.headersMax) {
    throw new BrokerError(
      'too-many-headers',
      'There are too many headers',
      `Send at most ${limits.headersMax}; put the rest into the body.`,
    );
  }
  return fields;
}

/** The headers that are none of `taken`. */
export function rest(fields: Fields, taken: readonly string[]): Headers {
  return [...fields].filter(([name]) => !taken.includes(name));
}

export function malformed(message: string, mend: string): BrokerError {
  return new BrokerError('header-malformed', message, mend);
}

/** A text without half characters; `what` names it in the refusal. */
export function wellFormed(text: string, what: string): string {
  if (!HALF_CHARACTER.test(text)) return text;
  throw malformed(
    `${what} holds half a character`,
    'A \\uD800–\\uDFFF escape is half of a pair; write both halves or the character itself.',
  );
}

/** A client's own name in a message to it: short, on one line. */
export function quote(text: string): string {
  const clean = text.replace(/\p{Cc}|\p{Cs}/gu, '?');
  return `"${clean.length > 40 ? `${clean.slice(0, 39)}…` : clean}"`;
}

function headerText(name: string, value: unknown): string {
  const label = quote(name);
  wellFormed(name, label);
  switch (typeof value) {
    case 'string':
      return wellFormed(value, label);
    case 'boolean':
      return String(value);
    case 'number':
      if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
      throw malformed(`${label} is a number too large to keep exactly`, 'Write it as text.');
    default:
      throw malformed(
        `${label} is no text`,
        'Headers are texts, numbers or booleans; an object or array goes into "body".',
      );
  }
}
