/** What a client says and reads: STOMP 1.2 or JSON, as real text through the real codecs. */
import { BrokerError } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import { frameBytes, parseFrame, skipEols } from '../../protocol/stomp/frame.ts';

const OPENING_BRACE = 0x7b;

export type Language = 'stomp' | 'json';

export interface Said {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function write(language: Language, { command, headers, body }: Said): Uint8Array {
  if (language === 'json') {
    const spoken = body === '' ? { command, ...headers } : { command, ...headers, body };
    return Buffer.from(JSON.stringify(spoken));
  }
  const version = command === 'CONNECT' ? undefined : '1.2';
  return frameBytes(command, Object.entries(headers), Buffer.from(body), version);
}

/**
 * Every frame or object of one WebSocket message. Throws if it is not whole. A connection that fails
 * before its dialect is known is told so in JSON.
 */
export function read(language: Language, payload: Uint8Array): readonly Said[] {
  return language === 'json' || payload[0] === OPENING_BRACE
    ? [readJson(payload)]
    : readStomp(Buffer.from(payload));
}

function readStomp(bytes: Buffer): readonly Said[] {
  const said: Said[] = [];
  for (let at = skipEols(bytes, 0); at < bytes.length; ) {
    const frame = parseFrame(bytes, at, '1.2', LIMITS);
    if (frame === 'incomplete' || frame instanceof BrokerError) {
      throw new Error(`the broker sent what is no whole frame: ${bytes.toString()}`);
    }
    // The first of a name counts.
    const headers = Object.fromEntries([...frame.headers].reverse());
    said.push({ command: frame.command, headers, body: Buffer.from(frame.body).toString() });
    at = skipEols(bytes, frame.end);
  }
  return said;
}

function readJson(payload: Uint8Array): Said {
  const value: unknown = JSON.parse(Buffer.from(payload).toString());
  if (typeof value !== 'object' || value === null) throw new Error('the broker sent no object');
  const { command, body, ...headers }: { command?: unknown; body?: unknown } = value;
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text)] as const);
  return {
    command: String(command),
    headers: Object.fromEntries(texts),
    body: typeof body === 'string' ? body : JSON.stringify(body ?? ''),
  };
}
