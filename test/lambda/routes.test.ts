/** From a client's event to the posted frame, through the entry that AWS invokes. */
import {
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { connect, dead, disconnect, message } from '../../lambda/main.ts';
import {
  clearSky,
  closed,
  connectEvent,
  connected,
  denied,
  disconnectEvent,
  ENVIRONMENT,
  errors,
  gateway,
  given,
  ingressRecord,
  listening,
  messageEvent,
  posts,
  queues,
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

const SEND = 'SEND\ndestination:/topic/a\nreceipt:r\n\nhello\0';

/** The same message by both ingresses. */
const ingresses = {
  fifo: (id: string, text: string) => message({ Records: [ingressRecord(id, text)] }),
  direct: (id: string, text: string) => message(messageEvent(id, text)),
};
const DONE = { fifo: { batchItemFailures: [] }, direct: { statusCode: 200 } };
const names = ['fifo', 'direct'] as const;

describe('$connect', () => {
  test('admits by a record and settles the sub-protocol', async () => {
    const offered = { 'Sec-WebSocket-Protocol': 'v12.stomp' };
    expect(await connect(connectEvent('c1', offered))).toEqual({
      statusCode: 200,
      headers: { 'Sec-WebSocket-Protocol': 'v12.stomp' },
    });
    const [put] = table.commandCalls(PutCommand);
    expect(put?.args[0].input).toMatchObject({
      TableName: 'broker',
      Item: { pk: 'C#c1', sk: 'C' },
    });
  });

  test('a table it may not write refuses the handshake, and says why in the log', async () => {
    table.on(PutCommand).rejects(denied('dynamodb:PutItem'));
    expect(await connect(connectEvent('c1'))).toMatchObject({ statusCode: 500 });
    expect(errors()).toEqual([
      'connect-failed: User is not authorized to perform: dynamodb:PutItem',
    ]);
  });
});

describe.each(names)('a message by %s ingress', (name) => {
  const send = ingresses[name];

  test('is posted to its subscriber, and its receipt to the sender', async () => {
    given(connected('c1'), connected('c2'), ...listening('c2', '/topic/a'));
    expect(await send('c1', SEND)).toEqual(DONE[name]);
    expect(posts()).toEqual([
      expect.stringMatching(/^c2: MESSAGE\nsubscription:sub-0\n.*\n\nhello\0$/s),
      expect.stringMatching(/^c1: RECEIPT\nreceipt-id:r\n/),
    ]);
    expect(errors()).toEqual([]);
  });

  test('a stale subscriber is forgotten and cut, and the others still get it', async () => {
    given(connected('c1'), connected('gone'), connected('c2'));
    given(...listening('gone', '/topic/a'), ...listening('c2', '/topic/a'));
    gateway.on(PostToConnectionCommand, { ConnectionId: 'gone' }).rejects(refusal(410));
    expect(await send('c1', SEND)).toEqual(DONE[name]);
    expect(posts().map((each) => each.slice(0, 12))).toContain('c2: MESSAGE\n');
    expect(updated()).toContain('C#gone C');
    expect(closed()).toEqual(['gone']);
    expect(errors()).toEqual([]);
  });

  test('a post refused by rate is made again', async () => {
    given(connected('c1'), connected('c2'), ...listening('c2', '/topic/a'));
    gateway
      .on(PostToConnectionCommand, { ConnectionId: 'c2' })
      .rejectsOnce(refusal(429, 'Rate exceeded'))
      .resolves({});
    expect(await send('c1', SEND)).toEqual(DONE[name]);
    expect(posts().filter((each) => each.startsWith('c2: MESSAGE'))).toHaveLength(2);
    expect(closed()).toEqual([]);
  });

  test('a fault of ours is told to the sender by ERROR, logged, and ends the connection', async () => {
    given(connected('c1'));
    table
      .on(QueryCommand, { ExpressionAttributeValues: { ':pk': 'D#/topic/a' } })
      .rejects(denied('dynamodb:Query'));
    expect(await send('c1', SEND)).toEqual(DONE[name]);
    expect(posts()).toEqual([expect.stringMatching(/^c1: ERROR\n.*code:internal\n/s)]);
    expect(posts()[0]).not.toContain('dynamodb');
    expect(closed()).toEqual(['c1']);
    expect(errors()).toEqual(['message-failed: User is not authorized to perform: dynamodb:Query']);
  });

  test('a wrong endpoint shows in the log by name', async () => {
    given(connected('c1'));
    gateway.on(PostToConnectionCommand).rejects(refusal(403, 'Forbidden'));
    gateway.on(DeleteConnectionCommand).rejects(refusal(403, 'Forbidden'));
    expect(await send('c1', SEND)).toEqual(DONE[name]);
    expect(errors()[0]).toMatch(/^post-forbidden: wrong management endpoint, or no execute-api/);
  });
});

test('a table that cannot be read: the queue gives the message again, and nothing is closed', async () => {
  table.on(QueryCommand).rejects(denied('dynamodb:Query'));
  const failed = { batchItemFailures: [{ itemIdentifier: 'record-c1' }] };
  expect(await ingresses.fifo('c1', SEND)).toEqual(failed);
  expect(closed()).toEqual([]);
  expect(errors().map((each) => each.split(':')[0])).toEqual(['message-failed', 'condemn-failed']);
});

test('the same without a queue: the client is cut, for nobody tries again', async () => {
  table.on(QueryCommand).rejects(denied('dynamodb:Query'));
  expect(await ingresses.direct('c1', SEND)).toEqual({ statusCode: 200 });
  expect(closed()).toEqual(['c1']);
});

describe('$disconnect', () => {
  test('takes its place behind the messages of its connection', async () => {
    expect(await disconnect(disconnectEvent('c1'))).toEqual({ statusCode: 200 });
    const [sent] = queues.commandCalls(SendMessageCommand);
    expect(sent?.args[0].input).toMatchObject({
      QueueUrl: ENVIRONMENT.QUEUE_URL,
      MessageGroupId: 'c1',
      MessageAttributes: { eventType: { StringValue: 'DISCONNECT' } },
    });
    expect(table.calls()).toEqual([]);
  });

  test('a queue it may not use: ended at once, rooms told first, and the log says why', async () => {
    given(connected('c1'), ...listening('c1', '/room/a'));
    queues.on(SendMessageCommand).rejects(denied('sqs:SendMessage'));
    expect(await disconnect(disconnectEvent('c1'))).toEqual({ statusCode: 200 });
    expect(updated()).toEqual(['H#/room/a H', 'C#c1 C']);
    expect(errors()).toEqual([
      'disconnect-not-queued: User is not authorized to perform: sqs:SendMessage',
    ]);
  });

  test('a table it may not read either is logged, and the gateway is told nothing', async () => {
    queues.on(SendMessageCommand).rejects(denied('sqs:SendMessage'));
    table.on(QueryCommand).rejects(denied('dynamodb:Query'));
    expect(await disconnect(disconnectEvent('c1'))).toEqual({ statusCode: 200 });
    expect(errors()).toHaveLength(2);
  });
});

describe('a dead letter', () => {
  const letter = () => dead({ Records: [ingressRecord('c1', SEND)] });

  test('ends its connection, in words, and the body is in no log', async () => {
    given(connected('c1'), ...listening('c1', '/room/a'));
    expect(await letter()).toEqual({ batchItemFailures: [] });
    expect(posts()).toEqual([expect.stringMatching(/^c1: ERROR\n/)]);
    expect(updated()).toEqual(['H#/room/a H', 'C#c1 C']);
    expect(closed()).toEqual(['c1']);
    expect(errors()).toEqual(['dead-letter: given up after repeated crashes']);
  });

  test('of a client that has left is done with', async () => {
    given(connected('c1'));
    gateway.on(PostToConnectionCommand).rejects(refusal(410));
    gateway.on(DeleteConnectionCommand).rejects(refusal(410));
    expect(await letter()).toEqual({ batchItemFailures: [] });
    expect(updated()).toEqual(['C#c1 C']);
    expect(errors()).toHaveLength(1);
  });

  test('that cannot be handled cuts the client, and comes again', async () => {
    table.on(QueryCommand).rejects(denied('dynamodb:Query'));
    expect(await letter()).toEqual({ batchItemFailures: [{ itemIdentifier: 'record-c1' }] });
    expect(closed()).toEqual(['c1']);
  });

  test('waits out a gateway that is busy', async () => {
    given(connected('c1'));
    gateway.on(PostToConnectionCommand).rejectsOnce(refusal(429, 'Rate exceeded')).resolves({});
    expect(await letter()).toEqual({ batchItemFailures: [] });
    expect(posts()).toHaveLength(2);
  });
});

test('a head is changed by one attempt: a second would be a second message', async () => {
  given(connected('c1'));
  await ingresses.fifo('c1', SEND.replace('/topic/a', '/room/a'));
  const [call] = table.commandCalls(UpdateCommand, { Key: { pk: 'H#/room/a', sk: 'H' } });
  expect(await Object(call?.thisValue).config.maxAttempts()).toBe(1);
});
