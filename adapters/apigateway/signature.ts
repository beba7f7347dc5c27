/**
 * Signature Version 4 (IAM User Guide, "Create a signed AWS API request") for one kind of request:
 * a POST to `@connections`. What does not change from post to post is kept: the signing key for a
 * day and its credentials, the date for a second, a body's digest while the body stays the same
 * object. A test holds the result against the SDK's own signer, octet for octet.
 */
import * as crypto from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignerOptions {
  /** The stage's callback URL: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`. */
  readonly endpoint: string;
  readonly region: string;
}

type Pairs = readonly (readonly [name: string, value: string])[];

/** All headers are signed but `authorization` itself. */
export interface SignedPost {
  /** As it is sent: the connection id is encoded once. */
  readonly path: string;
  /** In the order of their names; one object for all posts of a second and its credentials. */
  readonly headers: Pairs;
  readonly authorization: string;
}

export interface PostSigner {
  /** `now`: milliseconds since 1970. The octets of `body` must never change. */
  sign(
    post: { readonly connectionId: string; readonly body: Uint8Array; readonly now: number },
    credentials: Credentials,
  ): SignedPost;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'execute-api';

export function postSigner({ endpoint, region }: SignerOptions): PostSigner {
  const { host, pathname } = new URL(endpoint);
  const path = `${pathname.replace(/\/+$/, '')}/@connections/`;
  const canonicalPath = path.split('/').map(encodeSegment).join('/');
  const termsAt = terms({ host, region });
  const digestOf = digests();

  return {
    sign({ connectionId, body, now }, credentials) {
      const id = encodeSegment(connectionId);
      const { headers, canonical, toSign, key, authorization } = termsAt(now, credentials);
      const request = `POST\n${canonicalPath}${encodeSegment(id)}${canonical}${digestOf(body)}`;
      const signature = crypto
        .createHmac('sha256', key)
        .update(toSign + sha256(request))
        .digest('hex');
      return { path: path + id, headers, authorization: authorization + signature };
    },
  };
}

/** What the posts of one second share. */
interface Terms {
  readonly second: number;
  readonly credentials: Credentials;
  readonly headers: Pairs;
  /** Of the canonical request, what stands between path and digest. */
  readonly canonical: string;
  /** …of the string to sign, what stands before the digest. */
  readonly toSign: string;
  readonly key: Uint8Array;
  /** Without the signature. */
  readonly authorization: string;
}

function terms(of: { readonly host: string; readonly region: string }) {
  const keyFor = keys(of.region);
  let last: Terms | undefined;
  return (now: number, credentials: Credentials): Terms => {
    const second = Math.floor(now / 1000);
    if (last?.second !== second || !same(last.credentials, credentials)) {
      last = { second, credentials, ...agree({ ...of, keyFor }, second, credentials) };
    }
    return last;
  };
}

function agree(
  { host, region, keyFor }: { readonly host: string; readonly region: string; keyFor: KeyFor },
  second: number,
  credentials: Credentials,
): Omit<Terms, 'second' | 'credentials'> {
  const { accessKeyId, sessionToken } = credentials;
  const date = new Date(second * 1000).toISOString().replace(/[-:]|\.000/g, '');
  const day = date.slice(0, 8);
  const headers: Pairs = [
    ['content-type', 'application/octet-stream'],
    ['host', host],
    ['x-amz-date', date],
    ...(sessionToken ? ([['x-amz-security-token', sessionToken]] as const) : []),
  ];
  const names = headers.map(([name]) => name).join(';');
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const scope = `${day}/${region}/${SERVICE}/aws4_request`;
  return {
    headers,
    canonical: `\n\n${lines}\n${names}\n`,
    toSign: `${ALGORITHM}\n${date}\n${scope}\n`,
    key: keyFor(credentials, day),
    authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=`,
  };
}

function same(one: Credentials, other: Credentials): boolean {
  return (
    one === other ||
    (one.accessKeyId === other.accessKeyId &&
      one.secretAccessKey === other.secretAccessKey &&
      one.sessionToken === other.sessionToken)
  );
}

/**
 * RFC 3986's unreserved characters stay, all else becomes %XX. A canonical path is the path as sent
 * encoded once more (every service but S3).
 */
function encodeSegment(text: string): string {
  if (/^[\w.~-]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Node 20.12 and later have it in one step. */
function sha256(data: string | Uint8Array): string {
  return crypto.hash?.('sha256', data) ?? crypto.createHash('sha256').update(data).digest('hex');
}

/** Receivers of one message often get the same object. */
function digests(): (body: Uint8Array) => string {
  let last: Uint8Array | undefined;
  let digest = '';
  return (body) => {
    if (body !== last) digest = sha256(body);
    last = body;
    return digest;
  };
}

type KeyFor = (credentials: Credentials, day: string) => Uint8Array;

function keys(region: string): KeyFor {
  let known:
    | { readonly secret: string; readonly day: string; readonly key: Uint8Array }
    | undefined;
  return ({ secretAccessKey: secret }, day) => {
    if (known?.secret !== secret || known.day !== day) {
      const first = crypto.createHmac('sha256', `AWS4${secret}`).update(day).digest();
      const key = [region, SERVICE, 'aws4_request'].reduce<Uint8Array>(
        (last, part) => crypto.createHmac('sha256', last).update(part).digest(),
        first,
      );
      known = { secret, day, key };
    }
    return known.key;
  };
}
