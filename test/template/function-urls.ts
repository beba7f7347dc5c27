/**
 * `AWS::Lambda::Url`: a function served over HTTP. Both rights that a public URL needs since October
 * 2025 are demanded, and the answer is read off the stream as Lambda reads it: a prelude of JSON,
 * eight NULs, the body. A client that leaves is not told to the function.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Part } from './environment.ts';
import { type OnFault, TemplateFault } from './fault.ts';
import type { LambdaFunction } from './functions.ts';
import { isObject } from './json.ts';
import type { Lambdas } from './lambdas.ts';
import { urlDomain } from './names.ts';
import type { Permissions } from './roles.ts';
import type { Stack } from './stack.ts';
import { type Asked, BODY_BYTES_MAX, urlEvent } from './url-event.ts';

export interface FunctionUrl {
  /** `{id}.lambda-url.{region}.on.aws`, as the template has it. */
  readonly domain: string;
  serve(request: IncomingMessage, response: ServerResponse, before?: Before): Promise<void>;
}

/** What a front door has made of a request. */
export interface Before {
  readonly asked: Asked;
  /** Called whenever the function says something. */
  readonly heard: () => void;
}

/** Which of the function's environments serve which paths. */
export interface Affinity {
  /** One that is not to serve the next request at this path. */
  avoid(path: string): number | undefined;
  served(path: string, environment: number): void;
}

export interface UrlOptions {
  readonly lambdas: Lambdas;
  readonly permissions: Permissions;
  readonly onFault: OnFault;
  readonly affinity: Affinity | undefined;
}

export function functionUrlsOf(stack: Stack, options: UrlOptions): readonly FunctionUrl[] {
  return stack.of('AWS::Lambda::Url').map(({ id, name, properties }) => {
    const target = options.lambdas.byArn(properties.text('TargetFunctionArn'), id);
    const auth = properties.text('AuthType');
    if (auth !== 'NONE') {
      throw new TemplateFault('wrong-value', `${id}.AuthType`, `${auth}: clients do not sign`);
    }
    if (properties.has('Cors')) {
      throw new TemplateFault('wrong-value', `${id}.Cors`, 'would answer beside the handler');
    }
    const mode = properties.maybeText('InvokeMode') ?? 'BUFFERED';
    if ((mode === 'RESPONSE_STREAM') !== target.streams) {
      const does = target.streams ? 'streams' : 'does not stream';
      throw new TemplateFault(
        'wrong-value',
        `${id}.InvokeMode`,
        `${mode}, and the handler ${does}`,
      );
    }
    properties.done();
    options.permissions.demandUrl(target.spec.arn);
    const domain = urlDomain(name);
    return {
      domain,
      serve: (request, response, before = { asked: askedOf(request), heard: () => undefined }) =>
        serve({ request, response, ...before, domain, target }, options),
    };
  });
}

export function askedOf({ url = '/' }: IncomingMessage): Asked {
  const [path = '/', ...query] = url.split('?');
  return { path, query: query.join('?') };
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: Asked;
  readonly heard: () => void;
  readonly domain: string;
  readonly target: LambdaFunction;
}

async function serve(call: Call, { onFault, affinity }: UrlOptions): Promise<void> {
  const { request, response, asked, target } = call;
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (body.length > BODY_BYTES_MAX) return plain(response, 413, 'Request must be smaller');
  const decode = streamDecoder(response);
  const answer = await target.invoke(urlEvent(request, body, call), {
    tell: (part) => {
      call.heard();
      decode.tell(part);
    },
    gone: gone.signal,
    served: (environment) => affinity?.served(asked.path, environment),
    avoid: affinity?.avoid(asked.path),
  });
  const failed = 'errorType' in answer ? `${answer.errorType}: ${answer.errorMessage}` : undefined;
  const fault = failed ?? decode.fault();
  // Nobody hears what became of a request that was given up, and the end cuts it off.
  if (gone.signal.aborted) return;
  if (fault === undefined) {
    response.end();
    return;
  }
  onFault('handler-failed', `${target.spec.name}: ${fault}`);
  if (response.headersSent) response.destroy();
  else plain(response, 502, 'Internal Server Error');
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ Message: text }));
}

const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';
const DELIMITER = Buffer.alloc(8);

/** Writes what is told to the client; what is wrong with it shows at the end. */
function streamDecoder(response: ServerResponse) {
  let head: Buffer | undefined = Buffer.alloc(0);
  let wrong: string | undefined = 'answered nothing at all';
  const begin = (text: string): void => {
    const prelude = readPrelude(text);
    if (typeof prelude === 'string') {
      wrong = prelude;
      return;
    }
    wrong = undefined;
    response.writeHead(prelude.statusCode, prelude.headers);
    response.flushHeaders();
  };
  const tell = (part: Part): void => {
    if ('contentType' in part) {
      const { contentType } = part;
      wrong = `ended its answer without the prelude, as ${contentType}`;
      if (contentType !== PRELUDE_TYPE) wrong = `said ${contentType} instead of status and headers`;
    } else if (head === undefined) {
      response.write(part.chunk);
    } else {
      head = Buffer.concat([head, part.chunk]);
      const end = head.indexOf(DELIMITER);
      if (end < 0) return;
      const [text, rest] = [head.subarray(0, end), head.subarray(end + DELIMITER.length)];
      head = undefined;
      begin(text.toString());
      if (wrong === undefined && rest.length > 0) response.write(rest);
    }
  };
  return { tell, fault: () => wrong };
}

interface Prelude {
  readonly statusCode: number;
  readonly headers: Record<string, string | string[]>;
}

function readPrelude(text: string): Prelude | string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return `a prelude that is no JSON: ${text.slice(0, 60)}`;
  }
  if (!isObject(said)) return `a prelude that is no object: ${text.slice(0, 60)}`;
  const { statusCode, headers = {}, cookies = [], ...more } = said;
  const strange = Object.keys(more)[0];
  if (strange !== undefined) return `a prelude with ${strange}`;
  if (typeof statusCode !== 'number' || statusCode < 200 || statusCode > 599) {
    return `a prelude with status ${String(statusCode)}`;
  }
  if (!isObject(headers) || !Array.isArray(cookies)) return 'a prelude with strange headers';
  const bad = Object.entries(headers).find(([, value]) => typeof value !== 'string');
  if (bad !== undefined) return `a prelude whose ${bad[0]} is no string`;
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'set-cookie')) {
    return 'a prelude with Set-Cookie, which belongs among the cookies';
  }
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return {
    statusCode,
    headers: {
      ...Object.fromEntries(entries),
      ...(cookies.length > 0 && { 'Set-Cookie': cookies.map(String) }),
    },
  };
}
