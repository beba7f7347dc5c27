/**
 * The clients as the handlers use them, answered by counters in place of AWS. Of the SDK's only
 * `send` is replaced; a command that no counter knows is a throw.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Management } from '../../adapters/apigateway/management.ts';
import type { MeteredTable } from './metered-table.ts';

const region = 'us-east-1';

export function documentClient(table: MeteredTable): DynamoDBDocumentClient {
  return Object.assign(
    DynamoDBDocumentClient.from(new DynamoDBClient({ region, maxAttempts: 1 })),
    {
      send: async (command: unknown) => answer(command, table),
    },
  );
}

function answer(command: unknown, table: MeteredTable): object {
  if (command instanceof GetCommand) {
    const Item = table.get(command.input.Key);
    return Item === undefined ? {} : { Item };
  }
  if (command instanceof QueryCommand) return table.query(command.input);
  if (command instanceof UpdateCommand) return { Attributes: table.update(command.input) };
  if (command instanceof PutCommand) table.put(command.input);
  else if (command instanceof DeleteCommand) table.remove(command.input);
  else if (command instanceof TransactWriteCommand) {
    table.transact(command.input.TransactItems ?? []);
  } else return answerBatch(command, table);
  return {};
}

/** A batch is billed as its rows are, one by one. */
function answerBatch(command: unknown, table: MeteredTable): object {
  if (command instanceof BatchGetCommand) {
    const asked = Object.entries(command.input.RequestItems ?? {});
    const found = asked.map(([name, { Keys = [] }]) => {
      return [name, Keys.map((key) => table.get(key)).filter((row) => row !== undefined)] as const;
    });
    return { Responses: Object.fromEntries(found) };
  }
  if (!(command instanceof BatchWriteCommand)) throw unknown(command);
  for (const { PutRequest, DeleteRequest } of Object.values(
    command.input.RequestItems ?? {},
  ).flat()) {
    if (PutRequest !== undefined) table.put({ Item: PutRequest.Item });
    if (DeleteRequest !== undefined) table.remove({ Key: DeleteRequest.Key });
  }
  return {};
}

/** Every post is delivered, and nobody asks who is there. */
export function managementApi(posted: (octets: number) => void): Management {
  const done = { status: 200, words: '' };
  return {
    async post(_, payload) {
      posted(payload.length);
      return done;
    },
    get: (connectionId) => Promise.reject(unknown(connectionId)),
    delete: async () => done,
  };
}

export function queueClient(sent: (octets: number) => void): SQSClient {
  return Object.assign(new SQSClient({ region }), {
    send: async (command: unknown) => {
      if (!(command instanceof SendMessageCommand)) throw unknown(command);
      sent(Buffer.byteLength(command.input.MessageBody ?? ''));
      return {};
    },
  });
}

function unknown(command: unknown): TypeError {
  return new TypeError(`no counter for ${Object(command).constructor?.name}`);
}
