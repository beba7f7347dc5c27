/** The bundles' SendMessage beside the SDK's own: the same request, the same signature. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient as SdkClient, SendMessageCommand as SdkCommand } from '@aws-sdk/client-sqs';
import { SendMessageCommand, SQSClient } from '../../adapters/sqs/send-message.ts';

interface Heard {
  readonly headers: IncomingMessage['headers'];
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

const before = { ...process.env };
const heard: Heard[] = [];
let answers: readonly ((response: ServerResponse) => void)[] = [];
let server: Server;
let queueUrl = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers, method, url } = request;
      const body = Buffer.concat(chunks).toString();
      const answer = answers[Math.min(heard.length, answers.length - 1)] ?? taken;
      heard.push({ headers, method, url, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  queueUrl = `http://127.0.0.1:${port}/123456789012/tasks`;
});
afterAll(() => {
  process.env = before;
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  heard.length = 0;
  answers = [];
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
  });
});

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' };

function taken(response: ServerResponse): void {
  response.writeHead(200, JSON_TYPE);
  const text = JSON.parse(heard.at(-1)?.body ?? '{}').MessageBody ?? '';
  const MD5OfMessageBody = createHash('md5').update(text).digest('hex');
  response.end(JSON.stringify({ MessageId: 'm', MD5OfMessageBody }));
}

function refused(status: number, type: string): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(status, JSON_TYPE);
    response.end(JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: 'because' }));
  };
}

function cut(response: ServerResponse): void {
  response.destroy();
}

const input = () => ({
  QueueUrl: queueUrl,
  DelaySeconds: 3,
  MessageBody: '{"type":"tick","queue":"/queue/é"}',
  MessageAttributes: { connectionId: { DataType: 'String', StringValue: 'L0SM9/+FvHc=' } },
});

test('asks for what the SDK asks for', async () => {
  await new SQSClient().send(new SendMessageCommand(input()));
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const [endpoint] = queueUrl.split('/1234');
  const sdk = new SdkClient({ region: 'eu-west-1', endpoint: endpoint ?? '', credentials });
  await sdk.send(new SdkCommand(input()));
  const [ours, theirs] = heard;
  const asked = ({ method, url, body, headers }: Heard) => ({
    method,
    url,
    body: JSON.parse(body),
    type: headers['content-type'],
    target: headers['x-amz-target'],
    length: headers['content-length'],
  });
  if (ours === undefined || theirs === undefined) throw new Error('two requests were expected');
  expect(asked(ours)).toEqual(asked(theirs));
});

test('is signed so that SQS finds the same signature', async () => {
  await new SQSClient().send(new SendMessageCommand(input()));
  const [{ headers, body }] = heard as [Heard];
  const date = String(headers['x-amz-date']);
  const names = ['content-type', 'host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'];
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha(body),
  ].join('\n');
  const scope = `${date.slice(0, 8)}/eu-west-1/sqs/aws4_request`;
  const hmac = (key: string | Buffer, text: string) =>
    createHmac('sha256', key).update(text).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, 'AWS4secret');
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha(canonical)].join('\n'));
  expect(headers.authorization).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names.join(';')}, ` +
      `Signature=${signature.toString('hex')}`,
  );
  expect(headers['x-amz-security-token']).toBe('token');
});

test.each([
  ['a fault of SQS', refused(500, 'InternalError')],
  ['its being busy', refused(400, 'ThrottlingException')],
  ['an answer that never came', cut],
])('%s is met by another attempt', async (_, fault) => {
  answers = [fault, fault, taken];
  await new SQSClient().send(new SendMessageCommand(input()));
  expect(heard).toHaveLength(3);
});

test('a fault that stays is thrown by the name SQS gave it', async () => {
  answers = [refused(503, 'ServiceUnavailable')];
  const sending = new SQSClient().send(new SendMessageCommand(input()));
  await expect(sending).rejects.toMatchObject({
    name: 'ServiceUnavailable',
    message: 'SQS answered 503: because',
  });
  expect(heard).toHaveLength(3);
});

test('what SQS will never take is asked once', async () => {
  answers = [refused(403, 'AccessDenied')];
  const sending = new SQSClient().send(new SendMessageCommand(input()));
  await expect(sending).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(heard).toHaveLength(1);
});
