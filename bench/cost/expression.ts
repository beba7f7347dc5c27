/**
 * DynamoDB's condition and update expressions, as much of them as the store writes; whatever else
 * comes is refused with a throw, so that no count rests on a guess. `#name` is an attribute, `:name`
 * a value.
 *
 *   condition   or = and { OR and } · and = term { AND term }
 *   term        ( or ) | attribute_exists(#a) | attribute_not_exists(#a) | contains(#a, :v)
 *               | operand comparator operand
 *   operand     #a | :v | size(#a)
 *   update      SET #a = sum, … | ADD #a :v, … | DELETE #a :v, … | REMOVE #a, …
 *   sum         operand { (+ | -) operand } | if_not_exists(#a, operand)
 */
import type { Row } from '../../adapters/dynamodb/schema.ts';

export interface Names {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>> | undefined;
}

interface Reader {
  readonly tokens: readonly string[];
  readonly row: Row;
  readonly names: Names;
  at: number;
}

export function holds(expression: string, row: Row | undefined, names: Names): boolean {
  const reader = read(expression, row ?? {}, names);
  const result = either(reader);
  end(reader);
  return result;
}

/** The row after the update. */
export function updated(expression: string, row: Row, names: Names): Row {
  const reader = read(expression, row, names);
  const next: Record<string, unknown> = { ...row };
  while (reader.at < reader.tokens.length) {
    const verb = take(reader);
    do {
      const name = attribute(reader);
      const value = change(verb, row[name], reader);
      if (value === undefined) delete next[name];
      else next[name] = value;
    } while (skip(reader, ','));
  }
  return next;
}

function change(verb: string, old: unknown, reader: Reader): unknown {
  switch (verb) {
    case 'SET':
      expect(reader, '=');
      return addition(reader);
    case 'ADD': {
      const more = operand(reader);
      if (more instanceof Set) return new Set([...setOf(old), ...more]);
      return Number(old ?? 0) + Number(more);
    }
    case 'DELETE': {
      const less = setOf(operand(reader));
      const left = [...setOf(old)].filter((one) => !less.has(one));
      return left.length === 0 ? undefined : new Set(left);
    }
    case 'REMOVE':
      return undefined;
    default:
      throw new SyntaxError(`not known in an update: ${verb}`);
  }
}

/** Tokens of expressions met before: the store writes a few dozen, each for many rows. */
const known = new Map<string, readonly string[]>();

function read(expression: string, row: Row, names: Names): Reader {
  const tokens = known.get(expression) ?? expression.match(/[#:]?\w+|<>|<=|>=|[^\s\w]/g) ?? [];
  known.set(expression, tokens);
  return { tokens, row, names, at: 0 };
}

function either(reader: Reader): boolean {
  let result = both(reader);
  while (skip(reader, 'OR')) {
    const other = both(reader);
    result ||= other;
  }
  return result;
}

function both(reader: Reader): boolean {
  let result = term(reader);
  while (skip(reader, 'AND')) {
    const other = term(reader);
    result &&= other;
  }
  return result;
}

function term(reader: Reader): boolean {
  if (skip(reader, '(')) {
    const inner = either(reader);
    expect(reader, ')');
    return inner;
  }
  const name = reader.tokens[reader.at];
  if (name === 'attribute_exists') return call(reader)[0] !== undefined;
  if (name === 'attribute_not_exists') return call(reader)[0] === undefined;
  if (name === 'contains') return contains(call(reader));
  const left = operand(reader);
  const comparator = take(reader);
  return compare(left, comparator, operand(reader));
}

/** A function's arguments. */
function call(reader: Reader): readonly unknown[] {
  take(reader);
  expect(reader, '(');
  const given: unknown[] = [];
  do given.push(operand(reader));
  while (skip(reader, ','));
  expect(reader, ')');
  return given;
}

function contains([whole, part]: readonly unknown[]): boolean {
  if (whole instanceof Set) return whole.has(part);
  if (typeof whole === 'string' && typeof part === 'string') return whole.includes(part);
  return Array.isArray(whole) && whole.includes(part);
}

/** What is missing, or of another type, compares with nothing. */
function compare(left: unknown, comparator: string, right: unknown): boolean {
  if (comparator === '=') return left === right;
  if (comparator === '<>') return left !== right;
  const bothTexts = typeof left === 'string' && typeof right === 'string';
  const bothNumbers = typeof left === 'number' && typeof right === 'number';
  if (!bothTexts && !bothNumbers) return false;
  if (comparator === '<') return left < right;
  if (comparator === '<=') return left <= right;
  if (comparator === '>') return left > right;
  if (comparator === '>=') return left >= right;
  throw new SyntaxError(`not known in a condition: ${comparator}`);
}

function addition(reader: Reader): unknown {
  let value = operand(reader);
  for (;;) {
    if (skip(reader, '+')) value = Number(value) + Number(operand(reader));
    else if (skip(reader, '-')) value = Number(value) - Number(operand(reader));
    else return value;
  }
}

function operand(reader: Reader): unknown {
  const token = reader.tokens[reader.at] ?? '';
  if (token.startsWith('#')) return reader.row[attribute(reader)];
  if (token === 'size') return sizeOf(call(reader)[0]);
  if (token === 'if_not_exists') {
    const [standing, otherwise] = call(reader);
    return standing ?? otherwise;
  }
  if (!token.startsWith(':')) throw new SyntaxError(`not known in an expression: ${token}`);
  const value = reader.names.ExpressionAttributeValues?.[take(reader)];
  if (value === undefined) throw new SyntaxError(`no value for ${token}`);
  return value;
}

function attribute(reader: Reader): string {
  const token = take(reader);
  const name = reader.names.ExpressionAttributeNames?.[token];
  if (name === undefined) throw new SyntaxError(`no name for ${token}`);
  return name;
}

function sizeOf(value: unknown): number | undefined {
  if (value instanceof Set) return value.size;
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array || Array.isArray(value) ? value.length : undefined;
}

function setOf(value: unknown): ReadonlySet<unknown> {
  if (value === undefined) return new Set();
  if (value instanceof Set) return value;
  throw new SyntaxError('a set is asked for');
}

function take(reader: Reader): string {
  const token = reader.tokens[reader.at];
  if (token === undefined) throw new SyntaxError('the expression ends too early');
  reader.at += 1;
  return token;
}

function skip(reader: Reader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at += 1;
  return true;
}

function expect(reader: Reader, token: string): void {
  if (!skip(reader, token)) throw new SyntaxError(`${token} is missing`);
}

function end(reader: Reader): void {
  const rest = reader.tokens.slice(reader.at);
  if (rest.length > 0) throw new SyntaxError(`left over: ${rest.join(' ')}`);
}
