/**
 * A cloud small enough to see through: the SDK's clients answer out of rows given beforehand, and
 * remember what they were asked. Nothing that is written is read back.
 */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { jest } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { subscriberKey } from '../../adapters/dynamodb/schema.ts';

type Row = Readonly<Record<string, unknown>>;
type Values = Readonly<Record<string, unknown>> | undefined;

export const ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  TABLE_NAME: 'broker',
  MANAGEMENT_ENDPOINT: 'https://abc123.execute-api.eu-west-1.amazonaws.com/ws',
  QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/ingress.fifo',
  TASKS_URL: 'https://sqs.eu-west-1.amazonaws.com/1/tasks',
  // The SDK is what stands mocked here; our own sockets have tests of their own.
  POSTING: 'sdk',
} as const;

export const table = mockClient(DynamoDBDocumentClient);
export const gateway = mockClient(ApiGatewayManagementApiClient);
export const queues = mockClient(SQSClient);

const rows: Row[] = [];
let logged: Readonly<Record<string, unknown>>[] = [];

/** Before each test. */
export function clearSky(): void {
  for (const mock of [table, gateway, queues]) mock.reset();
  rows.length = 0;
  logged = [];
  jest.spyOn(console, 'log').mockImplementation((line: string) => logged.push(JSON.parse(line)));
  table.on(QueryCommand).callsFake((input) => ({ Items: found(input.ExpressionAttributeValues) }));
  table.on(GetCommand).callsFake(({ Key }) => ({ Item: rows.find((row) => isAt(row, Key)) }));
  table.on(UpdateCommand).callsFake(({ Key }) => ({
    Attributes: rows.find((row) => isAt(row, Key)) ?? { epoch: 'e', seq: 1, revision: 1 },
  }));
  table.on(PutCommand).resolves({});
  table.on(DeleteCommand).resolves({});
  table.on(BatchWriteCommand).resolves({});
  queues.on(SendMessageCommand).resolves({});
  gateway.on(PostToConnectionCommand).resolves({});
  gateway.on(DeleteConnectionCommand).resolves({});
  gateway.on(GetConnectionCommand).resolves({});
}

function found(values: Values): readonly Row[] {
  const { ':pk': pk, ':first': first = '', ':last': last = '\uffff' } = values ?? {};
  const within = (sk: string): boolean => sk >= String(first) && sk <= String(last);
  return rows.filter((row) => row['pk'] === pk && within(String(row['sk'])));
}

function isAt(row: Row, key: Values): boolean {
  return row['pk'] === key?.['pk'] && row['sk'] === key?.['sk'];
}

export function given(...more: readonly Row[]): void {
  rows.push(...more);
}

/** A STOMP client that has been connected for a minute. */
export function connected(id: string): Row {
  return { pk: `C#${id}`, sk: 'C', ...client(), session: `of-${id}`, stamp: '0', expires: 1 };
}

/** It listens to `destination` as `sub-0`, from both sides. */
export function listening(id: string, destination: string): readonly Row[] {
  const pk = `D#${destination}`;
  const { expiresAt } = client();
  const subscription = { destination, ack: 'auto', stamp: '1', audience: pk, expiresAt };
  return [
    { pk: `C#${id}`, sk: 'S#sub-0', ...subscription },
    { ...subscriberKey(pk, id, 'sub-0'), stamp: '1', session: `of-${id}`, ...client() },
  ];
}

function client() {
  const connectedAt = Date.now() - 60_000;
  const expiresAt = connectedAt + 7_200_000;
  return { carrier: 'raw', dialect: 'stomp', version: '1.2', connectedAt, expiresAt };
}

/** What the gateway was told to post, `id: text`. */
export function posts(): readonly string[] {
  return gateway.commandCalls(PostToConnectionCommand).map(({ args: [{ input }] }) => {
    return `${input.ConnectionId}: ${new TextDecoder().decode(bytes(input.Data))}`;
  });
}

function bytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  throw new Error('a post that is no bytes');
}

export function closed(): readonly unknown[] {
  const calls = gateway.commandCalls(DeleteConnectionCommand);
  return calls.map(({ args: [{ input }] }) => input.ConnectionId);
}

/** Keys that were updated: `pk sk`. */
export function updated(): readonly string[] {
  const calls = table.commandCalls(UpdateCommand);
  return calls.map(({ args: [{ input }] }) => `${input.Key?.['pk']} ${input.Key?.['sk']}`);
}

/** Rows that were written many at once, of this partition. */
export function batched(pk: string): readonly Row[] {
  const calls = table.commandCalls(BatchWriteCommand);
  const requests = calls.flatMap(({ args: [{ input }] }) => input.RequestItems?.['broker'] ?? []);
  return requests
    .flatMap(({ PutRequest }) => PutRequest?.Item ?? [])
    .filter((row) => row['pk'] === pk);
}

/** Log lines of errors, `event: cause`. */
export function errors(): readonly string[] {
  return logged
    .filter(({ level }) => level === 'error')
    .map(({ event, error }) => `${event}: ${Object(error).message}`);
}

/** The gateway's refusal of a post. */
export function refusal(status: number, message = 'no'): Error {
  return Object.assign(new Error(message), { $metadata: { httpStatusCode: status } });
}

/** What IAM says to a role that lacks an action. */
export function denied(action: string): Error {
  const error = new Error(`User is not authorized to perform: ${action}`);
  return Object.assign(error, {
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 400 },
  });
}

const requestContext = {
  connectedAt: Date.now() - 60_000,
  requestTimeEpoch: Date.now(),
  requestId: 'request',
  messageId: 'message',
  stage: 'ws',
  apiId: 'abc123',
  domainName: 'abc123.execute-api.eu-west-1.amazonaws.com',
  identity: { sourceIp: '192.0.2.1' },
};

export function connectEvent(connectionId: string, headers: Readonly<Record<string, string>> = {}) {
  const context = { ...requestContext, connectionId, routeKey: '$connect' };
  return {
    headers,
    multiValueHeaders: {},
    requestContext: { ...context, eventType: 'CONNECT' as const },
    isBase64Encoded: false,
  };
}

export function messageEvent(connectionId: string, body: string) {
  const context = { ...requestContext, connectionId, routeKey: '$default' };
  return {
    requestContext: { ...context, eventType: 'MESSAGE' as const },
    body,
    isBase64Encoded: false,
  };
}

export function disconnectEvent(connectionId: string) {
  const context = { ...requestContext, connectionId, routeKey: '$disconnect' };
  return {
    requestContext: { ...context, eventType: 'DISCONNECT' as const, disconnectStatusCode: 1005 },
    isBase64Encoded: false,
  };
}

/** One record of a queue: `id` is its message's, and of the ingress queue its connection's. */
export function record(id: string, body: string) {
  const attribute = (stringValue: string) => ({ dataType: 'String', stringValue });
  return {
    messageId: `record-${id}`,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1',
      SequenceNumber: '10',
      MessageGroupId: id,
    },
    messageAttributes: {
      connectionId: attribute(id),
      eventType: attribute('MESSAGE'),
      messageId: attribute('message'),
      requestTimeEpoch: attribute(String(Date.now())),
    },
  };
}

export function ingressRecord(connectionId: string, text: string) {
  return record(connectionId, `.${Buffer.from(text).toString('base64')}`);
}
