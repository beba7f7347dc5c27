/** Counters in the one table: a row each, gone by TTL. 1 WRU for each change. */
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Counters } from '../../broker/ports.ts';
import { number } from './attributes.ts';
import { expiry } from './rows.ts';
import { counterKey } from './schema.ts';

export interface DynamoCountersOptions {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
}

export function dynamoCounters({ client, tableName }: DynamoCountersOptions): Counters {
  return {
    async add(name, count, expiresAt) {
      const { Attributes = {} } = await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { ...counterKey(name) },
          UpdateExpression: 'ADD #sum :count SET #expires = :expires',
          ExpressionAttributeNames: { '#sum': 'sum', '#expires': 'expires' },
          ExpressionAttributeValues: { ':count': count, ':expires': expiry(expiresAt).expires },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return number(Attributes, 'sum');
    },
  };
}
