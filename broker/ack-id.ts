/**
 * The `ack` header of a MESSAGE. It names one delivery to one subscription of one connection: useless
 * to anybody else, and void for a later delivery.
 */

/** Of a queue's item: its place, which delivery it is, and to whom. */
export function ackOfItem(place: string, delivery: number, subscriptionId: string): string {
  return `${place}-${delivery}-${encode(subscriptionId)}`;
}

/** Of a logged destination's message: its `seq`, and to whom. */
export function ackOfSeq(seq: string, subscriptionId: string): string {
  return `s${seq}-${encode(subscriptionId)}`;
}

/** The `seq` it acknowledges, if it is of a logged destination's message. */
export function seqOfAck(id: string): number | undefined {
  const [, seq] = /^s(\d{1,15})-/.exec(id) ?? [];
  return seq === undefined ? undefined : Number(seq);
}

/** The place of the item it names, if it is of a queue's. */
export function placeOfAck(id: string): string | undefined {
  return /^(\d{6}-\d{15})-\d+-[\w-]*$/.exec(id)?.[1];
}

/** The subscription it names, or undefined if it is none of ours. */
export function subscriptionOfAck(id: string): string | undefined {
  const [, encoded] = /^(?:\d{6}-\d{15}-\d+|s\d{1,15})-([\w-]*)$/.exec(id) ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString();
}

function encode(subscriptionId: string): string {
  return Buffer.from(subscriptionId).toString('base64url');
}
