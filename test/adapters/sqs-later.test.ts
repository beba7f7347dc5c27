import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { sqsLater } from '../../adapters/sqs/later.ts';
import { readTask } from '../../adapters/task-text.ts';
import type { Task } from '../../broker/ports.ts';
import { membership } from '../contract/journal-world.ts';

const client = new SQSClient({ region: 'us-east-1' });
const mock = mockClient(client);
const later = sqsLater({ client, queueUrl: 'https://sqs/1/tasks' });

const gone: Task = { type: 'gone', room: '/room/x', membership: membership('a'), mark: 'e-1-0' };

beforeEach(() => {
  mock.reset();
  mock.on(SendMessageCommand).resolves({});
});

function sent() {
  return mock.commandCalls(SendMessageCommand).map(({ args: [{ input }] }) => input);
}

test.each<Task>([gone, { type: 'tick', queue: '/queue/x' }])(
  'a task goes into the queue with its delay and is read as it was: %j',
  async (task) => {
    await later.schedule(3, task);
    const [message] = sent();
    expect(message).toEqual({
      QueueUrl: 'https://sqs/1/tasks',
      DelaySeconds: 3,
      MessageBody: expect.any(String),
    });
    expect(readTask(message?.MessageBody ?? '')).toEqual(task);
  },
);

test('a task is never early: part of a second is a whole one', async () => {
  for (const seconds of [0, -1, 0.2, 2.5, 900]) await later.schedule(seconds, gone);
  expect(sent().map(({ DelaySeconds }) => DelaySeconds)).toEqual([0, 0, 1, 3, 900]);
});

test('a task for later than the queue can wait is a throw, not an early one', async () => {
  await expect(later.schedule(901, gone)).rejects.toThrow('900 s');
  expect(sent()).toEqual([]);
});

test('a task that could not be put there is a throw', async () => {
  mock.on(SendMessageCommand).rejects(new Error('AccessDenied'));
  await expect(later.schedule(3, gone)).rejects.toThrow('AccessDenied');
});

test.each<[text: string, wrong: string]>([
  ['', 'no JSON object'],
  ['{', 'no JSON object'],
  ['null', 'no JSON object'],
  ['[]', 'no JSON object'],
  ['{}', 'no known type of task'],
  ['{"type":"come"}', 'no known type of task'],
  ['{"type":"tick"}', 'no queue'],
  ['{"type":"tick","queue":1}', 'no queue'],
  [JSON.stringify({ ...gone, room: 1 }), 'no room'],
  [JSON.stringify({ ...gone, mark: undefined }), 'no mark'],
  [JSON.stringify({ ...gone, membership: undefined }), 'no membership'],
  [JSON.stringify({ ...gone, membership: { ...gone.membership, stamp: 1 } }), 'no membership'],
])('%s is no task: %s', (text, wrong) => {
  expect(readTask(text)).toBe(wrong);
});
