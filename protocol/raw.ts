/**
 * The carrier of a plain WebSocket: a text is a message, and nothing is wrapped around it. Texts of
 * a dialect that may be joined share a post, since a post is billed per 32 KB and costs a request.
 */
import type { Carrier } from '../broker/model.ts';

export const rawCarrier: Carrier = {
  name: 'raw',
  unwrap: (payload) => [payload],
  wrap: (texts, joins, bytesMax) => (joins && texts.length > 1 ? joined(texts, bytesMax) : texts),
};

/**
 * Neighbours share a post as long as it stays within `bytesMax`. A text alone in its post is handed
 * on as the object it was, so that receivers of one message share its bytes.
 */
function joined(texts: readonly Uint8Array[], bytesMax: number): readonly Uint8Array[] {
  const posts: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const text of texts) {
    if (group.length > 0 && bytes + text.length > bytesMax) {
      posts.push(joinedOne(group));
      group = [];
      bytes = 0;
    }
    group.push(text);
    bytes += text.length;
  }
  if (group.length > 0) posts.push(joinedOne(group));
  return posts;
}

function joinedOne(group: readonly Uint8Array[]): Uint8Array {
  const [only] = group;
  return only !== undefined && group.length === 1 ? only : Buffer.concat(group);
}
