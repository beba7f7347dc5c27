import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { sqsIngress } from '../../adapters/sqs/ingress.ts';
import { SEND_MESSAGE_TEMPLATE } from '../../infra/ingress-queue.ts';

const client = new SQSClient({ region: 'us-east-1' });
const mock = mockClient(client);
const ingress = sqsIngress({ client, queueUrl: 'https://sqs/1/q.fifo' });

beforeEach(() => mock.reset());

const event = {
  connectionId: 'L0SM9/+FvHc=',
  eventType: 'DISCONNECT',
  requestId: 'L0SNBG5+vHcFxAw=',
  messageId: 'L0SNBG5+vHcFxAw=',
  requestTimeEpoch: 2_000_000_000_123,
  body: Buffer.from('{"code":1005}'),
} as const;

test('an event joins its connection’s group, dropped when it is a repeat', async () => {
  mock.on(SendMessageCommand).resolves({});
  await ingress.send(event);
  expect(mock.commandCalls(SendMessageCommand).map(({ args }) => args[0].input)).toEqual([
    {
      QueueUrl: 'https://sqs/1/q.fifo',
      MessageGroupId: 'L0SM9/+FvHc=',
      MessageDeduplicationId: 'L0SNBG5+vHcFxAw=',
      MessageBody: `.${Buffer.from('{"code":1005}').toString('base64')}`,
      MessageAttributes: {
        connectionId: { DataType: 'String', StringValue: 'L0SM9/+FvHc=' },
        eventType: { DataType: 'String', StringValue: 'DISCONNECT' },
        messageId: { DataType: 'String', StringValue: 'L0SNBG5+vHcFxAw=' },
        requestTimeEpoch: { DataType: 'String', StringValue: '2000000000123' },
      },
    },
  ]);
});

test('nothing at all has a body all the same, and U+0000 never shows', async () => {
  mock.on(SendMessageCommand).resolves({});
  await ingress.send({ ...event, body: new Uint8Array() });
  await ingress.send({ ...event, body: Uint8Array.of(0, 255) });
  const bodies = mock.commandCalls(SendMessageCommand).map(({ args }) => args[0].input.MessageBody);
  expect(bodies).toEqual(['.', '.AP8=']);
});

/** API Gateway's template engine, as far as this template goes. */
function evaluate(template: string): URLSearchParams {
  const variables: Readonly<Record<string, string>> = {
    '$context.connectionId': event.connectionId,
    '$context.requestId': event.requestId,
    '$context.messageId': event.messageId,
    '$context.requestTimeEpoch': String(event.requestTimeEpoch),
    '$util.base64Encode($input.body)': Buffer.from(event.body).toString('base64'),
  };
  const value = (text: string): string => variables[text] ?? `unknown ${text}`;
  return new URLSearchParams(
    template
      .replace(/\$util\.urlEncode\((\$util\.base64Encode\([^)]*\)|[^)]*)\)/g, (_, text: string) =>
        encodeURIComponent(value(text)),
      )
      .replace(/\$context\.\w+/g, value),
  );
}

test('the mapping template of messages says the same, so that one reader serves both', async () => {
  mock.on(SendMessageCommand).resolves({});
  await ingress.send({ ...event, eventType: 'MESSAGE' });
  const sent = mock.commandCalls(SendMessageCommand)[0]?.args[0].input;
  const form = evaluate(SEND_MESSAGE_TEMPLATE);
  const attributes = Object.fromEntries(
    [1, 2, 3, 4].map((n) => [
      form.get(`MessageAttribute.${n}.Name`),
      {
        DataType: form.get(`MessageAttribute.${n}.Value.DataType`),
        StringValue: form.get(`MessageAttribute.${n}.Value.StringValue`),
      },
    ]),
  );
  expect({
    MessageGroupId: form.get('MessageGroupId'),
    MessageDeduplicationId: form.get('MessageDeduplicationId'),
    MessageBody: form.get('MessageBody'),
    MessageAttributes: attributes,
  }).toEqual({ ...sent, QueueUrl: undefined });
});

test('an event that could not be stored is a throw', async () => {
  mock.on(SendMessageCommand).rejects(new Error('AccessDenied'));
  await expect(ingress.send(event)).rejects.toThrow('AccessDenied');
});
