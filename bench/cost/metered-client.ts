/** The SDK's clients as the handlers use them, answered by counters in place of AWS. */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import type { MeteredTable } from './metered-table.ts';

export function documentClient(table: MeteredTable): DynamoDBDocumentClient {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
  const mock = mockClient(client);
  mock.rejects('the metered table does not know this command');
  mock.on(GetCommand).callsFake(async ({ Key }) => {
    const Item = table.get(Key);
    return Item === undefined ? {} : { Item };
  });
  mock.on(PutCommand).callsFake(async (input) => {
    table.put(input);
    return {};
  });
  mock.on(UpdateCommand).callsFake(async (input) => ({ Attributes: table.update(input) }));
  mock.on(DeleteCommand).callsFake(async (input) => {
    table.remove(input);
    return {};
  });
  mock.on(QueryCommand).callsFake(async (input) => table.query(input));
  mock.on(TransactWriteCommand).callsFake(async ({ TransactItems }) => {
    table.transact(TransactItems);
    return {};
  });
  return client;
}

export function managementApi(posted: (octets: number) => void): ApiGatewayManagementApiClient {
  const client = new ApiGatewayManagementApiClient({ region: 'us-east-1' });
  const mock = mockClient(client);
  mock.rejects('not known');
  mock.on(DeleteConnectionCommand).resolves({});
  mock.on(PostToConnectionCommand).callsFake(async ({ Data }) => {
    posted(Data.length);
    return {};
  });
  return client;
}

export function queueClient(sent: (octets: number) => void): SQSClient {
  const client = new SQSClient({ region: 'us-east-1' });
  const mock = mockClient(client);
  mock.rejects('not known');
  mock.on(SendMessageCommand).callsFake(async ({ MessageBody }) => {
    sent(MessageBody.length);
    return { MessageId: 'm' };
  });
  return client;
}
