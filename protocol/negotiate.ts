/**
 * Which dialect a client speaks: by the WebSocket sub-protocol it asks for, or by its first text.
 */
import { BrokerError } from '../broker/errors.ts';
import type { Dialect } from '../broker/model.ts';

export interface Subprotocol {
  /** Name of the dialect that goes with it. */
  readonly dialect: string;
  /** To be echoed in `Sec-WebSocket-Protocol`. */
  readonly protocol: string;
}

/** Best first: of those offered, the first one here is chosen. */
const SUBPROTOCOLS: readonly Subprotocol[] = [
  { protocol: 'v12.stomp', dialect: 'stomp' },
  { protocol: 'v11.stomp', dialect: 'stomp' },
  { protocol: 'v10.stomp', dialect: 'stomp' },
  { protocol: 'json.stompway', dialect: 'json' },
];

/**
 * `offered` is the value of `Sec-WebSocket-Protocol`. `none-known` must be refused: a server may
 * echo only what was offered (RFC 6455 §4.2.2), and a client that gets no echo closes.
 */
export function chooseSubprotocol(
  offered: string | undefined,
): Subprotocol | 'none-offered' | 'none-known' {
  const names = (offered ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) return 'none-offered';
  return SUBPROTOCOLS.find(({ protocol }) => names.includes(protocol)) ?? 'none-known';
}

const STOMP_COMMANDS: readonly string[] = [
  'CONNECT',
  'STOMP',
  'SEND',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'ACK',
  'NACK',
  'BEGIN',
  'COMMIT',
  'ABORT',
  'DISCONNECT',
];
/** Longer than every command, and short enough to be read from any text at no cost. */
const START_BYTES = 64;

/**
 * Tells the dialect from the first text, without parsing it: `{` or `[` begins JSON; ends of line
 * are STOMP's heart-beats; a STOMP command, or the first letters of one since a frame may be cut
 * anywhere, begins STOMP. Whoever begins otherwise is probably a person with a terminal, who gets a
 * line to paste.
 */
export function makeDetect(dialects: {
  readonly stomp: Dialect;
  readonly json: Dialect;
}): (text: Uint8Array) => Dialect | BrokerError {
  return (text) => {
    const name = dialectName(text);
    return name === undefined ? hint() : dialects[name];
  };
}

function dialectName(text: Uint8Array): 'stomp' | 'json' | undefined {
  let at = 0;
  while (isSpace(text[at])) at++;
  const start = Buffer.from(text.subarray(at, at + START_BYTES)).toString('latin1');
  if (start.startsWith('{') || start.startsWith('[')) return 'json';
  const spaces = Buffer.from(text.subarray(0, at));
  if (spaces.includes(' ') || spaces.includes('\t')) return undefined;
  return start === '' || beginsStomp(start) ? 'stomp' : undefined;
}

/**
 * In lower case only a whole command on its line counts: it is STOMP written wrongly, and is told
 * so in STOMP.
 */
function beginsStomp(start: string): boolean {
  const end = start.search(/[\r\n\0]/);
  if (end < 0) return STOMP_COMMANDS.some((command) => command.startsWith(start));
  return STOMP_COMMANDS.includes(start.slice(0, end).toUpperCase());
}

function isSpace(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09 || octet === 0x0a || octet === 0x0d;
}

function hint(): BrokerError {
  return new BrokerError(
    'protocol-violation',
    'This is neither a STOMP frame nor JSON',
    'Try this line: {"subscribe":"/topic/greetings"}',
  );
}
