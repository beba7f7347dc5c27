/** Reading JSON of unknown shape: guards, and a reader that refuses what nobody asked for. */
import { TemplateFault } from './fault.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value;
  throw new TemplateFault('wrong-value', where, `expected an object, found ${brief(value)}`);
}

export function asList(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TemplateFault('wrong-value', where, `expected a list, found ${brief(value)}`);
}

export function asText(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw new TemplateFault('wrong-value', where, `expected a string, found ${brief(value)}`);
}

/** CloudFormation takes a number as text and a lone value for a list in many places. */
export function asTexts(value: unknown, where: string): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map((item) => asText(item, where));
}

export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/**
 * Properties of one resource. Every key must be read (or ignored, which says that it changes
 * nothing here): `done` refuses the rest, which is how a misspelt property is found.
 */
export interface Reader {
  readonly where: string;
  readonly value: JsonObject;
  has(key: string): boolean;
  any(key: string): unknown;
  text(key: string): string;
  maybeText(key: string): string | undefined;
  maybeNumber(key: string): number | undefined;
  maybeFlag(key: string): boolean | undefined;
  list(key: string): readonly unknown[];
  object(key: string): Reader | undefined;
  objects(key: string): readonly Reader[];
  ignore(...keys: readonly string[]): void;
  done(): void;
}

export function reader(value: unknown, where: string): Reader {
  const object = asObject(value, where);
  const read = new Set<string>();
  const children: Reader[] = [];
  const any = (key: string): unknown => {
    read.add(key);
    return object[key];
  };
  const child = (item: unknown, path: string): Reader => {
    const made = reader(item, path);
    children.push(made);
    return made;
  };
  const list = (key: string): readonly unknown[] => {
    const found = any(key);
    return found === undefined ? [] : asList(found, `${where}.${key}`);
  };
  return {
    where,
    value: object,
    has: (key) => object[key] !== undefined,
    any,
    list,
    text: (key) => required(any(key), where, key, asText),
    maybeText: (key) => optional(any(key), `${where}.${key}`, asText),
    maybeNumber: (key) => optional(any(key), `${where}.${key}`, asNumber),
    maybeFlag: (key) => optional(any(key), `${where}.${key}`, asFlag),
    object: (key) => {
      const found = any(key);
      return found === undefined ? undefined : child(found, `${where}.${key}`);
    },
    objects: (key) => list(key).map((item, index) => child(item, `${where}.${key}.${index}`)),
    ignore: (...keys) => {
      for (const key of keys) read.add(key);
    },
    done: () => {
      const unread = Object.keys(object).find((key) => !read.has(key));
      if (unread !== undefined) {
        throw new TemplateFault('unknown-property', where, `there is no property ${unread}`);
      }
      for (const one of children) one.done();
    },
  };
}

function required<T>(
  value: unknown,
  where: string,
  key: string,
  as: (value: unknown, where: string) => T,
): T {
  if (value === undefined) throw new TemplateFault('missing-property', where, `${key} is required`);
  return as(value, `${where}.${key}`);
}

function optional<T>(
  value: unknown,
  where: string,
  as: (value: unknown, where: string) => T,
): T | undefined {
  return value === undefined ? undefined : as(value, where);
}

function asNumber(value: unknown, where: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new TemplateFault('wrong-value', where, `expected a number, found ${brief(value)}`);
}

function asFlag(value: unknown, where: string): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new TemplateFault('wrong-value', where, `expected true or false, found ${brief(value)}`);
}
