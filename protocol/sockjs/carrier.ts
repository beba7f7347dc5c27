/**
 * The SockJS carrier: whatever a dialect says travels as strings of a JSON array. Posts are whole
 * `a[…]` frames, over a WebSocket as they are, into a mailbox to be joined when they are fetched.
 */
import { BrokerError } from '../../broker/errors.ts';
import type { Carrier } from '../../broker/model.ts';
import { closeFrame, quote, readMessage } from './frames.ts';

export const sockjsCarrier: Carrier = {
  name: 'sockjs',
  unwrap(payload) {
    const texts = readMessage(
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString(),
    );
    if (typeof texts === 'string') {
      throw new BrokerError(
        'envelope-malformed',
        'This is no SockJS message',
        'Send a JSON array of strings, ["…"]; a SockJS client does so by itself.',
      );
    }
    return texts.map((text) => Buffer.from(text));
  },
  wrap: (texts, _joins, bytesMax) => packed(texts, bytesMax),
  farewell: Buffer.from(closeFrame({ code: 1000, reason: 'Normal closure' })),
};

/** Brackets, the letter before them. */
const FRAME_BYTES = 3;

/** As few frames as keep within `bytesMax`; a text that is larger has one of its own. */
function packed(texts: readonly Uint8Array[], bytesMax: number): readonly Uint8Array[] {
  const posts: Uint8Array[] = [];
  let group: string[] = [];
  let bytes = FRAME_BYTES;
  for (const text of texts) {
    const quoted = quote(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString());
    const more = Buffer.byteLength(quoted) + 1;
    if (group.length > 0 && bytes + more > bytesMax) {
      posts.push(frameOf(group));
      group = [];
      bytes = FRAME_BYTES;
    }
    group.push(quoted);
    bytes += more;
  }
  if (group.length > 0) posts.push(frameOf(group));
  return posts;
}

function frameOf(quoted: readonly string[]): Uint8Array {
  return Buffer.from(`a[${quoted.join(',')}]`);
}
