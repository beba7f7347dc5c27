/**
 * The few calls the store makes of DynamoDB, with expressions written in one way: `#name` is an
 * attribute, `:name` a value. A failed condition is an answer with the row that stood in the way,
 * read by the same request at no cost; every other fault is thrown.
 */
import { type AttributeValue, ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { readKey } from './rows.ts';
import type { Key, Row } from './schema.ts';

/** `row`: after an update as it now is; after a refusal as it stood in the way, if there was one. */
export interface Written {
  readonly done: boolean;
  readonly row?: Row;
}

type Values = Readonly<Record<string, unknown>>;

interface Condition {
  readonly when: string;
  readonly values?: Values;
}

export interface QueryRange {
  readonly pk: string;
  /** First and last `sk`; all of them without. */
  readonly range?: readonly [first: string, last: string];
  readonly attributes: readonly string[];
  readonly from?: Key;
  readonly rowsMax?: number;
  /** Descending by `sk`. */
  readonly lastFirst?: boolean;
  /** At half the price; what was written a moment ago may be missing. */
  readonly eventually?: boolean;
}

export interface Page {
  readonly rows: readonly Row[];
  readonly next?: Key;
}

export interface Table {
  /** Consistent. */
  get(key: Key): Promise<Row | undefined>;
  put(row: Row, condition: Condition): Promise<Written>;
  update(key: Key, change: Condition & { readonly set: string }): Promise<Written>;
  /** Unconditional without a condition, and then always done. */
  remove(key: Key, condition?: Condition): Promise<Written>;
  /** Consistent unless `eventually`; at most 1 MB, and `rowsMax` rows. */
  query(range: QueryRange): Promise<Page>;
  /** The same, page after page. For rows whose number is bounded elsewhere. */
  queryAll(range: QueryRange): Promise<readonly Row[]>;
}

export function dynamoTable(client: DynamoDBDocumentClient, tableName: string): Table {
  const TableName = tableName;

  async function query(asked: QueryRange): Promise<Page> {
    const { pk, range, attributes, from, rowsMax, lastFirst = false, eventually = false } = asked;
    const KeyConditionExpression = range
      ? '#pk = :pk AND #sk BETWEEN :first AND :last'
      : '#pk = :pk';
    const ProjectionExpression = attributes.map((name) => `#${name}`).join(', ');
    const { Items = [], LastEvaluatedKey } = await client.send(
      new QueryCommand({
        TableName,
        ConsistentRead: !eventually,
        ScanIndexForward: !lastFirst,
        KeyConditionExpression,
        ProjectionExpression,
        ...names(KeyConditionExpression, ProjectionExpression),
        ...values({ pk, ...(range && { first: range[0], last: range[1] }) }),
        ...(from && { ExclusiveStartKey: { ...from } }),
        ...(rowsMax !== undefined && { Limit: rowsMax }),
      }),
    );
    return { rows: Items, ...(LastEvaluatedKey && { next: readKey(LastEvaluatedKey) }) };
  }

  return {
    async get(key) {
      const asked = { TableName, Key: { ...key }, ConsistentRead: true };
      return (await client.send(new GetCommand(asked))).Item;
    },

    put: (row, condition) =>
      refusable(async () => {
        const guard = guarded(TableName, condition);
        await client.send(new PutCommand({ ...guard, Item: { ...row } }));
        return undefined;
      }),

    update: (key, { set, ...condition }) =>
      refusable(async () => {
        const { Attributes } = await client.send(
          new UpdateCommand({
            ...guarded(TableName, condition, set),
            Key: { ...key },
            UpdateExpression: set,
            ReturnValues: 'ALL_NEW',
          }),
        );
        return Attributes;
      }),

    remove: (key, condition) =>
      refusable(async () => {
        const guard = condition ? guarded(TableName, condition) : { TableName };
        await client.send(new DeleteCommand({ ...guard, Key: { ...key } }));
        return undefined;
      }),

    query,

    async queryAll(range) {
      const rows: Row[] = [];
      let page: Page | undefined;
      do {
        page = await query({ ...range, ...(page?.next && { from: page.next }) });
        rows.push(...page.rows);
      } while (page.next !== undefined);
      return rows;
    },
  };
}

async function refusable(write: () => Promise<Row | undefined>): Promise<Written> {
  try {
    const row = await write();
    return { done: true, ...(row && { row }) };
  } catch (fault) {
    if (!(fault instanceof ConditionalCheckFailedException)) throw fault;
    return { done: false, ...(fault.Item && { row: plain(fault.Item) }) };
  }
}

/** The parts that all guarded writes have in common. */
function guarded(TableName: string, condition: Condition, set = '') {
  return {
    TableName,
    ConditionExpression: condition.when,
    ...names(condition.when, set),
    ...(condition.values && values(condition.values)),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
}

/** Every attribute goes by an alias: some of our names are DynamoDB's reserved words. */
export function names(...expressions: readonly string[]) {
  const found = expressions.join(' ').matchAll(/#(\w+)/g);
  const pairs = [...found].map(([alias, name]) => [alias, name] as const);
  return { ExpressionAttributeNames: Object.fromEntries(pairs) as Record<string, string> };
}

export function values(given: Values) {
  const pairs = Object.entries(given).map(([name, value]) => [`:${name}`, value] as const);
  return { ExpressionAttributeValues: Object.fromEntries(pairs) };
}

/** lib-dynamodb leaves errors as they came: the types our conditions' rows consist of. */
function plain(item: Readonly<Record<string, AttributeValue>>): Row {
  const pairs = Object.entries(item).map(([name, value]) => {
    if (value.N !== undefined) return [name, Number(value.N)] as const;
    if (value.SS !== undefined) return [name, new Set(value.SS)] as const;
    return [name, value.S ?? value.BOOL ?? value.B] as const;
  });
  return Object.fromEntries(pairs);
}
