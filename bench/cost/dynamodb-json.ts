/**
 * DynamoDB's JSON protocol before the metered table: what a client of the SDK sends over HTTP is
 * done on the table, and the outcome, or the refusal, told as DynamoDB tells it. Operations that no
 * handler of a publish sends are a throw.
 */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { Row } from '../../adapters/dynamodb/schema.ts';
import { type MeteredTable, marshalled } from './metered-table.ts';

export interface Told {
  readonly status: number;
  /** JSON. */
  readonly text: string;
}

/** `operation` is what follows the dot of `x-amz-target`. */
export function tellDynamo(table: MeteredTable, operation: string, body: string): Told {
  try {
    return { status: 200, text: JSON.stringify(done(table, operation, Object(JSON.parse(body)))) };
  } catch (fault) {
    const refused =
      fault instanceof ConditionalCheckFailedException ||
      fault instanceof TransactionCanceledException;
    if (!refused) throw fault;
    const { name, message } = fault;
    const Item = fault instanceof ConditionalCheckFailedException ? fault.Item : undefined;
    const reasons = fault instanceof TransactionCanceledException && fault.CancellationReasons;
    const told = { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message };
    const more = { ...(Item && { Item }), ...(reasons && { CancellationReasons: reasons }) };
    return { status: 400, text: JSON.stringify({ ...told, ...more }, octets) };
  }
}

function done(table: MeteredTable, operation: string, input: Row): object {
  const asked = read(input);
  switch (operation) {
    case 'GetItem': {
      const Item = table.get(asked.Key);
      return Item === undefined ? {} : { Item: written(Item) };
    }
    case 'Query': {
      const { Items, LastEvaluatedKey } = table.query(asked);
      const next = LastEvaluatedKey && { LastEvaluatedKey: written(LastEvaluatedKey) };
      return { Items: Items.map(written), Count: Items.length, ...next };
    }
    case 'UpdateItem':
      return { Attributes: written(table.update(asked)) };
    case 'PutItem':
      table.put(asked);
      return {};
    case 'DeleteItem':
      table.remove(asked);
      return {};
    case 'TransactWriteItems':
      table.transact(list(input['TransactItems']).map(item));
      return {};
    default:
      throw new TypeError(`${operation} is not known here`);
  }
}

function item(one: unknown) {
  const [[kind, input] = []] = Object.entries(Object(one));
  const asked = read(Object(input));
  if (kind === 'Put') return { Put: asked };
  if (kind === 'Update') return { Update: asked };
  if (kind === 'Delete') return { Delete: asked };
  throw new TypeError(`${kind} is not known in a transaction`);
}

/** What the table looks at, of any operation. */
function read(input: Row) {
  const names: [string, string][] = Object.entries(Object(input['ExpressionAttributeNames'])).map(
    ([alias, name]) => [alias, String(name)],
  );
  const limit = input['Limit'];
  return {
    Item: rowOf(input['Item']),
    Key: rowOf(input['Key']),
    ExclusiveStartKey: rowOf(input['ExclusiveStartKey']),
    ExpressionAttributeNames: Object.fromEntries(names),
    ExpressionAttributeValues: rowOf(input['ExpressionAttributeValues']),
    ConditionExpression: textOf(input['ConditionExpression']),
    KeyConditionExpression: textOf(input['KeyConditionExpression']),
    UpdateExpression: textOf(input['UpdateExpression']),
    ConsistentRead: input['ConsistentRead'] === true,
    ScanIndexForward: input['ScanIndexForward'] !== false,
    Limit: typeof limit === 'number' ? limit : undefined,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function rowOf(value: unknown): Row | undefined {
  return value === undefined ? undefined : plainRow(value);
}

function plainRow(value: unknown): Row {
  return Object.fromEntries(
    Object.entries(Object(value)).map(([name, one]) => [name, plain(one)] as const),
  );
}

function plain(value: unknown): unknown {
  const [[type, held] = []] = Object.entries(Object(value));
  if (type === 'S' || type === 'BOOL') return held;
  if (type === 'NULL') return null;
  if (type === 'N') return Number(held);
  if (type === 'B') return Buffer.from(String(held), 'base64');
  if (type === 'SS') return new Set(list(held));
  if (type === 'L') return list(held).map(plain);
  if (type === 'M') return plainRow(held);
  throw new TypeError(`attributes of type ${type} are not known here`);
}

function written(row: Row): Record<string, AttributeValue> {
  return JSON.parse(JSON.stringify(marshalled(row), octets));
}

/** JSON has no octets: base64. By the time a replacer sees a Buffer it is the Buffer's own JSON. */
function octets(_: string, value: unknown): unknown {
  const { type, data } = Object(value);
  if (type === 'Buffer' && Array.isArray(data)) return Buffer.from(data).toString('base64');
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
