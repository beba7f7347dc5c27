/** The operator's own Lambdas: found by event and pattern, invoked once, their faults thrown. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { makeInvoke } from '../../adapters/lambda/invoke.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { lambdaApplications, readApplications } from '../../lambda/applications.ts';

/** As `@smithy/signature-v4` takes it. */
class Hash {
  private readonly hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === 'string' ? secret : secret && bytes(secret);
    this.hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(typeof data === 'string' ? data : bytes(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }
  reset(): void {}
}

function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Stands for Lambda. */
const calls: { readonly request: IncomingMessage; readonly body: string }[] = [];
let answer: { status: number; text: string; headers?: Record<string, string> };
const server = createServer((incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    calls.push({ request: incoming, body: Buffer.concat(chunks).toString() });
    response.writeHead(answer.status, answer.headers).end(answer.text);
  });
});
let variables: Record<string, string> = {};
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  variables = {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 'shh',
    AWS_SESSION_TOKEN: 'session',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  };
});
beforeEach(() => calls.splice(0));
afterAll(() => server.close());

const request = {
  event: 'message' as const,
  id: 'm1',
  connection: { id: 'c', connectedAt: 1 },
  destination: '/app/orders.create',
  headers: {},
  body: '{}',
};

function answering(text: string, fault?: string) {
  answer = { status: 200, text, ...(fault && { headers: { 'X-Amz-Function-Error': fault } }) };
}

test('the first entry that fits is invoked with the request, and its answer is read', async () => {
  answering('{"refuse":"no"}');
  const text = JSON.stringify([
    { pattern: '/app/other', events: ['message'], function: 'other' },
    { pattern: '/app/orders.**', events: ['message'], function: 'orders', timeoutSeconds: 2 },
  ]);
  const all = lambdaApplications(readApplications(text), async () => makeInvoke(variables));
  const orders = parseDestination('/app/orders.create', LIMITS);
  expect(all.find('subscribe', orders)).toBeUndefined();
  const found = all.find('message', parseDestination('/app/other', LIMITS));
  expect(found?.timeoutSeconds).toBeUndefined();
  await all.find('message', parseDestination('/app/other', LIMITS))?.application(request);
  const [call] = calls;
  expect(call?.request.url).toBe('/2015-03-31/functions/other/invocations');
  expect(JSON.parse(call?.body ?? '')).toEqual(request);
  expect(await found?.application(request)).toEqual({ refuse: 'no' });
});

test('a function that failed is a throw, which the client never reads', async () => {
  answering('{"errorMessage":"secret"}', 'Unhandled');
  await expect(makeInvoke(variables)('orders', request)).rejects.toThrow('orders: Unhandled');
});

test('a function named by its ARN is asked in its own Region, with a signature the SDK would make', async () => {
  answering('null');
  const arn = 'arn:aws:lambda:us-east-2:123456789012:function:orders';
  expect(await makeInvoke(variables)(arn, request)).toBeNull();
  const [call] = calls;
  const { headers = {}, url = '' } = call?.request ?? {};
  expect(url).toBe(`/2015-03-31/functions/${encodeURIComponent(arn)}/invocations`);
  const date = String(headers['x-amz-date']);
  const signer = new SignatureV4({
    service: 'lambda',
    region: 'us-east-2',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'shh', sessionToken: 'session' },
    sha256: Hash,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: url,
      headers: { host: String(headers.host), 'content-type': 'application/json' },
      body: call?.body,
    },
    { signingDate: new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z')) },
  );
  expect(headers['authorization']).toBe(signed.headers['authorization']);
});

test('a refusal of Lambda’s is a throw by its name', async () => {
  answer = {
    status: 403,
    text: '{"Message":"no"}',
    headers: { 'x-amzn-errortype': 'AccessDeniedException' },
  };
  await expect(makeInvoke(variables)('orders', request)).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: 'Lambda answered 403: no',
  });
});

test.each(['{}', '[{}]', '[{"function":"x"}]'])('%s is no list of applications', (text) => {
  expect(() => readApplications(text)).toThrow('APPLICATIONS');
});
