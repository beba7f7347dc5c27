/**
 * What the contract of logs cannot see: which calls are made, what is tried again and what never.
 * The contract itself runs against DynamoDB Local, in test/dynamodb.
 */
import { createServer } from 'node:http';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { dynamoChecks } from '../../adapters/dynamodb/checks.ts';
import { entryRow } from '../../adapters/dynamodb/entries.ts';
import { appendingClient, dynamoJournal } from '../../adapters/dynamodb/journal.ts';
import { dynamoRoster } from '../../adapters/dynamodb/roster.ts';
import { LIMITS } from '../../broker/limits.ts';
import { makePolicies } from '../../broker/rules.ts';
import { joined, logged, said, upwards } from '../contract/journal-world.ts';
import { there } from '../contract/roster.ts';

const NOW = 2_000_000_000_000;
const HOUR = 3600;
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
const appending = DynamoDBDocumentClient.from(appendingClient({ region: 'us-east-1' }));
const mock = mockClient(client);
const appends = mockClient(appending);
const pauses: number[] = [];
const timer = {
  sleep: async (milliseconds: number) => void pauses.push(milliseconds),
  after: () => () => {},
};
let ids = 0;
const world = {
  client,
  appending,
  tableName: 'broker',
  clock: { now: () => NOW },
  ids: { random: () => `id${++ids}` },
  limits: LIMITS,
  timer,
  random: () => 0.999,
};
const rules = [
  { pattern: '/room/long', history: { age: '7d' } },
  { pattern: '/room/short', history: { age: '1s' } },
];
const journal = dynamoJournal({ ...world, policies: makePolicies(rules) });

beforeEach(() => {
  mock.reset();
  appends.reset();
  pauses.length = 0;
  ids = 0;
  appends.on(UpdateCommand).resolves({ Attributes: { epoch: 'e', seq: 7, revision: 9 } });
  mock.on(BatchWriteCommand).resolves({});
  mock.on(TransactWriteCommand).resolves({});
  mock.on(GetCommand).resolves({ Item: { epoch: 'e', seq: 7, revision: 9 } });
});

function updates() {
  return appends.commandCalls(UpdateCommand).map(({ args: [{ input }] }) => input);
}

function values(index = 0): Readonly<Record<string, unknown>> {
  return updates()[index]?.ExpressionAttributeValues ?? {};
}

describe('appending', () => {
  test('a change is one update of the head, and nothing besides', async () => {
    const entries = [said('a'), joined('c'), said('b')];
    expect(await journal.append('/room/x', entries)).toEqual({ epoch: 'e', seq: 7 });
    expect(mock.calls()).toHaveLength(0);
    expect(updates()).toHaveLength(1);
    expect(updates()[0]).toMatchObject({
      TableName: 'broker',
      Key: { pk: 'H#/room/x', sk: 'H' },
      UpdateExpression: expect.stringContaining('ADD #seq :messages, #revision :one'),
      ReturnValues: 'UPDATED_NEW',
    });
    expect(updates()[0]?.UpdateExpression).toContain('#epoch = if_not_exists(#epoch, :epoch)');
    expect(updates()[0]).not.toHaveProperty('ConditionExpression');
    expect(values()).toMatchObject({ ':messages': 2, ':one': 1, ':epoch': 'id1' });
  });

  test.each([
    ['/room/x', 24 * HOUR],
    ['/room/long', 7 * 24 * HOUR],
    ['/room/short', LIMITS.publishIdSeconds],
  ])('the head of %s outlives its history by a day', async (log, seconds) => {
    await journal.append(log, [said('a')]);
    const expiresAt = NOW + (seconds + LIMITS.headSecondsBeyondHistory) * 1000;
    expect(values()).toMatchObject({ ':expiresAt': expiresAt, ':expires': expiresAt / 1000 });
  });

  test('large bodies are written first, and the change only names them', async () => {
    const order: string[] = [];
    mock.on(BatchWriteCommand).callsFake(async () => {
      order.push('bodies');
      return {};
    });
    appends.on(UpdateCommand).callsFake(async () => {
      order.push('head');
      return { Attributes: { epoch: 'e', seq: 2, revision: 1 } };
    });
    const body = Buffer.alloc(LIMITS.headBodyBytesMax + 1, 'x');
    await journal.append('/room/x', [said('small'), said('large', { body })]);
    expect(order).toEqual(['bodies', 'head']);
    const until = NOW / 1000 + LIMITS.bodySeconds;
    const [written] = mock.commandCalls(BatchWriteCommand);
    expect(written?.args[0].input.RequestItems).toEqual({
      broker: [
        {
          PutRequest: {
            Item: { pk: 'B#id1', sk: 'B', body, expiresAt: until * 1000, expires: until },
          },
        },
      ],
    });
    expect(values()[':last']).toEqual([
      entryRow(said('small')),
      { type: 'message', message: expect.not.objectContaining({ body: expect.anything() }) },
    ]);
    expect(values()[':last']).toMatchObject([{}, { message: { bodyAt: 'id1' } }]);
  });

  test.each([
    ['throttled', new ProvisionedThroughputExceededException({ $metadata: {}, message: '' })],
    ['in conflict', new TransactionConflictException({ $metadata: {}, message: '' })],
  ])('a change refused because the head is %s is made again, later each time', async (_, fault) => {
    appends
      .on(UpdateCommand)
      .rejectsOnce(fault)
      .rejectsOnce(fault)
      .resolves({ Attributes: { epoch: 'e', seq: 1, revision: 1 } });
    expect(await journal.append('/room/x', [said('a')])).toEqual({ epoch: 'e', seq: 1 });
    expect(updates()).toHaveLength(3);
    expect(new Set(updates().map((input) => JSON.stringify(input))).size).toBe(1);
    expect(pauses).toEqual([10, 20]);
  });

  test('a head that is refused for ever is a throw after its retries', async () => {
    const fault = new ProvisionedThroughputExceededException({ $metadata: {}, message: '' });
    appends.on(UpdateCommand).rejects(fault);
    await expect(journal.append('/room/x', [said('a')])).rejects.toThrow('/room/x');
    expect(updates()).toHaveLength(LIMITS.conflictRetriesMax + 1);
  });

  test.each(['InternalServerError', 'TimeoutError', 'ECONNRESET'])(
    'a doubtful outcome, %s, is thrown and never tried again',
    async (name) => {
      appends.on(UpdateCommand).rejects(Object.assign(new Error('?'), { name }));
      await expect(journal.append('/room/x', [said('a')])).rejects.toThrow('?');
      expect(updates()).toHaveLength(1);
    },
  );

  test.each([
    ['once by the client for appends', appendingClient, 1],
    [
      'never by a plain one, which would ask thrice',
      (settings: object) => new DynamoDBClient(settings),
      0,
    ],
  ])('a server that fails is asked %s', async (_, makeClient, expected) => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(500, { 'Content-Type': 'application/x-amz-json-1.0' });
      response.end('{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const settings = {
      endpoint: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    };
    const real = makeClient(settings);
    const over = dynamoJournal({
      ...world,
      appending: DynamoDBDocumentClient.from(real),
      policies: makePolicies([]),
    });
    try {
      await expect(over.append('/room/x', [said('a')])).rejects.toThrow();
      expect(asked).toBe(expected);
    } finally {
      real.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

function cancelled(...codes: string[]): TransactionCanceledException {
  return new TransactionCanceledException({
    $metadata: {},
    message: 'Transaction cancelled',
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
}

function transactions() {
  return mock.commandCalls(TransactWriteCommand).map(({ args: [{ input }] }) => input);
}

describe('under a name', () => {
  test('a publish id is a transaction of head and marker, with a token of its own', async () => {
    expect(await journal.appendOnce('/room/x', said('a'), 'p')).toEqual({ epoch: 'e', seq: 7 });
    const until = NOW / 1000 + LIMITS.publishIdSeconds;
    expect(transactions()).toEqual([
      {
        ClientRequestToken: expect.stringMatching(/^id\d+$/),
        TransactItems: [
          { Update: expect.objectContaining({ Key: { pk: 'H#/room/x', sk: 'H' } }) },
          {
            Put: expect.objectContaining({
              Item: { pk: 'I#/room/x', sk: 'p', expiresAt: until * 1000, expires: until },
              ConditionExpression: 'attribute_not_exists(#pk) OR #expiresAt <= :now',
            }),
          },
        ],
      },
    ]);
    const [read] = mock.commandCalls(GetCommand);
    expect(read?.args[0].input).toMatchObject({ ConsistentRead: true });
  });

  test('a marker that stands is a repeat, whatever became of the head', async () => {
    for (const head of ['None', 'TransactionConflict']) {
      mock.on(TransactWriteCommand).rejects(cancelled(head, 'ConditionalCheckFailed'));
      expect(await journal.appendOnce('/room/x', said('a'), 'p')).toBe('repeated');
    }
    expect(transactions()).toHaveLength(2);
    expect(mock.commandCalls(GetCommand)).toHaveLength(0);
  });

  test('a conflict is tried again with the same token and the same writes', async () => {
    mock
      .on(TransactWriteCommand)
      .rejectsOnce(cancelled('TransactionConflict', 'None'))
      .rejectsOnce(cancelled('None', 'TransactionConflict'))
      .rejectsOnce(cancelled('ThrottlingError', 'None'))
      .rejectsOnce(Object.assign(new Error(), { name: 'TransactionInProgressException' }))
      .resolves({});
    await journal.appendOnce('/room/x', said('a'), 'p');
    expect(transactions()).toHaveLength(5);
    expect(new Set(transactions().map((input) => JSON.stringify(input))).size).toBe(1);
    expect(pauses).toEqual([10, 20, 40, 80]);
  });

  test.each([
    ['a validation error', cancelled('ValidationError', 'None')],
    ['no reason', cancelled()],
    ['another fault', new Error('AccessDenied')],
  ])('%s is thrown at once', async (_, fault) => {
    mock.on(TransactWriteCommand).rejects(fault);
    await expect(journal.appendOnce('/room/x', said('a'), 'p')).rejects.toBe(fault);
    expect(transactions()).toHaveLength(1);
  });

  test('a commit is one transaction, in which each log is named once', async () => {
    const changes = [
      { destination: '/room/x', entries: [said('a')] },
      { destination: '/room/y', entries: [said('b')] },
      { destination: '/room/x', entries: [said('c')] },
    ];
    expect(await journal.commit(changes, 'once')).toBe('done');
    const items = transactions()[0]?.TransactItems ?? [];
    expect(items.map(({ Update, Put }) => Update?.Key ?? Put?.Item?.['pk'])).toEqual([
      { pk: 'H#/room/x', sk: 'H' },
      { pk: 'H#/room/y', sk: 'H' },
      'I#',
    ]);
    expect(items[0]?.Update?.ExpressionAttributeValues).toMatchObject({ ':messages': 2 });
  });
});

describe('history', () => {
  test('rows are written 25 at a time, and what is left of them again', async () => {
    const left = { PutRequest: { Item: { pk: 'L#/room/x', sk: 'again' } } };
    mock
      .on(BatchWriteCommand)
      .resolvesOnce({ UnprocessedItems: { broker: [left] } })
      .resolves({});
    await journal.keep(
      '/room/x',
      'e',
      upwards(1, 30).map((seq) => logged(seq)),
      NOW + 1000,
    );
    const sent = mock
      .commandCalls(BatchWriteCommand)
      .map(({ args: [{ input }] }) => input.RequestItems?.['broker'] ?? []);
    expect(sent.map((some) => some.length)).toEqual([25, 1, 5]);
    expect(sent[1]).toEqual([left]);
    expect(sent[0]?.[0]?.PutRequest?.Item).toMatchObject({
      pk: 'L#/room/x',
      sk: 'e#0000000000000001',
      seq: 1,
      id: 'm1',
      expiresAt: NOW + 1000,
      expires: NOW / 1000 + 1,
    });
    expect(pauses).toEqual([10]);
  });

  test('rows left for ever are a throw', async () => {
    const left = { PutRequest: { Item: { pk: 'L#/room/x', sk: 'again' } } };
    mock.on(BatchWriteCommand).resolves({ UnprocessedItems: { broker: [left] } });
    await expect(journal.keep('/room/x', 'e', [logged(1)], NOW)).rejects.toThrow('unwritten');
  });

  test('a range is read from its newest on, consistently, no more than asked for', async () => {
    mock.on(QueryCommand).resolves({ Items: [] });
    await journal.history('/room/x', 'e', { after: 3, upTo: 9, most: 4 });
    const [read] = mock.commandCalls(QueryCommand);
    expect(read?.args[0].input).toMatchObject({
      ConsistentRead: true,
      ScanIndexForward: false,
      Limit: 4,
      ExpressionAttributeValues: {
        ':pk': 'L#/room/x',
        ':first': 'e#0000000000000004',
        ':last': 'e#0000000000000009',
      },
    });
  });
});

test('a member is changed only if nobody wrote between, else read again', async () => {
  const membership = there('ann');
  const row = { presences: [{ membership, entered: 'm1' }], came: 'm1', version: 3 };
  const Item = { pk: 'R#/room/x', sk: 'ann', ...row, expiresAt: NOW + 1, expires: 1 };
  mock.on(GetCommand).resolves({ Item });
  const refused = new ConditionalCheckFailedException({ $metadata: {}, message: 'refused' });
  mock.on(PutCommand).rejectsOnce(refused).resolves({});
  expect(await dynamoRoster(world).leave('/room/x', membership, 'm2')).toBe('left');
  expect(mock.calls()).toHaveLength(4);
  const [, second] = mock.commandCalls(PutCommand);
  expect(second?.args[0].input).toMatchObject({
    ConditionExpression: '#version = :version',
    ExpressionAttributeValues: { ':version': 3 },
    Item: { presences: [], left: 'm2', version: 4 },
  });
});

test('a change of a member that changes nothing is not written', async () => {
  mock.on(GetCommand).resolves({});
  expect(await dynamoRoster(world).leave('/room/x', there('ann'), 'm')).toBe('present');
  expect(mock.commandCalls(PutCommand)).toHaveLength(0);
});

test('checks look back so many minutes on each shard, and no further', async () => {
  mock.on(QueryCommand).resolves({ Items: [] });
  const checks = dynamoChecks({ client, tableName: 'broker', limits: LIMITS });
  await checks.due(NOW, 25);
  const asked = mock
    .commandCalls(QueryCommand)
    .map(({ args: [{ input }] }) => String(input.ExpressionAttributeValues?.[':pk']));
  const minute = Math.floor(NOW / 60_000);
  expect(new Set(asked).size).toBe(LIMITS.checkShards * (LIMITS.checkLookBackMinutes + 1));
  expect(asked).toContain(`X#${minute}#0`);
  expect(asked).toContain(`X#${minute - LIMITS.checkLookBackMinutes}#1`);
});
