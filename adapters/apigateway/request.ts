/**
 * A signed request as HTTP/1.1 octets, head and body in one piece: one TLS record, one system call.
 * The memory is the connection's own and used again: a request is written whole, and copied by TLS,
 * before the next one is made.
 */
import type { SignedRequest } from './signature.ts';

/** The octets returned are good until the next call. */
export type RequestWriter = (request: SignedRequest, body: Uint8Array) => Uint8Array;

/** What most requests fit in: a function's token alone has some 1,000 octets. */
const USUAL_BYTES = 4096;

export function requestWriter(): RequestWriter {
  let memory = Buffer.allocUnsafe(USUAL_BYTES);
  return (request, body) => {
    const own =
      `${request.method} ${plain(request.path)} HTTP/1.1\r\nauthorization: ${plain(request.authorization)}\r\n` +
      `content-length: ${body.length}\r\n`;
    const shared = sharedLines(request.headers);
    const length = own.length + shared.length + body.length;
    if (length > memory.length) memory = Buffer.allocUnsafe(length);
    memory.write(own, 'latin1');
    memory.set(shared, own.length);
    memory.set(body, own.length + shared.length);
    return memory.subarray(0, length);
  };
}

const lines = new WeakMap<SignedRequest['headers'], Buffer>();

/** Headers that many requests share are written once, by the identity of their list. */
function sharedLines(headers: SignedRequest['headers']): Buffer {
  const known = lines.get(headers);
  if (known !== undefined) return known;
  const text = headers.map(([name, value]) => `${plain(name)}: ${plain(value)}\r\n`).join('');
  const written = Buffer.from(`${text}\r\n`, 'latin1');
  lines.set(headers, written);
  return written;
}

/** No line end, nothing beyond ASCII: a header cannot become two. */
function plain(text: string): string {
  if (/[^\x20-\x7e]/.test(text)) throw new Error('A header of a request is broken');
  return text;
}
