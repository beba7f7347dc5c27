/**
 * STOMP's commands as JSON objects, one a message, for wscat and a bare `WebSocket`: nobody can type
 * a NUL. docs/protocol.md, "JSON in one page", is its specification.
 */
import { isUtf8 } from 'node:buffer';
import { BrokerError } from '../../broker/errors.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Decoded, Dialect } from '../../broker/model.ts';
import { readCommand, VERSION } from './command.ts';
import { messageSplice, replyText } from './reply.ts';

/** The dialect under other bounds than the usual ones. */
export function jsonWithin(limits: Limits): Dialect {
  return {
    name: 'json',
    endsOnError: false,
    joins: false,
    versions: [VERSION],
    impliedVersion: VERSION,
    decode: (bytes) => decode(bytes, limits),
    encode: (reply) => Buffer.from(replyText(reply)),
    message: messageSplice,
  };
}

export const jsonDialect: Dialect = jsonWithin(LIMITS);

/** A text is whole: at most one command, never a half. Blank text is a heart-beat. */
function decode(bytes: Uint8Array, limits: Limits): Decoded {
  if (bytes.length > limits.messageBytesMax) {
    return refused(
      new BrokerError(
        'frame-too-large',
        `The message is larger than ${limits.messageBytesMax} octets`,
        'Send the data in several messages, or store it elsewhere and send its address.',
      ),
    );
  }
  if (!isUtf8(bytes)) {
    return refused(
      new BrokerError(
        'protocol-violation',
        'The message is not UTF-8',
        'Send text; octets go into "body" as base64, beside "body-encoding":"base64".',
      ),
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .trim();
  return { commands: text === '' ? [] : [readCommand(text, limits)] };
}

function refused(error: BrokerError): Decoded {
  return { commands: [{ type: 'refused', error }] };
}
