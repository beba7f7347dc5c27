/** DynamoDB's client as the bundles hold it, beside the whole one: the same requests and faults. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as whole from '@aws-sdk/lib-dynamodb';
import { build } from 'esbuild';
import { ALIASES, thinSdk } from '../../infra/thin-sdk.ts';
import { checkSignature, secretOf } from '../template/signature.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stompway-thin-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CLIENT = `
  export * from '@aws-sdk/lib-dynamodb';
  export { DynamoDBClient } from '@aws-sdk/client-dynamodb';
`;

interface Sdk extends Pick<typeof whole, 'DynamoDBDocumentClient' | 'PutCommand'> {
  readonly DynamoDBClient: typeof import('@aws-sdk/client-dynamodb').DynamoDBClient;
}

async function thin(): Promise<Sdk> {
  const outfile = join(folder, 'thin.mjs');
  await build({
    stdin: { contents: CLIENT, resolveDir: root },
    absWorkingDir: root,
    outfile,
    alias: ALIASES,
    external: ['@smithy/core/event-streams'],
    plugins: [thinSdk('dynamodb')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  return import(outfile);
}

const FAULTS: readonly [status: number, type: string][] = [
  [400, 'ConditionalCheckFailedException'],
  [400, 'TransactionCanceledException'],
  [400, 'TransactionInProgressException'],
  [400, 'TransactionConflictException'],
  [400, 'ProvisionedThroughputExceededException'],
  [400, 'ThrottlingException'],
  [400, 'RequestLimitExceeded'],
  [400, 'AccessDeniedException'],
  [400, 'ValidationException'],
  [400, 'ResourceNotFoundException'],
  [400, 'ItemCollectionSizeLimitExceededException'],
  [400, 'SomethingNew'],
  [500, 'InternalServerError'],
];

const ROLE = 'bundled';

interface Told {
  readonly requests: readonly unknown[];
  readonly outcome: unknown;
}

/** What is sent, how often, and what comes of it, where the table answers `status` and `text`. */
async function told(sdk: Sdk, status: number, text: string): Promise<Told> {
  const requests: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url: target = '', headers } = request;
    const signer = checkSignature({ method, target, headers, body: Buffer.from(body) });
    // The whole one sends the body's digest once more: S3 alone asks for it.
    const names = /SignedHeaders=[^,]+/.exec(headers.authorization ?? '')?.[0];
    const signed = names?.replace('x-amz-content-sha256;', '');
    requests.push([method, target, headers['x-amz-target'], body, signed, signer]);
    response.writeHead(status, { 'x-amzn-requestid': 'r' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const bare = new sdk.DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: ROLE, secretAccessKey: secretOf(ROLE), sessionToken: 'token' },
    maxAttempts: 2,
  });
  const client = sdk.DynamoDBDocumentClient.from(bare);
  const Item = { pk: 'é', list: [1, true, null], bytes: Buffer.from([1]), set: new Set(['a']) };
  const outcome = await client
    .send(new sdk.PutCommand({ TableName: 't', Item, ReturnValues: 'ALL_OLD' }))
    .then(({ Attributes }) => Attributes, seen);
  client.destroy();
  server.closeAllConnections();
  server.close();
  return { requests, outcome };
}

function seen(fault: unknown) {
  const { name, message, Item, CancellationReasons, $metadata } = Object(fault);
  const { httpStatusCode, attempts } = $metadata ?? {};
  return { name, message, Item, CancellationReasons, httpStatusCode, attempts };
}

test('sends what the whole one sends, and comes back with the same', async () => {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const both = [{ ...whole, DynamoDBClient }, await thin()];
  const row = { Attributes: { pk: { S: 'é' }, n: { N: '1' }, b: { B: 'AQ==' }, s: { SS: ['a'] } } };
  const [theirs, ours] = await Promise.all(both.map((sdk) => told(sdk, 200, JSON.stringify(row))));
  expect(ours).toEqual(theirs);
  expect(ours?.outcome).toMatchObject({ pk: 'é', n: 1 });
  expect(ours?.requests).toHaveLength(1);
  const names =
    'amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target;x-amz-user-agent';
  const signer = { role: ROLE, region: 'eu-west-1', service: 'dynamodb' };
  expect(ours?.requests).toEqual([expect.arrayContaining([`SignedHeaders=${names}`, signer])]);
});

test.each(FAULTS)('a %d %s is told, and tried again, as by the whole one', async (status, type) => {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const both = [{ ...whole, DynamoDBClient }, await thin()];
  const text = JSON.stringify({
    __type: `com.amazonaws.dynamodb.v20120810#${type}`,
    message: 'why',
    Item: { pk: { S: 'x' } },
    CancellationReasons: [{ Code: 'ConditionalCheckFailed', Item: { pk: { S: 'x' } } }],
  });
  const [theirs, ours] = await Promise.all(both.map((sdk) => told(sdk, status, text)));
  expect(ours?.requests).toEqual(theirs?.requests);
  expect(ours?.outcome).toMatchObject({ name: type, message: 'why', httpStatusCode: status });
  const known = ['ConditionalCheckFailedException', 'TransactionCanceledException'].includes(type);
  if (known) expect(ours?.outcome).toEqual(theirs?.outcome);
});
