import { createServer } from 'node:http';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { tellDynamo } from '../../bench/cost/dynamodb-json.ts';
import { meteredTable } from '../../bench/cost/metered-table.ts';

const table = meteredTable();
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const [, operation = ''] = String(request.headers['x-amz-target']).split('.');
  const { status, text } = tellDynamo(table, operation, body);
  response.writeHead(status).end(text);
});
let client: DynamoDBDocumentClient;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const bare = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  client = DynamoDBDocumentClient.from(bare);
});
afterAll(() => {
  client.destroy();
  server.close();
  server.closeAllConnections();
});

const TableName = 't';
const Key = { pk: 'p', sk: 's' };
const row = { ...Key, octets: new Uint8Array([0xfb, 0xff]), set: new Set(['a']), list: [1, true] };
const once = {
  ConditionExpression: 'attribute_not_exists(#pk)',
  ExpressionAttributeNames: { '#pk': 'pk' },
};

test('the SDK’s own client puts, reads, changes, lists and removes rows by it', async () => {
  await client.send(new PutCommand({ TableName, Item: row }));
  expect((await client.send(new GetCommand({ TableName, Key }))).Item).toEqual(row);
  const { Attributes } = await client.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression: 'SET #n = :n',
      ExpressionAttributeNames: { '#n': 'n' },
      ExpressionAttributeValues: { ':n': 2 },
      ReturnValues: 'ALL_NEW',
    }),
  );
  expect(Attributes).toEqual({ ...row, n: 2 });
  const { Items } = await client.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: '#pk = :pk',
      ExpressionAttributeNames: { '#pk': 'pk' },
      ExpressionAttributeValues: { ':pk': 'p' },
    }),
  );
  expect(Items).toEqual([{ ...row, n: 2 }]);
  await client.send(new DeleteCommand({ TableName, Key }));
  expect((await client.send(new GetCommand({ TableName, Key }))).Item).toBeUndefined();
});

test('a refusal comes as DynamoDB’s, with the row that stood in the way', async () => {
  await client.send(new PutCommand({ TableName, Item: row }));
  const put = { TableName, Item: row, ...once };
  const refused = await client.send(new PutCommand(put)).catch((fault: unknown) => fault);
  expect(refused).toBeInstanceOf(ConditionalCheckFailedException);
  expect(refused).toMatchObject({ Item: { pk: { S: 'p' }, octets: { B: row.octets } } });
  const items = [{ Put: { ...put, Item: { ...row, sk: 'other' } } }, { Put: put }];
  const cancelled = await client
    .send(new TransactWriteCommand({ TransactItems: items }))
    .catch((fault: unknown) => fault);
  expect(cancelled).toBeInstanceOf(TransactionCanceledException);
  expect(cancelled).toMatchObject({
    CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
  });
});
