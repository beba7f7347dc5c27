/**
 * A message's octets ⇄ the payload of an event. Text is a string, JSON is a value, and octets that
 * are no text are a Buffer: an attachment.
 */
import { BrokerError } from '../../broker/errors.ts';
import { bodyText, JSON_TYPE } from '../json/body.ts';
import { isRecord } from './packet.ts';

export const OCTETS_TYPE = 'application/octet-stream';
const TEXT_TYPE = 'text/plain';

export interface Body {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Throws `not-supported` for octets inside a value, which no other protocol could tell apart. */
export function bodyOf(payload: unknown): Body {
  if (typeof payload === 'string') return { type: TEXT_TYPE, body: Buffer.from(payload) };
  if (payload instanceof Uint8Array) return { type: OCTETS_TYPE, body: payload };
  if (holdsOctets(payload)) {
    throw new BrokerError(
      'not-supported',
      'The payload holds octets inside a value',
      'Send a Buffer as the whole payload, or put base64 into the value.',
    );
  }
  return { type: JSON_TYPE, body: Buffer.from(JSON.stringify(payload ?? null)) };
}

/** JSON to stand in an event, and the attachment it names, in base64. */
export interface Payload {
  readonly json: string;
  readonly attachment?: string;
}

const PLACEHOLDER = JSON.stringify({ _placeholder: true, num: 0 });

export function payloadOf(body: Uint8Array, contentType: string | undefined): Payload {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (contentType?.trim().toLowerCase().startsWith(OCTETS_TYPE)) return attached(bytes);
  const { json, encoding } = bodyText(body, contentType);
  return encoding === undefined ? { json } : attached(bytes);
}

function attached(bytes: Buffer): Payload {
  return { json: PLACEHOLDER, attachment: bytes.toString('base64') };
}

function holdsOctets(value: unknown): boolean {
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.some(holdsOctets);
  return isRecord(value) && Object.values(value).some(holdsOctets);
}
