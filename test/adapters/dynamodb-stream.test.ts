/** Events as Lambda gives them; a real stream is read in test/dynamodb. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { decodeStream } from '../../adapters/dynamodb/stream.ts';
import { LIMITS } from '../../broker/limits.ts';

const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
const mock = mockClient(client);
const timer = { sleep: async () => {}, after: () => () => {} };
const options = { client, tableName: 'broker', limits: LIMITS, timer };
const decode = (...Records: readonly unknown[]) => decodeStream({ Records }, options);

beforeEach(() => mock.reset());

const text = (S: string) => ({ S });
const membership = {
  M: {
    connectionId: text('c'),
    subscriptionId: text('1'),
    stamp: text('s'),
    session: text('x'),
    member: text('ann'),
  },
};

function message(more: object = { body: { B: Buffer.from('hello').toString('base64') } }) {
  return {
    M: {
      type: text('message'),
      message: {
        M: {
          id: text('m1'),
          destination: text('/room/x'),
          headers: { L: [{ L: [text('a'), text('1')] }] },
          at: { N: '5' },
          ...more,
        },
      },
    },
  };
}

function image(revision: number, ...last: readonly object[]) {
  return {
    pk: text('H#/room/x'),
    sk: text('H'),
    epoch: text('e'),
    seq: { N: '3' },
    revision: { N: String(revision) },
    last: { L: last },
    expiresAt: { N: '1' },
    expires: { N: '1' },
  };
}

function change(NewImage: object, eventName = 'MODIFY', keys = { pk: 'H#/room/x', sk: 'H' }) {
  return {
    eventID: '1',
    eventName,
    eventSource: 'aws:dynamodb',
    dynamodb: {
      Keys: { pk: text(keys.pk), sk: text(keys.sk) },
      NewImage,
      SequenceNumber: '1',
      StreamViewType: 'NEW_IMAGE',
    },
  };
}

const hello = {
  type: 'message',
  message: {
    id: 'm1',
    destination: '/room/x',
    headers: [['a', '1']],
    body: Buffer.from('hello'),
    at: 5,
  },
};

test('images of heads are records of their logs, in the event’s order', async () => {
  const join = { M: { type: text('join'), membership, receipt: text('r') } };
  const records = await decode(
    change(image(7, message(), join), 'INSERT'),
    change(image(8, { M: { type: text('tick') } })),
  );
  const who = {
    connectionId: 'c',
    subscriptionId: '1',
    stamp: 's',
    session: 'x',
    member: 'ann',
  };
  expect(records).toEqual([
    {
      destination: '/room/x',
      epoch: 'e',
      seq: 3,
      revision: 7,
      entries: [hello, { type: 'join', membership: who, receipt: 'r' }],
    },
    { destination: '/room/x', epoch: 'e', seq: 3, revision: 8, entries: [{ type: 'tick' }] },
  ]);
  expect(mock.calls()).toHaveLength(0);
});

test('other rows, deletions, and images of no new revision are passed over', async () => {
  const records = await decode(
    change({ pk: text('C#c') }, 'INSERT', { pk: 'C#c', sk: 'C' }),
    change({ pk: text('H#/room/x') }, 'MODIFY', { pk: 'H#/room/x', sk: 'P' }),
    change({ pk: text('D#H#') }, 'MODIFY', { pk: 'D#H#', sk: 'H' }),
    change(image(1, message())),
    change(image(1, message())),
    { ...change(image(2, message())), eventName: 'REMOVE' },
    change(image(3, message())),
  );
  expect(records.map(({ revision }) => revision)).toEqual([1, 3]);
});

test('a body kept aside is fetched, all of an event in one read, and again if it was left', async () => {
  const [a, b] = [Buffer.from('A'), Buffer.from('B')];
  const left = { broker: { Keys: [{ pk: 'B#b', sk: 'B' }], ConsistentRead: true } };
  mock
    .on(BatchGetCommand)
    .resolvesOnce({
      Responses: { broker: [{ pk: 'B#a', sk: 'B', body: a }] },
      UnprocessedKeys: left,
    })
    .resolves({ Responses: { broker: [{ pk: 'B#b', sk: 'B', body: b }] } });
  const records = await decode(
    change(image(1, message({ bodyAt: text('a') }), message())),
    change(image(2, message({ bodyAt: text('b') }))),
  );
  const bodies = records.flatMap(({ entries }) =>
    entries.map((entry) => entry.type === 'message' && Buffer.from(entry.message.body).toString()),
  );
  expect(bodies).toEqual(['A', 'hello', 'B']);
  const asked = mock.commandCalls(BatchGetCommand).map(({ args: [{ input }] }) => input);
  expect(asked.map(({ RequestItems }) => RequestItems)).toEqual([
    {
      broker: {
        Keys: [
          { pk: 'B#a', sk: 'B' },
          { pk: 'B#b', sk: 'B' },
        ],
        ConsistentRead: true,
      },
    },
    left,
  ]);
});

test('a body that is gone is a throw, not a message without one', async () => {
  mock.on(BatchGetCommand).resolves({ Responses: { broker: [] } });
  await expect(decode(change(image(1, message({ bodyAt: text('a') }))))).rejects.toThrow('body a');
});

const head = image(1, message());
test.each<[what: string, record: unknown, named: string]>([
  ['no record', null, 'a record'],
  ['an unknown event', { ...change(head), eventName: 'MOVE' }, 'eventName'],
  ['no keys', { eventName: 'MODIFY', dynamodb: { NewImage: head } }, 'Keys'],
  ['no image', { eventName: 'MODIFY', dynamodb: { Keys: change(head).dynamodb.Keys } }, 'NewImage'],
  ['no epoch', change({ ...head, epoch: undefined }), 'epoch'],
  ['a number that is none', change({ ...head, seq: { N: 'x' } }), 'seq'],
  ['a seq of text', change({ ...head, seq: text('3') }), 'seq'],
  ['a value of two types', change({ ...head, seq: { N: '3', S: '3' } }), 'seq'],
  ['a type nobody writes', change({ ...head, seq: { NS: ['3'] } }), 'seq of type NS'],
  ['no entries', change({ ...head, last: text('x') }), 'last'],
  ['an entry that is no map', change({ ...head, last: { L: [text('x')] } }), 'last'],
  ['an unknown entry', change(image(1, { M: { type: text('hop') } })), 'hop'],
  ['a message without an id', change(image(1, message({ id: { N: '1' } }))), 'id'],
  ['headers that are no pairs', change(image(1, message({ headers: { L: [text('a')] } }))), 'head'],
  ['no body', change(image(1, message({}))), 'body'],
  ['an entry of more', change(image(1, { M: { type: text('tick'), why: text('x') } })), 'why'],
  ['a message of more', change(image(1, message({ body: { B: '' }, why: text('x') }))), 'why'],
  [
    'a leave of no known kind',
    change(image(1, { M: { type: text('leave'), membership, how: text('flew') } })),
    'flew',
  ],
])('%s is a throw that names it', async (_, record, named) => {
  await expect(decode(record)).rejects.toThrow(named);
});
