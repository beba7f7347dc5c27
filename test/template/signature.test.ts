import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { checkSignature, secretOf } from './signature.ts';

class Sha256 {
  private readonly data: (string | Uint8Array)[] = [];
  private readonly secret: string | Uint8Array | undefined;

  constructor(secret?: string | Uint8Array) {
    this.secret = secret;
  }

  update(chunk: string | Uint8Array): void {
    this.data.push(chunk);
  }

  async digest(): Promise<Uint8Array> {
    const hash =
      this.secret === undefined ? createHash('sha256') : createHmac('sha256', this.secret);
    for (const chunk of this.data) hash.update(chunk);
    return hash.digest();
  }

  reset(): void {
    this.data.length = 0;
  }
}

/** Signed by Amazon's own signer, as the SDKs do. */
async function signed(path = '/ws/@connections/a%3D') {
  const signer = new SignatureV4({
    credentials: { accessKeyId: 'Role-1', secretAccessKey: secretOf('Role-1') },
    region: 'us-east-1',
    service: 'execute-api',
    sha256: Sha256 as never,
  });
  const request = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    path,
    headers: { host: '127.0.0.1', 'content-type': 'text/plain' },
    body: 'hello',
  });
  const headers = Object.entries(request.headers).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  return {
    method: 'POST',
    target: path,
    headers: Object.fromEntries(headers),
    body: Buffer.from('hello'),
  };
}

test('what the SDK signs is right, and says who, where and what', async () => {
  const signer = checkSignature(await signed());
  expect(signer).toEqual({ role: 'Role-1', region: 'us-east-1', service: 'execute-api' });
});

test('a changed body, path, header or no signature at all is told in words', async () => {
  const request = await signed();
  const wrong = 'the signature does not match';
  expect(checkSignature({ ...request, target: '/ws/@connections/b' })).toBe(wrong);
  const headers = { ...request.headers, 'content-type': 'text/html' };
  expect(checkSignature({ ...request, headers })).toBe(wrong);
  expect(checkSignature({ ...request, body: Buffer.from('other') })).toBe(wrong);
  expect(checkSignature({ ...request, headers: {} })).toMatch('no Signature Version 4');
});
