/** Reads attributes of rows before anything is believed about them: the right type, or a throw. */
import type { Row } from './schema.ts';

export function oneOf<T extends string>(known: readonly T[], value: string): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw new Error(`A row holds ${value} where one of ${known} belongs`);
  return found;
}

export function text(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw unknownShape(name, row);
  return value;
}

export function optionalText(row: Row, name: string): string | undefined {
  return row[name] === undefined ? undefined : text(row, name);
}

export function number(row: Row, name: string): number {
  const value = row[name];
  if (typeof value !== 'number') throw unknownShape(name, row);
  return value;
}

export function after(prefix: string, value: string): string {
  if (!value.startsWith(prefix)) throw new Error(`A key begins otherwise than with ${prefix}`);
  return value.slice(prefix.length);
}

export function present(values: Row): Row {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Names attributes only: their values may be a client's. */
export function unknownShape(name: string, row: Row): Error {
  return new Error(`A row has no readable ${name}; it holds ${Object.keys(row).sort()}`);
}
