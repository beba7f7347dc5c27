/**
 * API Gateway's mapping templates: the small part of VTL that a request template of ours may use.
 * Literal text, `$context.x`, `$input.body`, `$util.urlEncode(…)` and `$util.base64Encode(…)`;
 * directives, other variables and other methods are refused by name.
 */
import { TemplateFault } from './fault.ts';

/** What `$context` offers an integration of a WebSocket route (API Gateway Developer Guide). */
export const CONTEXT_VARIABLES = [
  'apiId',
  'connectedAt',
  'connectionId',
  'domainName',
  'eventType',
  'extendedRequestId',
  'identity.sourceIp',
  'identity.userAgent',
  'messageId',
  'requestId',
  'requestTime',
  'requestTimeEpoch',
  'routeKey',
  'stage',
] as const;

export interface MappingInput {
  /** Values of `$context`; one that is known but absent is the empty string, as on AWS. */
  readonly context: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Mapping = (input: MappingInput) => string;

const KNOWN: ReadonlySet<string> = new Set(CONTEXT_VARIABLES);

/** Compiles a template once; what it does not know is refused here, before any message. */
export function compileMapping(template: string, where: string): Mapping {
  const parts: Mapping[] = [];
  let at = 0;
  while (at < template.length) {
    const next = template.slice(at).search(/[$#\\]/);
    const end = next < 0 ? template.length : at + next;
    const text = template.slice(at, end);
    if (text !== '') parts.push(() => text);
    if (next < 0) break;
    if (template[end] !== '$') {
      throw unknown(where, template.slice(end, end + 20));
    }
    const found = expression(template, end, where);
    parts.push(found.mapping);
    at = found.end;
  }
  return (input) => parts.map((part) => part(input)).join('');
}

function expression(text: string, start: number, where: string): { mapping: Mapping; end: number } {
  const name = /^\$[A-Za-z]+(?:\.[A-Za-z0-9]+)*/.exec(text.slice(start))?.[0];
  if (name === undefined) throw unknown(where, text.slice(start, start + 20));
  const end = start + name.length;
  if (text[end] === '(') return call(name, text, end, where);
  if (name === '$input.body') return { mapping: (input) => input.body, end };
  const variable = name.startsWith('$context.') ? name.slice('$context.'.length) : '';
  if (!KNOWN.has(variable)) throw unknown(where, name);
  return { mapping: (input) => input.context[variable] ?? '', end };
}

function call(
  name: string,
  text: string,
  open: number,
  where: string,
): { mapping: Mapping; end: number } {
  const apply = METHODS[name];
  if (apply === undefined) throw unknown(where, `${name}(…)`);
  if (text[open + 1] !== '$') throw unknown(where, text.slice(open - name.length, open + 20));
  const inner = expression(text, open + 1, where);
  if (text[inner.end] !== ')') throw unknown(where, text.slice(open - name.length, inner.end + 1));
  return { mapping: (input) => apply(inner.mapping(input)), end: inner.end + 1 };
}

const METHODS: Readonly<Record<string, (text: string) => string>> = {
  '$util.urlEncode': urlEncode,
  '$util.base64Encode': (text) => Buffer.from(text).toString('base64'),
};

/** As Java's URLEncoder: form encoding, a space is `+`. */
function urlEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}

/**
 * The template that a message selects. `templateSelectionExpression` is a constant (`\$default`
 * escapes the dollar). None: the integration answers 415, since passthrough must be NEVER.
 */
export function selectTemplate(
  selection: string,
  templates: Readonly<Record<string, string>>,
  where: string,
): string | undefined {
  if (/^\$|[^\\]\$/.test(selection)) throw unknown(where, selection);
  return templates[selection.replaceAll('\\$', '$')];
}

/** `'application/x-www-form-urlencoded'`: request parameters may only be quoted literals here. */
export function literalParameter(value: string, where: string): string {
  const literal = /^'([^']*)'$/.exec(value)?.[1];
  if (literal === undefined) throw unknown(where, value);
  return literal;
}

function unknown(where: string, what: string): TemplateFault {
  return new TemplateFault('unknown-template-expression', where, JSON.stringify(what));
}
