/**
 * The `Store` on one DynamoDB table: no scan, no index, no transaction. Each promise rests on the
 * order of single conditional writes, told where they are made.
 *
 * Costs stand beside each method, in write units (1 KB) and read units (4 KB, consistent); a write
 * whose condition fails costs the same. Throttles and 5xx are retried by the client, as its maker
 * set it; a write that had succeeded unseen is then met as a repeat.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Held, SlowMarks, Store } from '../../broker/ports.ts';
import { subscribers } from './audience.ts';
import { connections } from './connections.ts';
import { held } from './held.ts';
import { slowMarks } from './slow-marks.ts';
import { subscriptions } from './subscriptions.ts';
import { dynamoTable } from './table.ts';

export interface DynamoStoreOptions {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Rows that one read of subscribers takes at most; without, DynamoDB's 1 MB. */
  readonly rowsPerReadMax?: number;
}

export interface DynamoStore extends Store {
  readonly held: Held;
  readonly marks: SlowMarks;
}

export function dynamoStore(options: DynamoStoreOptions): DynamoStore {
  const { client, tableName, clock, limits, rowsPerReadMax } = options;
  const table = dynamoTable(client, tableName);
  const world = { table, clock, limits };
  return {
    ...connections(world),
    ...subscriptions(world),
    held: held(world),
    marks: slowMarks(table),
    subscribers: subscribers(table, {
      clock,
      ...(rowsPerReadMax !== undefined && { rowsMax: rowsPerReadMax }),
    }),
  };
}
