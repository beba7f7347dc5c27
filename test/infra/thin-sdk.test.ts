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

interface Sdk extends Omit<typeof whole, 'default'> {
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

const octets = Buffer.from([0xfb, 0xff, 0]);
const TableName = 't';
/** All types our rows have, and names that are DynamoDB's own words for types. */
const Item = {
  pk: 'é \ud83d\ude00 \ud800 "\\\n\u0001',
  n: 1.5e-7,
  list: [1, true, null, { B: octets }],
  bytes: octets,
  sub: new Uint8Array(octets.buffer, octets.byteOffset, 2),
  set: new Set(['a', 'b']),
  numbers: new Set([1, 2]),
  blobs: new Set([octets]),
  B: 'no octets',
  BS: ['none', 'either'],
};
const ANSWERED = {
  pk: { S: 'é' },
  n: { N: '1' },
  list: { L: [{ N: '1' }, { BOOL: true }, { NULL: true }, { M: { B: { B: '+/8A' } } }] },
  bytes: { B: '+/8A' },
  set: { SS: ['a', 'b'] },
  blobs: { BS: ['+/8A', 'AQ=='] },
  B: { S: 'AQ==' },
  BS: { L: [{ S: 'AQ==' }] },
};
const VALUES = { ExpressionAttributeValues: { ':b': octets, ':s': 'x' } };

type Client = whole.DynamoDBDocumentClient;
type Call = (sdk: Sdk, client: Client) => Promise<unknown>;

const put: Call = (sdk, client) =>
  client.send(new sdk.PutCommand({ TableName, Item, ReturnValues: 'ALL_OLD' }));
const transact: Call = (sdk, client) =>
  client.send(
    new sdk.TransactWriteCommand({
      TransactItems: [
        { Put: { TableName, Item, ConditionExpression: 'x' } },
        { Update: { TableName, Key: { pk: 'k' }, UpdateExpression: 'y', ...VALUES } },
        { Delete: { TableName, Key: { pk: 'k' } } },
      ],
    }),
  );

const CALLS: readonly [name: string, call: Call, answer: object][] = [
  ['PutItem', put, { Attributes: ANSWERED }],
  ['PutItem, nothing told', put, {}],
  [
    'GetItem',
    (sdk, client) => client.send(new sdk.GetCommand({ TableName, Key: { pk: octets } })),
    { Item: ANSWERED },
  ],
  [
    'Query',
    (sdk, client) => client.send(new sdk.QueryCommand({ TableName, Limit: 3, ...VALUES })),
    { Items: [ANSWERED, ANSWERED], Count: 2, ScannedCount: 2, LastEvaluatedKey: ANSWERED },
  ],
  [
    'UpdateItem',
    (sdk, client) => client.send(new sdk.UpdateCommand({ TableName, Key: { pk: 'k' }, ...VALUES })),
    { Attributes: ANSWERED },
  ],
  [
    'DeleteItem',
    (sdk, client) => client.send(new sdk.DeleteCommand({ TableName, Key: { pk: 'k' } })),
    {},
  ],
  [
    'BatchGetItem, of a table that is called as a type is',
    (sdk, client) =>
      client.send(new sdk.BatchGetCommand({ RequestItems: { BS: { Keys: [{ pk: octets }] } } })),
    { Responses: { BS: [ANSWERED] }, UnprocessedKeys: { BS: { Keys: [{ pk: { B: 'AQ==' } }] } } },
  ],
  [
    'BatchWriteItem',
    (sdk, client) =>
      client.send(
        new sdk.BatchWriteCommand({
          RequestItems: { t: [{ PutRequest: { Item } }, { DeleteRequest: { Key: { pk: 'k' } } }] },
        }),
      ),
    { UnprocessedItems: { t: [{ PutRequest: { Item: ANSWERED } }] } },
  ],
  ['TransactWriteItems', transact, {}],
];

interface Told {
  readonly requests: readonly unknown[];
  readonly outcome: unknown;
}

/** What is sent, how often, and what comes of it, where the table answers `status` and `text`. */
async function told(sdk: Sdk, status: number, text: string, call = put): Promise<Told> {
  const requests: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url: target = '', headers } = request;
    const signer = checkSignature({ method, target, headers, body: Buffer.from(body) });
    // The whole one sends the body's digest once more: S3 alone asks for it.
    const names = /SignedHeaders=[^,]+/.exec(headers.authorization ?? '')?.[0];
    const signed = names?.replace('x-amz-content-sha256;', '');
    const input = JSON.parse(body);
    requests.push([method, target, headers['x-amz-target'], input, signed, signer]);
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
  const outcome = await call(sdk, client).catch(seen);
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

test.each(CALLS)('%s is sent as by the whole one, and gives the same', async (_, call, answer) => {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const both = [{ ...whole, DynamoDBClient }, await thin()];
  const text = JSON.stringify(answer);
  const [theirs, ours] = await Promise.all(both.map((sdk) => told(sdk, 200, text, call)));
  expect(untoken(ours)).toEqual(untoken(theirs));
  expect(ours?.outcome).toMatchObject({ $metadata: { httpStatusCode: 200, attempts: 1 } });
  const names =
    'amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target;x-amz-user-agent';
  const signer = { role: ROLE, region: 'eu-west-1', service: 'dynamodb' };
  expect(ours?.requests).toEqual([expect.arrayContaining([`SignedHeaders=${names}`, signer])]);
});

/** By it DynamoDB knows a transaction that is tried again: random, and checked to be there. */
function untoken(of: Told | undefined): unknown {
  const uuid = /"ClientRequestToken":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"/;
  return JSON.parse(JSON.stringify(of, setsAsLists).replace(uuid, '"ClientRequestToken":"uuid"'));
}

function setsAsLists(_: string, value: unknown): unknown {
  return value instanceof Set ? { set: [...value] } : value;
}

test('a transaction that is tried again is the same one', async () => {
  const { requests } = await told(await thin(), 500, '{}', transact);
  const tokens = requests.map((request) => Object(Object(request)[3])['ClientRequestToken']);
  expect(tokens).toHaveLength(2);
  expect(tokens[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(tokens[1]).toBe(tokens[0]);
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

test.each([
  [503, '<html>'],
  [503, ''],
  [200, '{"Attributes":'],
  [400, '{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException:https://x/"}'],
  [400, '{"__type":"com.amazon.coral.service#ThrottlingException","Message":"m"}'],
  [413, '{}'],
])('a %d %s is taken as the whole one takes it', async (status, text) => {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const both = [{ ...whole, DynamoDBClient }, await thin()];
  const [theirs, ours] = await Promise.all(both.map((sdk) => told(sdk, status, text)));
  expect(ours).toEqual(theirs);
});
