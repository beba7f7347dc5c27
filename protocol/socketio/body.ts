/**
 * A message's octets ⇄ values of an event. Text is a string, JSON is a value, and octets that are no
 * text are a Buffer: an attachment. Octets inside a value stand in its JSON as `{"_octets": base64}`,
 * and its content type says how many, so that other protocols see them too.
 */
import { BrokerError } from '../../broker/errors.ts';
import { octetsOf } from '../engineio/packet.ts';
import { bodyText, JSON_TYPE } from '../json/body.ts';
import { ATTACHMENTS_MAX, isRecord } from './packet.ts';

export const OCTETS_TYPE = 'application/octet-stream';
const TEXT_TYPE = 'text/plain';
const MIXED = /^application\/json; *octets=\d+$/;

export interface Body {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Throws `protocol-violation` for more octets inside a value than a packet can attach. */
export function bodyOf(payload: unknown): Body {
  if (typeof payload === 'string') return { type: TEXT_TYPE, body: Buffer.from(payload) };
  if (payload instanceof Uint8Array) return { type: OCTETS_TYPE, body: payload };
  return valueBody(payload);
}

/** The same, always as JSON. */
export function valueBody(value: unknown): Body {
  let octets = 0;
  const written = replaced(value, (one) => {
    if (!(one instanceof Uint8Array)) return undefined;
    octets += 1;
    return { _octets: base64Of(one) };
  });
  if (octets > ATTACHMENTS_MAX) {
    throw new BrokerError(
      'protocol-violation',
      `The payload holds ${octets} times octets`,
      `Put octets into at most ${ATTACHMENTS_MAX} places of a value.`,
    );
  }
  const type = octets === 0 ? JSON_TYPE : `${JSON_TYPE}; octets=${octets}`;
  return { type, body: Buffer.from(JSON.stringify(written ?? null)) };
}

/** JSON to stand in an event, and the attachments it names, in base64. */
export interface Payload {
  readonly json: string;
  readonly attachments: readonly string[];
}

const PLACEHOLDER = JSON.stringify({ _placeholder: true, num: 0 });

export function payloadOf(body: Uint8Array, contentType: string | undefined): Payload {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const type = contentType?.trim().toLowerCase() ?? '';
  if (type.startsWith(OCTETS_TYPE)) return attached(bytes);
  const { json, encoding } = bodyText(body, contentType);
  if (encoding !== undefined) return attached(bytes);
  return MIXED.test(type) ? mixed(json) : { json, attachments: [] };
}

function attached(bytes: Buffer): Payload {
  return { json: PLACEHOLDER, attachments: [bytes.toString('base64')] };
}

/** As it was before `valueBody`; what no packet could attach stays as it stands. */
function mixed(json: string): Payload {
  const attachments: string[] = [];
  const value = replaced(JSON.parse(json), (one) => {
    if (!isRecord(one) || typeof one['_octets'] !== 'string') return undefined;
    if (octetsOf(one['_octets']) === undefined || attachments.length >= ATTACHMENTS_MAX)
      return undefined;
    attachments.push(one['_octets']);
    return { _placeholder: true, num: attachments.length - 1 };
  });
  return { json: JSON.stringify(value), attachments };
}

/** A copy, in which `put` has replaced what it knows. Packets have been bounded in depth before. */
function replaced(value: unknown, put: (one: unknown) => unknown): unknown {
  const other = put(value);
  if (other !== undefined) return other;
  if (Array.isArray(value)) return value.map((one) => replaced(one, put));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, put)]));
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
