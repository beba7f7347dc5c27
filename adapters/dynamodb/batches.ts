/**
 * Many rows in few calls. What a call leaves unprocessed (throttles, its own bounds) is asked again
 * after a pause, so that each answers for all of its rows or throws.
 */
import {
  BatchGetCommand,
  BatchWriteCommand,
  type BatchWriteCommandInput,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import { type Patience, persist } from './patience.ts';
import { readKey } from './rows.ts';
import type { Key, Row } from './schema.ts';

/** DynamoDB's own bounds: "BatchWriteItem", "BatchGetItem" in its API reference. */
const WRITES_MAX = 25;
const READS_MAX = 100;

export type Write = { readonly put: Row } | { readonly remove: Key };

export interface Batches {
  /** Not atomic, in no order. No two of one key. 1 WRU for each row and KB. */
  write(writes: readonly Write[]): Promise<void>;
  /** Consistent; those that are there, in no order. No key twice. 1 RRU for each row and 4 KB. */
  read(keys: readonly Key[]): Promise<readonly Row[]>;
}

export function dynamoBatches(
  client: DynamoDBDocumentClient,
  tableName: string,
  patience: Patience,
): Batches {
  async function write(writes: readonly Write[]): Promise<void> {
    let left = writes.map(request);
    await persist(
      async () => {
        const RequestItems = { [tableName]: left };
        const { UnprocessedItems } = await client.send(new BatchWriteCommand({ RequestItems }));
        left = UnprocessedItems?.[tableName] ?? [];
        return left.length === 0 ? true : undefined;
      },
      'DynamoDB left rows of a batch unwritten',
      patience,
    );
  }

  async function read(keys: readonly Key[]): Promise<readonly Row[]> {
    const found: Row[] = [];
    let left = keys.map((key) => ({ ...key }));
    await persist(
      async () => {
        const RequestItems = { [tableName]: { Keys: left, ConsistentRead: true } };
        const answer = await client.send(new BatchGetCommand({ RequestItems }));
        found.push(...(answer.Responses?.[tableName] ?? []));
        left = (answer.UnprocessedKeys?.[tableName]?.Keys ?? []).map((key) => readKey(key));
        return left.length === 0 ? true : undefined;
      },
      'DynamoDB left rows of a batch unread',
      patience,
    );
    return found;
  }

  return {
    async write(writes) {
      for (const some of chunks(writes, WRITES_MAX)) await write(some);
    },
    async read(keys) {
      const found: Row[] = [];
      for (const some of chunks(keys, READS_MAX)) found.push(...(await read(some)));
      return found;
    },
  };
}

type Request = NonNullable<BatchWriteCommandInput['RequestItems']>[string][number];

function request(write: Write): Request {
  return 'put' in write
    ? { PutRequest: { Item: { ...write.put } } }
    : { DeleteRequest: { Key: { ...write.remove } } };
}

function chunks<Each>(all: readonly Each[], most: number): readonly (readonly Each[])[] {
  const starts = Array.from({ length: Math.ceil(all.length / most) }, (_, index) => index * most);
  return starts.map((start) => all.slice(start, start + most));
}
