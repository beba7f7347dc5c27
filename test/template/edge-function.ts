/**
 * A CloudFront Function, run as JavaScript: a context of its own for each request, with the syntax
 * and globals of runtime 2.0 and nothing else (CloudFront Developer Guide, "JavaScript runtime 2.0
 * features" and "Restrictions on CloudFront Functions"). Where the guide is vague this is stricter:
 * of ES 6 and later only what `SYNTAX` lists.
 */
import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';
import { transformSync } from 'esbuild';
import { TemplateFault } from './fault.ts';
import { isObject, type JsonObject } from './json.ts';
import type { Asked } from './url-event.ts';

const CODE_BYTES_MAX = 10_240;
/** AWS counts compute, and allows less than this of it. */
const COMPUTE_MILLISECONDS_MAX = 200;

/** By esbuild's names. */
const SYNTAX = {
  'const-and-let': true,
  arrow: true,
  'template-literal': true,
  'exponent-operator': true,
} as const;

const GLOBALS = new Set(
  `Array ArrayBuffer Boolean Date Error EvalError Float32Array Float64Array Infinity Int16Array
  Int32Array Int8Array JSON Math NaN Number Object Promise RangeError ReferenceError RegExp String
  Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray
  decodeURI decodeURIComponent encodeURI encodeURIComponent isFinite isNaN parseFloat parseInt
  undefined`.split(/\s+/),
);

/** From within: what a context is born with cannot be taken from it from outside. */
const BARE = new Script(`for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (!${JSON.stringify([...GLOBALS, 'console', 'cf', 'globalThis'])}.includes(name)) delete globalThis[name];
}
delete globalThis.globalThis;`);

const IMPORT = /^import cf from 'cloudfront';\n/;

/** A request as it goes on. */
export interface Onward extends Asked {
  readonly chosen: Chosen | undefined;
}

/** An origin that the function chose itself: one of the distribution's, or one by its address. */
export type Chosen =
  | { readonly id: string }
  | { readonly domain: string | undefined; readonly originPath: string | undefined };

export interface EdgeRequest extends Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type EdgeFunction = (request: EdgeRequest, origins: readonly string[]) => Onward;

/** Throws a fault for code that CloudFront would not take; what it does wrong throws when it runs. */
export function edgeFunction(code: string, where: string, computed = computeOf): EdgeFunction {
  const bytes = Buffer.byteLength(code);
  if (bytes > CODE_BYTES_MAX) throw new TemplateFault('wrong-value', where, `${bytes} octets`);
  const body = code.replace(IMPORT, '');
  demandSyntax(body, where);
  const script = scriptOf(body, where);
  return (request, origins) => {
    let chosen: Chosen | undefined;
    const cf = {
      selectRequestOriginById: (id: unknown) => {
        if (!origins.some((one) => one === id)) throw new Error(`there is no origin ${String(id)}`);
        chosen = { id: String(id) };
      },
      updateRequestOrigin: (said: unknown) => {
        chosen = addressOf(said);
      },
    };
    const event = eventOf(request);
    const given = { event, ...(IMPORT.test(code) && { cf }) };
    const answer = inTime((patience) => run(script, given, patience), computed);
    return { ...onwardOf(answer, event.request), chosen };
  };
}

/** "Helper methods for origin modification": what is not said is the assigned origin's. */
function addressOf(said: unknown): Chosen {
  if (!isObject(said)) throw new Error('updateRequestOrigin takes an object');
  const { domainName: domain, originPath, ...more } = said;
  const [strange] = Object.keys(more);
  if (strange !== undefined) throw new Error(`updateRequestOrigin: ${strange} is not served here`);
  const texts = [domain, originPath].every((one) => one === undefined || typeof one === 'string');
  if (!texts) throw new Error('updateRequestOrigin: an address is text');
  return {
    domain: domain === undefined ? undefined : String(domain),
    originPath: originPath === undefined ? undefined : String(originPath),
  };
}

/** What esbuild would have to lower to ES5 is beyond it. */
function demandSyntax(code: string, where: string): void {
  try {
    const supported = transformSync(code, { target: 'es5', supported: SYNTAX }).code;
    if (supported === transformSync(code, { target: 'esnext' }).code) return;
  } catch (cause) {
    throw new TemplateFault(
      'edge-function-failed',
      where,
      String(cause).split('\n')[1] ?? '',
      cause,
    );
  }
  throw new TemplateFault('edge-function-failed', where, 'syntax beyond runtime 2.0');
}

function scriptOf(code: string, where: string): Script {
  try {
    return new Script(code, { filename: where });
  } catch (cause) {
    throw new TemplateFault('edge-function-failed', where, String(cause), cause);
  }
}

/**
 * `vm` ends what runs too long by the clock, which goes on while others have the cores. So what it
 * ended is run again, in a context of its own, for twice as long, until it has computed too long.
 */
function inTime(attempt: (patience: number) => unknown, computed: () => number): unknown {
  for (let patience = COMPUTE_MILLISECONDS_MAX; ; patience *= 2) {
    const before = computed();
    try {
      return attempt(patience);
    } catch (cause) {
      const late = isObject(cause) && cause['code'] === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
      if (!late || computed() - before >= COMPUTE_MILLISECONDS_MAX) throw cause;
    }
  }
}

/** Milliseconds of a core that this thread has had; where the system does not tell, this process. */
function computeOf(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

interface Given {
  readonly event: unknown;
  readonly cf?: object;
}

function run(script: Script, { event, ...more }: Given, timeout: number): unknown {
  const context = createContext(
    { ...more, console: { log: () => undefined } },
    { codeGeneration: { strings: false, wasm: false } },
  );
  BARE.runInContext(context);
  script.runInContext(context, { timeout });
  const call = `JSON.stringify(handler(${JSON.stringify(event)}))`;
  const text: unknown = new Script(call).runInContext(context, { timeout });
  if (typeof text !== 'string') throw new Error('the function returned nothing');
  return JSON.parse(text);
}

/** "Event structure": a query's names and values are as they were sent. */
function eventOf({ method, path, query, headers }: EdgeRequest) {
  const values = Object.entries(headers)
    .filter(([name]) => name !== 'upgrade' && name !== 'connection')
    .map(([name, value]) => [name, { value }] as const);
  return {
    version: '1.0',
    context: { eventType: 'viewer-request', requestId: 'request' },
    viewer: { ip: '127.0.0.1' },
    request: {
      method,
      uri: path,
      querystring: queryValues(query),
      headers: Object.fromEntries(values),
      cookies: {},
    },
  };
}

type Values = Record<string, { value: string; multiValue?: { value: string }[] }>;

function queryValues(query: string): Values {
  const found: Values = {};
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = '', ...rest] = pair.split('=');
    const value = rest.join('=');
    const before = found[name];
    if (before === undefined) found[name] = { value };
    else before.multiValue = [...(before.multiValue ?? [{ value: before.value }]), { value }];
  }
  return found;
}

function onwardOf(answer: unknown, before: ReturnType<typeof eventOf>['request']): Asked {
  if (!isObject(answer)) throw new Error('the function returned no request');
  if ('statusCode' in answer) throw new Error('answers of the function itself are not served here');
  const { uri, querystring, method, headers } = answer;
  if (typeof uri !== 'string' || !uri.startsWith('/')) throw new Error(`uri ${String(uri)}`);
  if (method !== before.method || JSON.stringify(headers) !== JSON.stringify(before.headers)) {
    throw new Error('changes of method or headers are not served here');
  }
  return { path: uri, query: queryText(isObject(querystring) ? querystring : {}) };
}

function queryText(values: JsonObject): string {
  const pairs = Object.entries(values).flatMap(([name, one]) => {
    if (!isObject(one)) throw new Error(`the query's ${name} has no value`);
    const many = Array.isArray(one['multiValue']) ? one['multiValue'] : [one];
    return many.map((each: unknown) => {
      if (isObject(each) && typeof each['value'] === 'string') return `${name}=${each['value']}`;
      throw new Error(`the query's ${name} has no value`);
    });
  });
  return pairs.join('&');
}
