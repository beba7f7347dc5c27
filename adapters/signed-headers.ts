/**
 * Signature Version 4 (IAM User Guide, "Create a signed AWS API request") of a request without a
 * query, with no state: for the few calls that are made by ourselves, and for DynamoDB's client in
 * the bundles, where it stands in for `@smithy/signature-v4` (sdk-signer.ts).
 */
import { createHmac } from 'node:crypto';
import { sha256 } from '../broker/digest.ts';
import type { Credentials } from './environment-credentials.ts';

export interface Unsigned {
  readonly method: string;
  /** Encoded as it is to be sent. */
  readonly path: string;
  /** As the scope of the signature names it: `sqs`. */
  readonly service: string;
  readonly region: string;
  /** Lower-case names, `host` among them; all are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** The headers to send: those given, the date, the token and the signature. */
export function signedHeaders(
  { method, path, service, region, headers: given, body }: Unsigned,
  now: Date,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
): Record<string, string> {
  const date = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const all: Readonly<Record<string, string>> = {
    ...given,
    'x-amz-date': date,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const headers = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  // As it is sent, encoded once more (every service but S3).
  const twice = path.split('/').map(encodeURIComponent).join('/');
  const canonical = `${method}\n${twice}\n\n${lines.join('')}\n${names}\n${sha256(body)}`;
  const scope = [date.slice(0, 8), region, service, 'aws4_request'];
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope.join('/')}\n${sha256(canonical)}`;
  const key = scope.reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretAccessKey}`,
  );
  const credential = `Credential=${accessKeyId}/${scope.join('/')}`;
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
