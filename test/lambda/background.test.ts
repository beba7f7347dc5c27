/** What no client invokes: the stream of the logs, tasks put off, the sweep of each minute. */
import {
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { BatchWriteCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { deliver, work } from '../../lambda/main.ts';
import {
  batched,
  clearSky,
  closed,
  connected,
  denied,
  ENVIRONMENT,
  errors,
  gateway,
  given,
  listening,
  posts,
  queues,
  record,
  refusal,
  table,
  updated,
} from './cloud.ts';

const before = { ...process.env };
beforeEach(() => {
  process.env = { ...before, ...ENVIRONMENT };
  clearSky();
});
afterAll(() => {
  process.env = before;
});

const MEMBERSHIP = {
  connectionId: 'c2',
  subscriptionId: 'sub-0',
  stamp: '1',
  session: 'of-c2',
  member: 'ann',
};

/** A head's new image in the table's stream, in DynamoDB's JSON. */
function head(seq: number, ...entries: readonly unknown[]) {
  const Keys = { pk: { S: 'H#/room/a' }, sk: { S: 'H' } };
  const numbers = { seq: { N: String(seq) }, revision: { N: '1' }, expiresAt: { N: '1' } };
  const NewImage = { ...Keys, ...numbers, epoch: { S: 'e' }, last: { L: entries } };
  return { eventName: 'MODIFY', eventID: '1', dynamodb: { Keys, NewImage, SequenceNumber: '1' } };
}

function said(body: string) {
  const message = {
    id: { S: `id-${body}` },
    destination: { S: '/room/a' },
    body: { B: Buffer.from(body).toString('base64') },
    at: { N: '1' },
  };
  return { M: { type: { S: 'message' }, message: { M: message } } };
}

function lost() {
  const membership = Object.entries(MEMBERSHIP).map(([name, S]) => [name, { S }]);
  const M = {
    type: { S: 'leave' },
    how: { S: 'lost' },
    membership: { M: Object.fromEntries(membership) },
  };
  return { M };
}

describe('the stream of the logs', () => {
  test('becomes history, then posts: all frames of a connection in one', async () => {
    given(connected('c2'), ...listening('c2', '/room/a'));
    await deliver({ Records: [head(2, said('one'), said('two'))] });
    expect(batched('L#/room/a').map(({ seq, id }) => `${seq} ${id}`)).toEqual([
      '1 id-one',
      '2 id-two',
    ]);
    expect(posts()).toEqual([expect.stringMatching(/^c2: MESSAGE\n.*one\0MESSAGE\n.*two\0$/s)]);
    expect(batched('H#/room/a')).toEqual([expect.objectContaining({ sk: 'P', revision: 1 })]);
    expect(errors()).toEqual([]);
  });

  test('a stale member is cut and its rooms hear of it, and the others still get it', async () => {
    given(connected('gone'), connected('c2'));
    given(...listening('gone', '/room/a'), ...listening('c2', '/room/a'));
    gateway.on(PostToConnectionCommand, { ConnectionId: 'gone' }).rejects(refusal(410));
    await deliver({ Records: [head(1, said('one'))] });
    expect(posts().filter((each) => each.startsWith('c2: MESSAGE'))).toHaveLength(1);
    expect(updated()).toEqual(expect.arrayContaining(['H#/room/a H', 'C#gone C']));
    expect(closed()).toEqual(['gone']);
  });

  test('a post refused by rate is made again', async () => {
    given(connected('c2'), ...listening('c2', '/room/a'));
    gateway.on(PostToConnectionCommand).rejectsOnce(refusal(429, 'Rate exceeded')).resolves({});
    await deliver({ Records: [head(1, said('one'))] });
    expect(posts()).toHaveLength(2);
    expect(closed()).toEqual([]);
  });

  test('history that cannot be written fails the batch before anything is posted', async () => {
    given(connected('c2'), ...listening('c2', '/room/a'));
    table.on(BatchWriteCommand).rejects(denied('dynamodb:BatchWriteItem'));
    await expect(deliver({ Records: [head(1, said('one'))] })).rejects.toThrow('not authorized');
    expect(posts()).toEqual([]);
    expect(errors()).toEqual([
      'deliver-failed: User is not authorized to perform: dynamodb:BatchWriteItem',
    ]);
  });

  test('a record that does not decode fails the batch, and is told by a name of its own', async () => {
    const { dynamodb, ...rest } = head(1, said('one'));
    await expect(deliver({ Records: [rest] })).rejects.toThrow('dynamodb');
    expect(errors()[0]).toMatch(/^stream-unreadable: /);
  });

  test('a member whose connection was lost is looked at again after its grace', async () => {
    await deliver({ Records: [head(1, lost())] });
    const [sent] = queues.commandCalls(SendMessageCommand);
    const { QueueUrl, DelaySeconds, MessageBody } = sent?.args[0].input ?? {};
    expect({ QueueUrl, DelaySeconds }).toEqual({
      QueueUrl: ENVIRONMENT.TASKS_URL,
      DelaySeconds: 3,
    });
    expect(JSON.parse(MessageBody ?? '')).toMatchObject({ type: 'gone', room: '/room/a' });
  });

  test('a queue of tasks it may not use fails the batch, with the reason', async () => {
    queues.on(SendMessageCommand).rejects(denied('sqs:SendMessage'));
    await expect(deliver({ Records: [head(1, lost())] })).rejects.toThrow('sqs:SendMessage');
    expect(errors()[0]).toContain('sqs:SendMessage');
  });
});

describe('tasks', () => {
  const gone = { type: 'gone', room: '/room/a', membership: MEMBERSHIP, mark: 'e-1-0' };
  const tick = { type: 'tick', queue: '/queue/a' };

  test('are changes of their logs', async () => {
    const Records = [record('1', JSON.stringify(gone)), record('2', JSON.stringify(tick))];
    expect(await work({ Records })).toEqual({ batchItemFailures: [] });
    expect(updated()).toEqual(['H#/room/a H', 'H#/queue/a H']);
    const [call] = table.commandCalls(UpdateCommand);
    expect(call?.args[0].input.ExpressionAttributeValues?.[':last']).toEqual([
      { type: 'gone', membership: MEMBERSHIP, mark: 'e-1-0' },
    ]);
  });

  test('one that fails comes again, the others do not', async () => {
    table
      .on(UpdateCommand, { Key: { pk: 'H#/room/a', sk: 'H' } })
      .rejects(denied('dynamodb:UpdateItem'));
    const Records = [record('1', JSON.stringify(gone)), record('2', JSON.stringify(tick))];
    expect(await work({ Records })).toEqual({
      batchItemFailures: [{ itemIdentifier: 'record-1' }],
    });
    expect(errors()).toEqual([
      'task-failed: User is not authorized to perform: dynamodb:UpdateItem',
    ]);
  });

  test.each(['', '{}', '{"type":"gone"}', 'null'])(
    'one that is none (%j) waits for a person',
    async (body) => {
      expect(await work({ Records: [record('1', body)] })).toEqual({
        batchItemFailures: [{ itemIdentifier: 'record-1' }],
      });
      expect(errors()[0]).toMatch(/^task-unreadable: /);
    },
  );
});

describe('the sweep', () => {
  const SWEEP = { source: 'aws.events' };
  /** Every shard of every minute has the same check: it is settled once for each. */
  const due = () => {
    const Items = [{ pk: 'X', sk: 'c2', at: Date.now() - 1000 }];
    table.on(QueryCommand).callsFake(({ ExpressionAttributeValues: values }) => {
      const minute = Math.floor(Date.now() / 60_000);
      return { Items: values[':pk'] === `X#${minute}#0` ? Items : rowsOf(values[':pk']) };
    });
  };
  const rowsOf = (pk: string) => (pk === 'C#c2' ? [connected('c2')] : []);

  test('ends a connection of which the gateway knows nothing', async () => {
    due();
    given(connected('c2'));
    gateway.on(GetConnectionCommand).rejects(refusal(410));
    await work(SWEEP);
    expect(updated()).toEqual(['C#c2 C']);
    expect(errors()).toEqual([]);
  });

  test('leaves one alone that lives', async () => {
    due();
    await work(SWEEP);
    expect(gateway.commandCalls(GetConnectionCommand)).toHaveLength(1);
    expect(updated()).toEqual([]);
  });

  test.each([
    ['a busy gateway', refusal(429, 'Rate exceeded')],
    ['no right to ask', denied('execute-api:ManageConnections')],
  ])('%s is no proof of death: logged, failed, asked again in a minute', async (_, fault) => {
    due();
    gateway.on(GetConnectionCommand).rejects(fault);
    await expect(work(SWEEP)).rejects.toThrow(fault.message);
    expect(updated()).toEqual([]);
    expect(errors()).toEqual([`sweep-failed: ${fault.message}`]);
  });
});
