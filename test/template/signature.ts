/**
 * Signature Version 4, checked as AWS checks it (IAM User Guide, "Create a signed AWS API
 * request"). The access key id of a request is the role that made it; the secret follows from it,
 * so that a signature proves nothing here but that the client signs rightly.
 */
import { createHash, createHmac } from 'node:crypto';

/** What a signed request says of its sender, once its signature is right. */
export interface Signer {
  readonly role: string;
  readonly region: string;
  /** `dynamodb`, `sqs`, `lambda`, `execute-api`. */
  readonly service: string;
}

export interface SignedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

export function secretOf(role: string): string {
  return `secret-of-${role}`;
}

/** The sender, or in words what is wrong with the signature. */
export function checkSignature(request: SignedRequest): Signer | string {
  const header = text(request, 'authorization');
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (parts === null) return `no Signature Version 4: ${header || 'no Authorization header'}`;
  const [, role = '', day = '', region = '', service = '', names = '', given = ''] = parts;
  const signed = names.split(';');
  if (!signed.includes('host')) return 'the host header is not signed';
  if (signed.some((name) => name !== name.toLowerCase()))
    return 'signed names are not in lower case';
  if (signed.toSorted().join(';') !== names) return 'signed names are not in order';
  const date = text(request, 'x-amz-date');
  if (!date.startsWith(day)) return 'X-Amz-Date is not of the credential scope';
  const scope = `${day}/${region}/${service}/aws4_request`;
  const digest = sha256(canonical(request, signed));
  const key = [region, service, 'aws4_request'].reduce<Buffer>(
    (last, part) => hmac(last, part),
    hmac(Buffer.from(`AWS4${secretOf(role)}`), day),
  );
  const expected = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`).toString('hex');
  return expected === given ? { role, region, service } : 'the signature does not match';
}

function canonical(request: SignedRequest, signed: readonly string[]): string {
  const [path = '/', query = ''] = request.target.split('?', 2);
  const headers = signed.map((name) => `${name}:${text(request, name).trim()}\n`).join('');
  return [
    request.method,
    // Every service but S3 encodes the path twice.
    path.split('/').map(encodeURIComponent).join('/'),
    query.split('&').sort().join('&'),
    headers,
    signed.join(';'),
    sha256(request.body),
  ].join('\n');
}

function text(request: SignedRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : (value ?? []).join(',');
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Uint8Array, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
