/**
 * Slices of an audience: subscribers by a digest of their connection's id. It is even whatever the
 * ids look like, and the same for ever, so that a connection's messages may be given to whoever has
 * its slice, in order, and nobody need read an audience to divide it.
 */

/** One of so many equal parts; `of` is a power of two, at most `PLACES`. */
export interface Slice {
  readonly index: number;
  readonly of: number;
}

/** What the digest of a connection's id may be: 0 and so many less one. */
export const PLACES = 4096;

/** FNV-1a of 32 bits, folded to 12. Stores keep rows in this order: never change it. */
export function placeOf(connectionId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < connectionId.length; at++) {
    hash = Math.imul(hash ^ connectionId.charCodeAt(at), 0x01000193);
  }
  return ((hash >>> 24) ^ (hash >>> 12) ^ hash) & 0xfff;
}

/** Places from `first` up to, and without, `end`. */
export function placesOf({ index, of }: Slice): { readonly first: number; readonly end: number } {
  const size = PLACES / of;
  return { first: index * size, end: (index + 1) * size };
}

/** Slices of about `most` each for so many, as few as a power of two allows. */
export function slicesFor(count: number, most: number): number {
  let of = 1;
  while (of < PLACES && count / of > most) of *= 2;
  return of;
}

/** The members of one slice of an array that is kept: divided once for all slices. */
export function makeDivider<Member extends { readonly connectionId: string }>(): (
  whole: readonly Member[],
  slice: Slice,
) => readonly Member[] {
  const known = new WeakMap<readonly Member[], Map<number, Member[][]>>();
  return (whole, { index, of }) => {
    const parts = known.get(whole) ?? new Map<number, Member[][]>();
    known.set(whole, parts);
    const slices = parts.get(of) ?? divide(whole, of);
    parts.set(of, slices);
    return slices[index] ?? [];
  };
}

function divide<Member extends { readonly connectionId: string }>(
  whole: readonly Member[],
  of: number,
): Member[][] {
  const slices: Member[][] = Array.from({ length: of }, () => []);
  for (const member of whole) {
    slices[Math.floor((placeOf(member.connectionId) * of) / PLACES)]?.push(member);
  }
  return slices;
}
