/** Octets among JSON: `{"_placeholder":true,"num":n}` stands for the n-th attachment. */
import { isRecord } from './packet.ts';

/** Undefined: a placeholder names no attachment. */
export function filled(value: unknown, attachments: readonly Uint8Array[]): unknown {
  if (Array.isArray(value)) {
    const all = value.map((one) => filled(one, attachments));
    return all;
  }
  if (!isRecord(value)) return value;
  if (value['_placeholder'] === true) return attachments[Number(value['num'])];
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, filled(one, attachments)]),
  );
}

/** The JSON of a value that may hold octets, and those octets, in order. */
export function emptied(value: unknown): { json: string; attachments: readonly Uint8Array[] } {
  const attachments: Uint8Array[] = [];
  const walk = (one: unknown): unknown => {
    if (one instanceof Uint8Array) {
      attachments.push(one);
      return { _placeholder: true, num: attachments.length - 1 };
    }
    if (Array.isArray(one)) return one.map(walk);
    if (!isRecord(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]));
  };
  return { json: JSON.stringify(walk(value)), attachments };
}
