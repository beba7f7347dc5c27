/**
 * Changes of one or several logs under a name: all of them and the name's marker, or nothing. The
 * marker is what makes them once; the client token is what lets the SDK repeat a call whose answer
 * it did not hear, without being told of its own marker.
 */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { Entry } from '../../broker/model.ts';
import type { Batches } from './batches.ts';
import { putAside } from './bodies.ts';
import { type HeadWorld, headUpdate } from './head.ts';
import { type Patience, persist } from './patience.ts';
import { expiry } from './rows.ts';
import { publishIdKey } from './schema.ts';
import { names, values } from './table.ts';

interface World extends HeadWorld, Patience {
  readonly client: DynamoDBDocumentClient;
  readonly batches: Batches;
}

interface Change {
  readonly destination: string;
  readonly entries: readonly Entry[];
}

/** A transaction costs twice its writes: 2 WRU for the marker, 2 for each log and KB. */
export async function transact(
  world: World,
  changes: readonly Change[],
  marker: { readonly log: string; readonly id: string },
): Promise<'done' | 'repeated'> {
  const updates = [];
  for (const { destination, entries } of byLog(changes)) {
    const rows = await putAside(entries, world.batches, world);
    updates.push({ Update: headUpdate(world, destination, rows) });
  }
  const command = {
    ClientRequestToken: world.ids.random(),
    TransactItems: [...updates, { Put: markerPut(world, marker) }],
  };
  return persist(
    () => attempt(world.client, command),
    `DynamoDB refused a transaction on ${changes.map(({ destination }) => destination)}`,
    world,
  );
}

/** A transaction names no row twice: what goes to one log is one change of it. */
function byLog(changes: readonly Change[]): readonly Change[] {
  const logs = new Map<string, Entry[]>();
  for (const { destination, entries } of changes) {
    const others = logs.get(destination);
    if (others === undefined) logs.set(destination, [...entries]);
    else others.push(...entries);
  }
  return Array.from(logs, ([destination, entries]) => ({ destination, entries }));
}

function markerPut(
  { tableName, clock, limits }: World,
  { log, id }: { readonly log: string; readonly id: string },
) {
  const now = clock.now();
  const ConditionExpression = 'attribute_not_exists(#pk) OR #expiresAt <= :now';
  return {
    TableName: tableName,
    Item: { ...publishIdKey(log, id), ...expiry(now + limits.publishIdSeconds * 1000) },
    ConditionExpression,
    ...names(ConditionExpression),
    ...values({ now }),
  };
}

/** Undefined: others were at the same rows; nothing was written, and later it may be. */
async function attempt(
  client: DynamoDBDocumentClient,
  command: ConstructorParameters<typeof TransactWriteCommand>[0],
): Promise<'done' | 'repeated' | undefined> {
  try {
    await client.send(new TransactWriteCommand(command));
    return 'done';
  } catch (fault) {
    if (fault instanceof Error && fault.name === 'TransactionInProgressException') return undefined;
    if (!(fault instanceof TransactionCanceledException)) throw fault;
    const reasons = (fault.CancellationReasons ?? []).map(({ Code = 'None' }) => Code);
    if (reasons.at(-1) === 'ConditionalCheckFailed') return 'repeated';
    const passing = reasons.every((code) => PASSING.has(code));
    if (reasons.length === 0 || !passing) throw fault;
    return undefined;
  }
}

/** `CancellationReasons` of a transaction that may go well a moment later. */
const PASSING: ReadonlySet<string> = new Set([
  'None',
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);
