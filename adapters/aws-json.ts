/**
 * One call of an AWS service that takes a POST of JSON, signed: for the few calls of services whose
 * SDK client would be most of a bundle. A Lambda's own credentials, read when they are needed.
 */
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { type Agent, request as secureRequest } from 'node:https';
import type { Credentials } from './environment-credentials.ts';
import { signedHeaders } from './signed-headers.ts';

export interface AwsCall {
  /** Its path encoded as it is to be sent. */
  readonly url: URL;
  /** As the scope of the signature names it: `sqs`. */
  readonly service: string;
  readonly region: string;
  /** Lower-case names; all are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly milliseconds: number;
  readonly agent?: Agent;
}

/** Of the protocols that name the operation in a header: `AmazonSQS.SendMessage`, `1.0` or `1.1`. */
export function jsonHeaders(target: string, version: '1.0' | '1.1') {
  return { 'content-type': `application/x-amz-json-${version}`, 'x-amz-target': target };
}

export interface AwsAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

/** Resolves with whatever the service answers; rejects where it does not, or not in time. */
export function callAws(call: AwsCall, credentials: Credentials): Promise<AwsAnswer> {
  const { url, headers } = call;
  const request = { ...call, method: 'POST', path: url.pathname };
  const named = { ...headers, host: url.host };
  return exchange(call, signedHeaders({ ...request, headers: named }, new Date(), credentials));
}

/** What went wrong, by the name the service gave it. */
export function faultOf(service: string, { status, text, headers }: AwsAnswer): Error {
  const { __type, message, Message } = parsed(text);
  const cause = new Error(`${service} answered ${status}: ${message ?? Message ?? text}`);
  const type = String(__type ?? headers['x-amzn-errortype'] ?? `${service}ServiceException`);
  cause.name = type.split('#').at(-1) ?? type;
  return cause;
}

function parsed(text: string): {
  readonly __type?: unknown;
  readonly message?: unknown;
  readonly Message?: unknown;
} {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function exchange(
  { url, body, service, milliseconds, agent }: AwsCall,
  headers: Readonly<Record<string, string>>,
): Promise<AwsAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { ...headers }, timeout: milliseconds };
    // `http:` is for tests against an endpoint on this machine.
    const request =
      url.protocol === 'https:'
        ? secureRequest(url, { ...options, ...(agent === undefined ? {} : { agent }) })
        : plainRequest(url, options);
    request.on('timeout', () => request.destroy(new Error(`${service} did not answer in time`)));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
    });
    request.end(body);
  });
}
