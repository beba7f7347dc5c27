/**
 * A message's octets ⇄ the `body` of a JSON object. Text is a string, JSON is a value, and octets
 * that are no UTF-8 are base64 beside `"body-encoding":"base64"`, in both directions.
 */
import { isUtf8 } from 'node:buffer';
import { BrokerError } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import { nesting } from './outline.ts';

export const JSON_TYPE = 'application/json';

/** The header that says what `body` is when it is no text. */
export const ENCODING = 'body-encoding';
const BASE64 = 'base64';

/** RFC 8259 and RFC 6839: application/json and anything that ends in +json, with or without parameters. */
const JSON_TYPES = /^\s*(?:application\/json|[^\s;/]+\/[^\s;/]+\+json)\s*(?:;|$)/i;

/** What stands behind `"body":` and, when the octets are no text, the encoding to name beside it. */
export interface BodyText {
  readonly json: string;
  readonly encoding?: typeof BASE64;
}

/**
 * A body of a JSON content type that is JSON is passed on as it is written, so every number arrives
 * with all its digits; one that is not, or nests deeper than readers can follow, arrives as a string.
 */
export function bodyText(body: Uint8Array, contentType: string | undefined): BodyText {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(bytes)) return { json: `"${bytes.toString('base64')}"`, encoding: BASE64 };
  const text = bytes.toString('utf8');
  if (contentType !== undefined && JSON_TYPES.test(contentType) && isJson(text)) {
    return { json: text };
  }
  return { json: JSON.stringify(text) };
}

/** The octets of a `body` that was a string. */
export function bodyBytes(text: string, encoding: string | undefined): Uint8Array {
  if (encoding === undefined) return Buffer.from(text, 'utf8');
  const bytes = Buffer.from(text, 'base64');
  if (encoding !== BASE64 || bytes.toString('base64') !== text) {
    throw new BrokerError(
      'header-malformed',
      'The body is not in the encoding it names',
      'Use "body-encoding":"base64" with padded base64 and no line breaks, or leave it out.',
    );
  }
  return bytes;
}

function isJson(text: string): boolean {
  // The body is one level inside the reply.
  if (nesting(text) >= LIMITS.jsonDepthMax) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
