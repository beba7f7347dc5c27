import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import {
  type Credentials,
  connectionsSigner,
  type Method,
} from '../../adapters/apigateway/signature.ts';

const REGION = 'eu-central-1';
const ENDPOINT = `https://abc123.execute-api.${REGION}.amazonaws.com/ws`;

/** What the SDK hashes with; the same interface over Node's. */
class Sha256 {
  private readonly hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(chunk: Uint8Array): void {
    this.hash.update(chunk);
  }
  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }
  reset(): void {}
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof secret === 'string') return secret;
  return ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret);
}

async function bySdk(
  {
    method,
    path,
    headers,
    body,
    now,
  }: {
    method: Method;
    path: string;
    headers: Record<string, string>;
    body: Uint8Array;
    now: number;
  },
  credentials: Credentials,
): Promise<Readonly<Record<string, string>>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: 'execute-api',
    region: REGION,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    sha256: Sha256,
    applyChecksum: false,
  });
  const { host } = new URL(ENDPOINT);
  const signed = await signer.sign(
    { method, protocol: 'https:', hostname: host, path, query: {}, headers, body },
    { signingDate: new Date(now) },
  );
  return signed.headers;
}

/** A segment of dots alone is no segment to a signer; no connection id is one. */
const connectionId = fc
  .oneof(
    fc.base64String({ minLength: 4, maxLength: 24 }),
    fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
  )
  .filter((id) => !/^\.+$/.test(id));
const method = fc.constantFrom<Method>('POST', 'GET', 'DELETE');
const body = fc.uint8Array({ maxLength: 300 });
const now = fc.integer({ min: 0, max: 4_102_444_800_000 });
const credentials = fc.record({
  accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
  secretAccessKey: fc.base64String({ minLength: 20, maxLength: 40 }),
  sessionToken: fc.option(fc.base64String({ minLength: 8, maxLength: 400 }), { nil: undefined }),
});

test('a signature is the SDK’s own, whatever the id, the body, the date and the credentials', async () => {
  const { sign } = connectionsSigner({ endpoint: ENDPOINT, region: REGION });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ method, connectionId, body, now, credentials }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (posts) => {
        for (const { credentials, ...post } of posts) {
          const { method, path, headers, authorization } = sign(post, credentials);
          const rest = Object.fromEntries(headers);
          const given = { method, path, headers: rest, body: post.body, now: post.now };
          const theirs = await bySdk(given, credentials);
          expect({ ...rest, authorization }).toEqual(theirs);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('the id stands in the path encoded once', () => {
  const { sign } = connectionsSigner({ endpoint: `${ENDPOINT}/`, region: REGION });
  const post = {
    method: 'POST' as const,
    connectionId: "L0SM9/+F'Hc=",
    body: Buffer.from('x'),
    now: 0,
  };
  const { path } = sign(post, { accessKeyId: 'A', secretAccessKey: 'b' });
  expect(path).toBe('/ws/@connections/L0SM9%2F%2BF%27Hc%3D');
});

test('fresh credentials sign at once, those of the same secret and another token too', () => {
  const { sign } = connectionsSigner({ endpoint: ENDPOINT, region: REGION });
  const post = { method: 'POST' as const, connectionId: 'a', body: Buffer.from('x'), now: 0 };
  const signatures = [
    { accessKeyId: 'A', secretAccessKey: 'b' },
    { accessKeyId: 'A', secretAccessKey: 'c' },
    { accessKeyId: 'A', secretAccessKey: 'c', sessionToken: 't' },
    { accessKeyId: 'B', secretAccessKey: 'c', sessionToken: 't' },
  ].map((credentials) => sign(post, credentials).authorization);
  expect(new Set(signatures).size).toBe(4);
});
