/**
 * What the contract cannot see: which calls are made, in which order, under which conditions. The
 * contract itself runs against DynamoDB Local, in test/dynamodb.
 */
import { createServer } from 'node:http';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Connection, Subscription } from '../../broker/model.ts';

const NOW = 2_000_000_000_000;
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
const world = { tableName: 'broker', clock: { now: () => NOW }, limits: LIMITS };
const mock = mockClient(client);
const store = dynamoStore({ ...world, client });

const settled = {
  carrier: 'raw',
  dialect: 'stomp',
  version: '1.2',
  session: 's',
  connectedAt: NOW - 1000,
  expiresAt: NOW + 999,
  stamp: '0',
};
const connection: Connection = { id: 'c1', ...settled };
const subscription: Subscription = {
  connectionId: 'c1',
  id: 'sub-0',
  destination: '/topic/a/*',
  ack: 'auto',
  stamp: '5',
};
const pattern = parseDestination('/topic/a/*', LIMITS);

const rows = {
  connection: { pk: 'C#c1', sk: 'C', ...settled, expires: 2_000_000_001 },
  subscription: {
    pk: 'C#c1',
    sk: 'S#sub-0',
    destination: '/topic/a/*',
    ack: 'auto',
    stamp: '5',
    audience: 'P#a',
    expiresAt: NOW + 999,
    expires: 2_000_000_001,
  },
  subscriber: {
    sk: 'rBc1#sub-0',
    carrier: 'raw',
    dialect: 'stomp',
    version: '1.2',
    connectedAt: NOW - 1000,
    expiresAt: NOW + 999,
  },
};

beforeEach(() => {
  mock.reset();
  mock.on(PutCommand).resolves({});
  mock.on(DeleteCommand).resolves({});
  mock.on(QueryCommand).resolves({ Items: [] });
  mock.on(UpdateCommand).resolves({ Attributes: rows.connection });
  mock.on(GetCommand).resolves({ Item: rows.subscription });
});

/** Every call in order: verb and key, or the range of a Query. */
function calls(): readonly string[] {
  return mock.calls().map(({ args: [command] }) => {
    const input: Readonly<Record<string, unknown>> = { ...command.input };
    const { pk, sk } = Object(input['Key'] ?? input['Item']);
    const asked = Object(input['ExpressionAttributeValues']);
    const range = asked[':first'] ? ` ${asked[':first']}..${asked[':last']}` : '';
    const verb = command.constructor.name.replace('Command', '');
    return verb === 'Query' ? `Query ${asked[':pk']}${range}` : `${verb} ${pk} ${sk}`;
  });
}

function inputs(): readonly Readonly<Record<string, unknown>>[] {
  return mock.calls().map(({ args: [command] }) => ({ ...command.input }));
}

/** As DynamoDB refuses a condition, with the item that stood in the way. */
function refused(Item?: ConditionalCheckFailedException['Item']): ConditionalCheckFailedException {
  return new ConditionalCheckFailedException({
    $metadata: {},
    message: 'The conditional request failed',
    ...(Item && { Item }),
  });
}

const standing = {
  connection: { expiresAt: { N: String(NOW + 999) }, stamp: { S: '7' } },
  tombstone: { expiresAt: { N: String(NOW + 999) }, stamp: { S: '1' }, ended: { S: 'lost' } },
};

describe('the order of calls', () => {
  test('a new connection is one write that a repeat does not overwrite', async () => {
    await store.open(connection);
    expect(calls()).toEqual(['Put C#c1 C']);
    expect(inputs()[0]).toMatchObject({
      TableName: 'broker',
      Item: rows.connection,
      ConditionExpression: expect.stringContaining('attribute_not_exists(#pk)'),
    });
    mock.on(PutCommand).rejects(refused());
    await store.open(connection);
  });

  test('a connection and its half frame are found by one read', async () => {
    const half = { bytes: Buffer.from('SEN'), since: 1, pieces: 2, stamp: '3' };
    const kept = { pk: 'C#c1', sk: 'B', ...half, expiresAt: NOW + 1, expires: 1 };
    mock.on(QueryCommand).resolves({ Items: [kept, rows.connection] });
    expect(await store.find('c1')).toEqual({ connection, half });
    expect(calls()).toEqual(['Query C#c1 B..C']);
    const projected = String(inputs()[0]?.['ProjectionExpression']).split(', #');
    const { expires: _, ...read } = { ...kept, ...rows.connection, member: 'm', ended: 'left' };
    expect(projected.sort()).toEqual(
      expect.arrayContaining(Object.keys(read).filter((k) => k !== 'pk')),
    );
  });

  test('SUBSCRIBE: the row it is found by, its subscriber row, a look, then its name', async () => {
    expect(await store.subscribe(connection, subscription, pattern)).toBe('done');
    expect(calls()).toEqual([
      'Put C#c1 S#sub-0',
      'Put P#a rBc1#sub-0',
      'Get C#c1 S#sub-0',
      'Update C#c1 C',
    ]);
    expect(inputs()[0]?.['Item']).toEqual(rows.subscription);
    expect(inputs()[1]?.['Item']).toEqual({
      pk: 'P#a',
      ...rows.subscriber,
      session: 's',
      segments: ['a', '*'],
      stamp: '5',
      expires: 2_000_000_001,
    });
    expect(inputs()[3]).toMatchObject({
      UpdateExpression: 'ADD #ids :ids',
      ConditionExpression: expect.stringContaining('size(#ids) < :max'),
    });
  });

  test('SUBSCRIBE refused at last takes back the subscriber row before what it is found by', async () => {
    mock.on(UpdateCommand, { Key: { pk: 'C#c1', sk: 'C' } }).rejects(refused(standing.tombstone));
    expect(await store.subscribe(connection, subscription, pattern)).toBe('ended');
    expect(calls().slice(4)).toEqual(['Delete P#a rBc1#sub-0', 'Update C#c1 S#sub-0']);
    for (const input of inputs().slice(4)) {
      expect(input['ConditionExpression']).toBe('#stamp = :stamp');
    }
  });

  test('UNSUBSCRIBE: its tombstone, the subscriber row if no newer, then its name', async () => {
    mock.on(UpdateCommand).resolves({ Attributes: { ...rows.subscription, stamp: '9' } });
    expect(await store.unsubscribe('c1', 'sub-0', '9')).toBe('done');
    expect(calls()).toEqual(['Update C#c1 S#sub-0', 'Delete P#a rBc1#sub-0', 'Update C#c1 C']);
    expect(inputs()[1]).toMatchObject({
      ConditionExpression: '#stamp < :stamp',
      ExpressionAttributeValues: { ':stamp': '9' },
    });
    expect(inputs()[2]).toMatchObject({ UpdateExpression: 'DELETE #ids :ids' });
  });

  test('the end: the mark, then each subscriber row before what it is found by', async () => {
    const half = { pk: 'C#c1', sk: 'B' };
    const other = { ...rows.subscription, sk: 'S#sub-1', audience: 'D#/topic/b' };
    const tombstone = { ...rows.subscription, sk: 'S#sub-2', gone: true };
    mock
      .on(QueryCommand)
      .resolves({ Items: [half, rows.connection, rows.subscription, other, tombstone] });
    await store.end('c1', 'lost');
    const made = calls();
    expect(made.slice(0, 3)).toEqual(['Update C#c1 C', 'Query C#c1 B..S$', 'Delete C#c1 B']);
    expect([...made.slice(3)].sort()).toEqual([
      'Delete C#c1 S#sub-0',
      'Delete C#c1 S#sub-1',
      'Delete D#/topic/b rBc1#sub-1',
      'Delete P#a rBc1#sub-0',
    ]);
    expect(made.indexOf('Delete P#a rBc1#sub-0')).toBeLessThan(made.indexOf('Delete C#c1 S#sub-0'));
  });

  test('the end finishes an UNSUBSCRIBE that was broken off', async () => {
    const tombstone = { ...rows.subscription, gone: true };
    mock
      .on(UpdateCommand)
      .resolves({ Attributes: { ...rows.connection, ids: new Set(['sub-0']) } });
    mock.on(QueryCommand).resolves({ Items: [rows.connection, tombstone] });
    await store.end('c1', 'lost');
    expect(calls().slice(2)).toEqual(['Delete P#a rBc1#sub-0']);
  });

  test('all reads are consistent, and every row has seconds for the table’s own clean-up', async () => {
    await store.open(connection);
    await store.find('c1');
    await store.keepHalf('c1', undefined, '1');
    await store.subscribe(connection, subscription, pattern);
    await store.subscriptions('c1');
    await store.subscribers(parseDestination('/topic/a/b', LIMITS));
    await store.end('c1', 'left');
    const all = mock.calls().map(({ args: [command] }) => command);
    const reads = all.filter((one) => one instanceof QueryCommand || one instanceof GetCommand);
    expect(reads.length).toBeGreaterThan(6);
    for (const { input } of reads) expect(input).toMatchObject({ ConsistentRead: true });
    const puts = all.filter((one) => one instanceof PutCommand);
    expect(puts.length).toBe(4);
    for (const { input } of puts) {
      const { expires, expiresAt } = Object(input.Item);
      expect(expires).toBe(Math.ceil(expiresAt / 1000));
    }
  });
});

describe('a condition that fails is an answer', () => {
  test.each([
    ['nothing', undefined, 'ended'],
    ['a tombstone', standing.tombstone, 'ended'],
    ['an expired record', { ...standing.connection, expiresAt: { N: String(NOW) } }, 'ended'],
    ['a newer change', standing.connection, 'stale'],
    ['the same change', { ...standing.connection, stamp: { S: '6' } }, 'done'],
  ] as const)('an update that meets %s', async (_, item, answer) => {
    mock.on(UpdateCommand).rejects(refused(item));
    expect(await store.update('c1', { version: '1.1' }, '6')).toBe(answer);
    expect(calls()).toHaveLength(1);
  });

  test.each([
    ['its own id', { ...standing.connection }, rows.connection, 'exists'],
    [
      'a newer UNSUBSCRIBE',
      { ...standing.connection, gone: { BOOL: true } },
      rows.connection,
      'stale',
    ],
    ['the end', { ...standing.connection }, { ...rows.connection, ended: 'left' }, 'ended'],
    ['nothing left', undefined, undefined, 'ended'],
  ] as const)('a SUBSCRIBE that meets %s writes nothing more', async (_, item, found, answer) => {
    mock.on(PutCommand).rejects(refused(item));
    mock.on(GetCommand).resolves(found ? { Item: found } : {});
    expect(await store.subscribe(connection, subscription, pattern)).toBe(answer);
    expect(calls()).toEqual(['Put C#c1 S#sub-0', 'Get C#c1 C']);
  });

  test('a SUBSCRIBE overtaken between its writes is stale and takes them back', async () => {
    mock.on(GetCommand).resolves({ Item: { ...rows.subscription, gone: true, stamp: '6' } });
    expect(await store.subscribe(connection, subscription, pattern)).toBe('stale');
    expect(calls().slice(3)).toEqual(['Delete P#a rBc1#sub-0', 'Update C#c1 S#sub-0']);
  });

  test('a SUBSCRIBE that meets a full connection takes its rows back', async () => {
    const atName = { Key: { pk: 'C#c1', sk: 'C' } };
    mock.on(UpdateCommand, atName).rejects(refused(standing.connection));
    expect(await store.subscribe(connection, subscription, pattern)).toBe('full');
    expect(calls().slice(4)).toEqual(['Delete P#a rBc1#sub-0', 'Update C#c1 S#sub-0']);
  });

  test('another fault is thrown as it came', async () => {
    const fault = new ProvisionedThroughputExceededException({ $metadata: {}, message: 'slow' });
    mock.on(UpdateCommand).rejects(fault);
    await expect(store.update('c1', {}, '1')).rejects.toBe(fault);
  });
});

describe('subscribers', () => {
  const destination = parseDestination('/topic/a.b', LIMITS);

  function page(pk: string, Items: object[], last?: string): void {
    mock.on(QueryCommand, { ExpressionAttributeValues: { ':pk': pk } }).resolves({
      Items: Items.map((item) => ({ ...item })),
      ...(last !== undefined && { LastEvaluatedKey: { pk, sk: last } }),
    });
  }

  test('the destination and each literal beginning are read side by side, lean', async () => {
    await store.subscribers(destination);
    expect(calls()).toEqual(['Query D#/topic/a.b', 'Query P#', 'Query P#a', 'Query P#a.b']);
    expect(inputs()[0]?.['ProjectionExpression']).toBe(
      '#sk, #carrier, #dialect, #version, #acks, #selector, #session, #member, #user, #tokenId, #tokenExpiresAt, #policy, #slowUntil, #connectedAt, #expiresAt, #segments',
    );
  });

  test('where no pattern can be, one read is all', async () => {
    await store.subscribers(parseDestination('/room/a', LIMITS));
    expect(calls()).toEqual(['Query D#/room/a']);
  });

  test('the next page reads on only where there was more', async () => {
    page('D#/topic/a.b', [rows.subscriber], 'rBc1#sub-0');
    page('P#a', [{ ...rows.subscriber, sk: 'Zsc2#x#y', segments: ['a', '*'] }], 'Zsc2#x#y');
    const first = await store.subscribers(destination);
    expect(first.subscribers.map((one) => [one.connectionId, one.subscriptionId])).toEqual([
      ['c1', 'sub-0'],
      ['c2', 'x#y'],
    ]);
    mock.resetHistory();
    page('D#/topic/a.b', [{ ...rows.subscriber, sk: 'ucc3#sub-0' }]);
    page('P#a', []);
    const second = await store.subscribers(destination, first.next);
    expect(second.subscribers.map((one) => one.connectionId)).toEqual(['c3']);
    expect(second.next).toBeUndefined();
    expect(inputs().map((input) => input['ExclusiveStartKey'])).toEqual([
      { pk: 'D#/topic/a.b', sk: 'rBc1#sub-0' },
      { pk: 'P#a', sk: 'Zsc2#x#y' },
    ]);
  });

  test.each(['', 'nonsense', Buffer.from('[["D#/topic/b","c"]]').toString('base64url')])(
    'a page that begins nowhere of this destination is refused: %j',
    async (from) => {
      await expect(store.subscribers(destination, from)).rejects.toThrow();
      expect(calls()).toEqual([]);
    },
  );

  test('where there is more, the places a page covers tell how many there are about', async () => {
    page('D#/topic/a.b', [rows.subscriber], 'rBc1#sub-0');
    page('P#a', [{ ...rows.subscriber, sk: 'Zsc2#1', segments: ['a', '*'] }]);
    const { about } = await store.subscribers(destination);
    expect(about).toBe(Math.round(4096 / 3533 + 1));
  });

  test.each([
    [{ index: 0, of: 4 }, '--', 'F-'],
    [{ index: 3, of: 4 }, 'k-', '{'],
    [{ index: 0, of: 1 }, '--', '{'],
  ])('slice %j is a range of keys', async (slice, first, last) => {
    await store.subscribers(parseDestination('/room/a', LIMITS), undefined, slice);
    expect(inputs()[0]?.['ExpressionAttributeValues']).toEqual({
      ':pk': 'D#/room/a',
      ':first': first,
      ':last': last,
    });
  });

  test('who has expired, or whose pattern does not match, is passed over', async () => {
    page('D#/topic/a.b', [{ ...rows.subscriber, expiresAt: NOW }, rows.subscriber]);
    page('P#a', [
      { ...rows.subscriber, sk: 'Zsc2#1', segments: ['a', '*', 'c'] },
      { ...rows.subscriber, sk: 'ucc3#1', segments: ['a', '**'] },
    ]);
    const { subscribers } = await store.subscribers(destination);
    expect(subscribers.map((one) => one.connectionId)).toEqual(['c1', 'c3']);
  });

  test.each<[what: string, row: object]>([
    ['no version', { ...rows.subscriber, version: undefined }],
    ['a number for a carrier', { ...rows.subscriber, carrier: 1 }],
    ['a key that is none', { ...rows.subscriber, sk: 'c1' }],
    ['segments that are no list', { ...rows.subscriber, segments: 'a' }],
    ['no expiry', { ...rows.subscriber, expiresAt: undefined }],
  ])('a row with %s is a fault, not a guess', async (_, row) => {
    page('D#/topic/a.b', [row]);
    await expect(store.subscribers(destination)).rejects.toThrow();
  });
});

test('a throttled call is made again by the client', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    const throttled = asked < 3;
    response.writeHead(throttled ? 400 : 200, { 'Content-Type': 'application/x-amz-json-1.0' });
    const fault = { __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException' };
    response.end(JSON.stringify(throttled ? fault : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const real = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 4,
  });
  try {
    await dynamoStore({ ...world, client: DynamoDBDocumentClient.from(real) }).open(connection);
    expect(asked).toBe(3);
  } finally {
    real.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
