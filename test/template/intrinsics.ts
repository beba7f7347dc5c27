/**
 * CloudFormation's intrinsic functions, as far as our templates use them. A function, reference or
 * attribute that is not known here is refused by name; nothing resolves to a guess.
 */
import { TemplateFault } from './fault.ts';
import { asList, asObject, asText, brief, isObject, type JsonObject } from './json.ts';

/** What a template's references mean. `undefined` means unknown, and is refused. */
export interface Scope {
  /** `AWS::Region` and its like, and parameters with their defaults. */
  readonly values: Readonly<Record<string, string>>;
  readonly conditions: JsonObject;
  ref(logicalId: string): string | undefined;
  attribute(logicalId: string, name: string): string | undefined;
}

/** `Ref AWS::NoValue`: takes its key, or its place in a list, away. */
const NO_VALUE = Symbol('AWS::NoValue');

/** The value with every intrinsic function in it resolved. `where` names it in faults. */
export function resolve(value: unknown, scope: Scope, where: string): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item, index) => resolve(item, scope, `${where}.${index}`))
      .filter((item) => item !== NO_VALUE);
  }
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const [only] = keys;
  if (keys.length === 1 && only !== undefined && (only === 'Ref' || only.startsWith('Fn::'))) {
    return intrinsic(only, value[only], scope, where);
  }
  const entries = keys
    .map((key) => [key, resolve(value[key], scope, `${where}.${key}`)] as const)
    .filter(([, item]) => item !== NO_VALUE);
  return Object.fromEntries(entries);
}

function intrinsic(name: string, argument: unknown, scope: Scope, where: string): unknown {
  switch (name) {
    case 'Ref':
      return ref(asText(argument, where), scope, where);
    case 'Fn::GetAtt':
      return attribute(argument, scope, where);
    case 'Fn::Join':
      return join(argument, scope, where);
    case 'Fn::Sub':
      return substitute(argument, scope, where);
    case 'Fn::Select':
      return select(argument, scope, where);
    case 'Fn::Split':
      return split(argument, scope, where);
    case 'Fn::If': {
      const [condition, yes, no] = asList(argument, where);
      return resolve(holds(asText(condition, where), scope, where) ? yes : no, scope, where);
    }
    default:
      throw new TemplateFault('unknown-intrinsic', where, name);
  }
}

function ref(id: string, scope: Scope, where: string): unknown {
  if (id === 'AWS::NoValue') return NO_VALUE;
  const found = scope.values[id] ?? scope.ref(id);
  if (found === undefined) throw new TemplateFault('unknown-reference', where, `Ref ${id}`);
  return found;
}

function attribute(argument: unknown, scope: Scope, where: string): string {
  const parts =
    typeof argument === 'string'
      ? [argument.split('.')[0], argument.split('.').slice(1).join('.')]
      : asList(argument, where);
  const id = asText(parts[0], where);
  const name = asText(resolve(parts[1], scope, where), where);
  const found = scope.attribute(id, name);
  if (found !== undefined) return found;
  throw new TemplateFault('unknown-attribute', where, `Fn::GetAtt ${id}.${name}`);
}

function join(argument: unknown, scope: Scope, where: string): string {
  const [separator, items] = asList(argument, where);
  const resolved = asList(resolve(items, scope, where), where);
  return resolved.map((item) => scalar(item, where)).join(asText(separator, where));
}

function substitute(argument: unknown, scope: Scope, where: string): string {
  const [text, map] = typeof argument === 'string' ? [argument, {}] : asList(argument, where);
  const own = asObject(resolve(map, scope, where), where);
  return asText(text, where).replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`;
    if (own[name] !== undefined) return scalar(own[name], where);
    return name.includes('.')
      ? attribute(name, scope, where)
      : scalar(ref(name, scope, where), where);
  });
}

function select(argument: unknown, scope: Scope, where: string): unknown {
  const [index, items] = asList(argument, where);
  const found = asList(resolve(items, scope, where), where)[Number(index)];
  if (found !== undefined) return found;
  throw new TemplateFault('wrong-value', where, `Fn::Select finds nothing at ${brief(index)}`);
}

function split(argument: unknown, scope: Scope, where: string): readonly string[] {
  const [separator, text] = asList(argument, where);
  return asText(resolve(text, scope, where), where).split(asText(separator, where));
}

/** Whether a condition of the template's `Conditions` holds. */
export function holds(name: string, scope: Scope, where: string): boolean {
  const body = scope.conditions[name];
  if (body === undefined) throw new TemplateFault('unknown-reference', where, `condition ${name}`);
  return truth(body, scope, `Conditions.${name}`);
}

function truth(body: unknown, scope: Scope, where: string): boolean {
  const object = asObject(body, where);
  const [name] = Object.keys(object);
  const argument = name === undefined ? undefined : object[name];
  switch (name) {
    case 'Fn::Equals': {
      const [left, right] = asList(resolve(argument, scope, where), where);
      return left === right;
    }
    case 'Fn::Or':
      return asList(argument, where).some((one) => truth(one, scope, where));
    case 'Fn::And':
      return asList(argument, where).every((one) => truth(one, scope, where));
    case 'Fn::Not':
      return !asList(argument, where).some((one) => truth(one, scope, where));
    case 'Condition':
      return holds(asText(argument, where), scope, where);
    default:
      throw new TemplateFault('unknown-intrinsic', where, String(name));
  }
}

function scalar(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new TemplateFault('wrong-value', where, `cannot be joined: ${brief(value)}`);
}
