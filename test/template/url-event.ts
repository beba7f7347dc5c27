/**
 * A request as a function URL hands it to its function, payload format 2.0 (Lambda Developer Guide,
 * "Invoking Lambda function URLs"): names in lower case, repeated headers joined by commas, cookies
 * apart, a body that is no text in base64.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Where the URL leads, after whoever stands before it. */
export interface Asked {
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
}

/** Lambda refuses more (Developer Guide, "Lambda quotas"). */
export const BODY_BYTES_MAX = 6 * 1024 * 1024;

const TEXTUAL = /^(?:text\/|application\/(?:json|javascript|xml)\b)/;

export function urlEvent(
  request: IncomingMessage,
  body: Buffer,
  { asked, domain }: { readonly asked: Asked; readonly domain: string },
): unknown {
  const { cookie, ...headers } = headersOf(request);
  const type = headers['content-type'] ?? '';
  const text = TEXTUAL.test(type);
  const now = Date.now();
  const method = request.method ?? 'GET';
  const sourceIp = request.socket.remoteAddress ?? '';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: asked.path,
    rawQueryString: asked.query,
    ...(cookie !== undefined && { cookies: cookie.split(/; */) }),
    headers: {
      ...headers,
      host: domain,
      'x-forwarded-for': sourceIp,
      'x-forwarded-proto': 'https',
    },
    ...(asked.query !== '' && {
      queryStringParameters: Object.fromEntries(new URLSearchParams(asked.query)),
    }),
    requestContext: {
      accountId: 'anonymous',
      apiId: domain.split('.', 1)[0],
      domainName: domain,
      domainPrefix: domain.split('.', 1)[0],
      http: { method, path: asked.path, protocol: 'HTTP/1.1', sourceIp, userAgent: '' },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: new Date(now).toUTCString(),
      timeEpoch: now,
    },
    ...(body.length > 0 && { body: body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !text,
  };
}

/** Node has joined repeated ones already, except for these. */
function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || HOP_BY_HOP.has(name)
      ? []
      : [[name, Array.isArray(value) ? value.join(',') : value] as const],
  );
  return Object.fromEntries(entries);
}

const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);
