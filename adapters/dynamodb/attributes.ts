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

export function optionalNumber(row: Row, name: string): number | undefined {
  return row[name] === undefined ? undefined : number(row, name);
}

export function octets(row: Row, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw unknownShape(name, row);
  return value;
}

export function list(row: Row, name: string): readonly unknown[] {
  const value = row[name];
  if (!Array.isArray(value)) throw unknownShape(name, row);
  return value;
}

export function texts(row: Row, name: string): readonly string[] {
  return list(row, name).map((value) => {
    if (typeof value !== 'string') throw unknownShape(name, row);
    return value;
  });
}

/** A map within a row, or within another. */
export function map(row: Row, name: string): Row {
  return asMap(row[name], () => unknownShape(name, row));
}

/** A list of maps. */
export function maps(row: Row, name: string): readonly Row[] {
  return list(row, name).map((value) => asMap(value, () => unknownShape(name, row)));
}

/** Which attributes there are; written so that TypeScript asks for each that the model gains. */
export type Known<Model> = Readonly<Record<keyof Model, true>>;

/** Throws where there is one besides: left out, it would be lost without a word. */
export function onlyKnown(row: Row, ...known: readonly Readonly<Record<string, true>>[]): void {
  const unknown = Object.keys(row).filter((name) => !known.some((each) => each[name]));
  if (unknown.length > 0) throw new Error(`A row holds the unknown attributes ${unknown.sort()}`);
}

function asMap(value: unknown, fault: () => Error): Row {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!plain || value instanceof Uint8Array || value instanceof Set) throw fault();
  return { ...value };
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
