/**
 * HTTP requests as a Lambda function URL hands them over, answered as a stream (invoke mode
 * RESPONSE_STREAM). Behind Lambda nobody is told that a client has gone: a receiver ends with its
 * hold. Source: "Invoking Lambda function URLs" and "Response streaming" in the Lambda guide.
 */
import type { Writable } from 'node:stream';
import type { HttpHandler, HttpRequest, Reply } from './exchange.ts';

/** Format 2.0. Header names are lower case; cookies stand apart. */
export interface FunctionUrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: { readonly http: { readonly method: string } };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** What Lambda's runtime puts into the global scope of a function. */
export interface StreamingRuntime {
  streamifyResponse(
    handler: (event: FunctionUrlEvent, stream: Writable) => Promise<void>,
  ): (event: FunctionUrlEvent) => Promise<void>;
  readonly HttpResponseStream: {
    from(stream: Writable, prelude: Prelude): Writable;
  };
}

interface Prelude {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
}

/** Undefined where this is no Lambda: the SDK makes an empty global of this name anywhere. */
export function streamingRuntime(): StreamingRuntime | undefined {
  const { awslambda }: { awslambda?: Partial<StreamingRuntime> } = Object(globalThis);
  const { streamifyResponse, HttpResponseStream } = awslambda ?? {};
  if (streamifyResponse === undefined || HttpResponseStream === undefined) return undefined;
  return { streamifyResponse, HttpResponseStream };
}

export function streamed(
  handle: HttpHandler,
  runtime: StreamingRuntime,
  bodyBytesMax: number,
): (event: FunctionUrlEvent, stream: Writable) => Promise<void> {
  return async (event, stream) => {
    await handle(requestOf(event, bodyBytesMax), replyOn(stream, runtime));
  };
}

function requestOf(event: FunctionUrlEvent, bodyBytesMax: number): HttpRequest {
  const { rawPath, rawQueryString, cookies = [], headers, body = '', isBase64Encoded } = event;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const oversized = bytes.length > bodyBytesMax;
  return {
    method: event.requestContext.http.method,
    path: rawPath,
    query: rawQueryString,
    headers: cookies.length === 0 ? headers : { ...headers, cookie: cookies.join('; ') },
    body: oversized ? new Uint8Array(0) : bytes,
    oversized,
  };
}

function replyOn(raw: Writable, runtime: StreamingRuntime): Reply {
  let stream = raw;
  return {
    gone: new AbortController().signal,
    start(statusCode, { 'Set-Cookie': cookie, 'Content-Length': length, ...headers }) {
      // A stream is chunked, and cookies are told apart from headers.
      const cookies = cookie === undefined ? {} : { cookies: [cookie] };
      const empty = length === '0' ? { 'Content-Length': length } : {};
      const prelude = { statusCode, headers: { ...headers, ...empty }, ...cookies };
      stream = runtime.HttpResponseStream.from(raw, prelude);
      // The runtime sends the prelude with the first write alone: an answer that has no body, or a
      // stream that hears nothing, would else be a bare 200, and a preflight without its headers.
      stream.write('');
    },
    write(chunk) {
      if (stream.write(chunk)) return Promise.resolve();
      return new Promise((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
      });
    },
    end() {
      stream.end();
    },
  };
}
