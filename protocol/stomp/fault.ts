/**
 * What can be wrong with a STOMP frame, in the words the client reads. Whatever of a frame is quoted
 * back is cut short and written as JSON, so that it stays on its line.
 */
import { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';

const FROM_SERVER: ReadonlySet<string> = new Set(['CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR']);

function malformed(message: string, mend: string): BrokerError {
  return new BrokerError('header-malformed', message, mend);
}

export function notUtf8(): BrokerError {
  return malformed('A header is not UTF-8', 'Encode commands and headers as UTF-8.');
}

export function noColon(line: string): BrokerError {
  return malformed(
    `The header line ${quote(line)} is not name:value`,
    'Write each header as name:value on its own line, and an empty line after the last one.',
  );
}

export function noHeadEnd(): BrokerError {
  return malformed(
    'The frame ends before the empty line that ends its headers',
    'Write an empty line after the last header, then the body, then the NUL octet.',
  );
}

export function badEscape(version: string | undefined): BrokerError {
  const defined = version === '1.1' ? '\\n, \\c and \\\\' : '\\n, \\r, \\c and \\\\';
  return malformed(
    `A header holds an escape that STOMP ${version} does not define`,
    `Use only ${defined}; a backslash itself is written \\\\.`,
  );
}

export function badLength(length: string): BrokerError {
  return malformed(
    `content-length is ${quote(length)}, not a number`,
    'Give the number of octets of the body in decimal digits, or leave content-length out.',
  );
}

export function noNul(bodyBytes: number): BrokerError {
  return malformed(
    `No NUL follows the ${bodyBytes} octets that content-length announced`,
    'Count octets of UTF-8, not characters, and end the frame with a NUL octet.',
  );
}

export function tooManyHeaders(limits: Pick<Limits, 'headersMax'>): BrokerError {
  return new BrokerError(
    'too-many-headers',
    `A frame has more than ${limits.headersMax} headers`,
    'Put the data into the body.',
  );
}

export function lineTooLong(limits: Pick<Limits, 'headerLineBytesMax'>): BrokerError {
  return new BrokerError(
    'too-many-headers',
    `A line of the head is longer than ${limits.headerLineBytesMax} octets`,
    'Put the data into the body.',
  );
}

export function headTooLarge(limits: Pick<Limits, 'headerBytesMax'>): BrokerError {
  return new BrokerError(
    'too-many-headers',
    `The headers are larger than ${limits.headerBytesMax} octets`,
    'Put the data into the body.',
  );
}

export function tooLarge(limits: Pick<Limits, 'publishBytesMax'>): BrokerError {
  return new BrokerError(
    'frame-too-large',
    `The frame is larger than ${limits.publishBytesMax} octets`,
    'Send the data in several messages, or store it elsewhere and send its address.',
  );
}

export function tooLong(name: string, bytesMax: number): BrokerError {
  return new BrokerError(
    'header-malformed',
    `The header ${name} is longer than ${bytesMax} octets`,
    `Use a shorter ${name}.`,
  );
}

export function unknownCommand(command: string): BrokerError {
  if (FROM_SERVER.has(command)) {
    return new BrokerError(
      'unknown-command',
      `${command} is a frame of the server`,
      'A client publishes with SEND.',
    );
  }
  return new BrokerError(
    'unknown-command',
    `There is no command ${quote(command)} in this version`,
    'Commands are upper case: SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, BEGIN, COMMIT, ABORT or DISCONNECT.',
  );
}

export function headerMissing(command: string, name: string): BrokerError {
  return new BrokerError(
    'header-missing',
    `${command} needs the header ${name}`,
    `Add a line ${name}:… to the frame; header names are case-sensitive.`,
  );
}

export function badAckMode(ack: string): BrokerError {
  return malformed(
    `There is no ack mode ${quote(ack)}`,
    'Use ack:auto, ack:client or ack:client-individual, or leave ack out, which means auto.',
  );
}

export function badHeartBeat(text: string): BrokerError {
  return malformed(
    `heart-beat is ${quote(text)}`,
    'Write two numbers of milliseconds, 0 for none, separated by a comma: heart-beat:0,0.',
  );
}

export function tooManyFrames(limits: Pick<Limits, 'framesPerMessageMax'>): BrokerError {
  return new BrokerError(
    'frame-too-large',
    `More than ${limits.framesPerMessageMax} frames came in one message`,
    'Send them in several WebSocket messages.',
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
