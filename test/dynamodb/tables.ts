/** Tables in DynamoDB Local as the template makes them, and their streams read to the end. */
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { tableDefinition } from '../../adapters/dynamodb/schema.ts';
import { callDynamo } from '../template/tables.ts';

let made = 0;

export interface LocalTable {
  readonly tableName: string;
  drop(): Promise<void>;
}

export async function makeTable(client: DynamoDBClient): Promise<LocalTable> {
  const tableName = `contract-${process.pid}-${++made}`;
  const { KeySchema, AttributeDefinitions, StreamSpecification, ...rest } = tableDefinition;
  await client.send(
    new CreateTableCommand({
      ...rest,
      TableName: tableName,
      KeySchema: [...KeySchema],
      AttributeDefinitions: [...AttributeDefinitions],
      StreamSpecification: { ...StreamSpecification, StreamEnabled: true },
    }),
  );
  return {
    tableName,
    async drop() {
      await client.send(new DeleteTableCommand({ TableName: tableName }));
    },
  };
}

export interface StreamReader {
  /** An event of all that the stream has given so far, as Lambda would have it. */
  event(): Promise<{ readonly Records: readonly unknown[] }>;
}

const STREAMS_API = 'DynamoDBStreams_20120810';

/** Reads every shard from its beginning; DynamoDB Local lets a record be seen after a moment. */
export async function readStream(
  client: DynamoDBClient,
  endpoint: string,
  tableName: string,
): Promise<StreamReader> {
  const call = async (operation: string, input: Readonly<Record<string, unknown>>) => {
    const { body } = await callDynamo(endpoint, operation, input, STREAMS_API);
    const answer: unknown = JSON.parse(body);
    return Object(answer);
  };
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const StreamArn = Table?.LatestStreamArn;
  const records: unknown[] = [];
  const iterators = new Map<string, string>();

  async function step(ShardId: string): Promise<void> {
    const begin = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
    const iterator =
      iterators.get(ShardId) ??
      String((await call('GetShardIterator', begin))['ShardIterator'] ?? '');
    if (iterator === '') return;
    const { Records = [], NextShardIterator = '' } = await call('GetRecords', {
      ShardIterator: iterator,
    });
    records.push(...Records);
    iterators.set(ShardId, String(NextShardIterator));
  }

  return {
    async event() {
      const { StreamDescription } = await call('DescribeStream', { StreamArn });
      for (const { ShardId } of StreamDescription?.Shards ?? []) await step(String(ShardId));
      return { Records: records };
    },
  };
}
