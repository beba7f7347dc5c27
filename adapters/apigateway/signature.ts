/**
 * Signature Version 4 (IAM User Guide, "Create a signed AWS API request") for one kind of request:
 * those to `@connections`. What does not change from one to the next is kept: the signing key for a
 * day and its credentials, the date for a second, a body's digest while the body stays the same
 * object. A test holds the result against the SDK's own signer, octet for octet.
 */
import { createHmac } from 'node:crypto';
import { sha256 } from '../../broker/digest.ts';

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

/** Post to a connection, ask after it, close it. */
export type Method = 'POST' | 'GET' | 'DELETE';

type Pairs = readonly (readonly [name: string, value: string])[];

/** All headers are signed but `authorization` itself. */
export interface SignedRequest {
  readonly method: Method;
  /** As it is sent: the connection id is encoded once. */
  readonly path: string;
  /** In the order of their names; one object for all requests of a second and its credentials. */
  readonly headers: Pairs;
  readonly authorization: string;
}

interface Unsigned {
  readonly method: Method;
  readonly connectionId: string;
  /** Its octets must never change. */
  readonly body: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Signer {
  sign(request: Unsigned, credentials: Credentials): SignedRequest;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'execute-api';

export function connectionsSigner({ endpoint, region }: SignerOptions): Signer {
  const { host, pathname } = new URL(endpoint);
  const path = `${pathname.replace(/\/+$/, '')}/@connections/`;
  const canonicalPath = path.split('/').map(encodeSegment).join('/');
  const termsAt = terms({ host, region });
  const digestOf = digests();
  const canonicalDigest = canonicalDigests();

  return {
    sign({ method, connectionId, body, now }, credentials) {
      const id = encodeSegment(connectionId);
      const { headers, canonical, mac, authorization } = termsAt(now, credentials);
      // A canonical path is the path as sent encoded once more (every service but S3): of what is
      // encoded already only the percent signs change.
      const line = `${method}\n${canonicalPath}${id.replaceAll('%', '%25')}`;
      const signature = mac(canonicalDigest(line, canonical, digestOf(body)));
      return { method, path: path + id, headers, authorization: authorization + signature };
    },
  };
}

/** What all requests of one second and the same credentials share. */
interface Terms {
  readonly second: number;
  readonly credentials: Credentials;
  readonly headers: Pairs;
  /** Of the canonical request, what stands between the path and the body's digest. */
  readonly canonical: Uint8Array;
  /** The signature, from the canonical request's digest. */
  readonly mac: (digest: string) => string;
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
    canonical: Buffer.from(`\n\n${lines}\n${names}\n`),
    mac: macWith(keyFor(credentials, day), `${ALGORITHM}\n${date}\n${scope}\n`),
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

/** RFC 3986's unreserved characters stay, all else becomes %XX. */
function encodeSegment(text: string): string {
  if (/^[\w.~-]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Most canonical requests fit in: a function's token alone has some 1,000 octets. */
const USUAL_BYTES = 4096;
const DIGEST_BYTES = 32;

/** Digests of canonical requests, put together in memory that is used again. `line` is ASCII. */
function canonicalDigests(): (line: string, middle: Uint8Array, digest: string) => string {
  let memory = Buffer.allocUnsafe(USUAL_BYTES);
  return (line, middle, digest) => {
    const length = line.length + middle.length + digest.length;
    if (length > memory.length) memory = Buffer.allocUnsafe(length);
    memory.write(line, 'latin1');
    memory.set(middle, line.length);
    memory.write(digest, line.length + middle.length, 'latin1');
    return sha256(memory.subarray(0, length));
  };
}

/** SHA-256's block, RFC 2104's B. */
const BLOCK_BYTES = 64;

/**
 * HMAC (RFC 2104) of `text` and a digest in hex behind it. Its two hashes, each in one step over
 * memory that holds the padded key already, take half of what `createHmac` does. `key` is no longer
 * than a block: it is a digest.
 */
function macWith(key: Uint8Array, text: string): (digest: string) => string {
  const before = BLOCK_BYTES + Buffer.byteLength(text);
  const inner = Buffer.alloc(before + 2 * DIGEST_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at++) {
    inner[at] = (key[at] ?? 0) ^ 0x36;
    outer[at] = (key[at] ?? 0) ^ 0x5c;
  }
  inner.write(text, BLOCK_BYTES);
  return (digest) => {
    inner.write(digest, before, 'latin1');
    outer.write(sha256(inner, 'binary'), BLOCK_BYTES, 'latin1');
    return sha256(outer);
  };
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
      const first = createHmac('sha256', `AWS4${secret}`).update(day).digest();
      const key = [region, SERVICE, 'aws4_request'].reduce<Uint8Array>(
        (last, part) => createHmac('sha256', last).update(part).digest(),
        first,
      );
      known = { secret, day, key };
    }
    return known.key;
  };
}
