/**
 * Octets of an item as DynamoDB counts them for its units ("DynamoDB item sizes and formats" in its
 * developer guide): names and texts in UTF-8; a number about one octet for two significant digits
 * and one more; a boolean or null one; a list or map three and one for each element; a set its
 * elements.
 */
import type { Row } from '../../adapters/dynamodb/schema.ts';

export function itemBytes(row: Row): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(row)) {
    if (value !== undefined) bytes += Buffer.byteLength(name) + valueBytes(value);
  }
  return bytes;
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return numberBytes(value);
  if (typeof value === 'boolean' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Set) return listBytes([...value]);
  if (Array.isArray(value)) return 3 + value.length + listBytes(value);
  if (typeof value === 'object') {
    return 3 + Object.keys(value).length + itemBytes(Object.fromEntries(Object.entries(value)));
  }
  throw new TypeError(`DynamoDB has no ${typeof value}`);
}

function listBytes(values: readonly unknown[]): number {
  return values.reduce<number>((bytes, value) => bytes + valueBytes(value), 0);
}

function numberBytes(value: number): number {
  const digits = String(Math.abs(value))
    .replace('.', '')
    .replace(/^0+|0+$/g, '').length;
  return Math.ceil(digits / 2) + (value < 0 ? 2 : 1);
}
