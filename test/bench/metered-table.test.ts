/** The table that docs/cost.md is counted with is a DynamoDB to the store: it keeps its contract. */
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { holds, updated } from '../../bench/cost/expression.ts';
import { itemBytes } from '../../bench/cost/item-size.ts';
import { documentClient } from '../../bench/cost/metered-client.ts';
import { meteredTable } from '../../bench/cost/metered-table.ts';
import { type MakeStore, storeContract } from '../contract/store.ts';

const made =
  (rowsPerReadMax?: number): MakeStore =>
  async ({ clock, limits }) => ({
    store: dynamoStore({
      client: documentClient(meteredTable()),
      tableName: 'metered',
      clock,
      limits,
      ...(rowsPerReadMax !== undefined && { rowsPerReadMax }),
    }),
    close: async () => undefined,
  });

storeContract('DynamoDB store on the metered table', made(), { runs: 20 });
storeContract('DynamoDB store on the metered table, few rows a page', made(3), { runs: 10 });

test.each([
  ['texts in UTF-8, names included', { a: 'é' }, 1 + 2],
  ['octets', { b: new Uint8Array(10) }, 1 + 10],
  ['a number, an octet for two digits and one more', { n: 2_000_000_000_001 }, 1 + 8],
  ['trailing zeros cost nothing', { n: 1_000_000 }, 1 + 2],
  ['a boolean', { t: true }, 1 + 1],
  ['a set, its elements', { s: new Set(['ab', 'c']) }, 1 + 3],
  ['a list, three and one for each element', { l: ['ab', 'c'] }, 1 + 3 + 2 + 3],
])('item size: %s', (_, row, bytes) => {
  expect(itemBytes(row)).toBe(bytes);
});

const row = (octets: number) => ({ pk: 'p', sk: 's', x: 'x'.repeat(octets - 7) });
const key = { pk: 'p', sk: 's' };

test('a write is billed by the larger of the item before and after', () => {
  const table = meteredTable();
  table.put({ Item: row(1024) });
  expect(table.meter.writeUnits).toBe(1);
  table.put({ Item: row(1025) });
  expect(table.meter.writeUnits).toBe(3);
  table.put({ Item: row(10) });
  expect(table.meter.writeUnits).toBe(5);
  table.remove({ Key: key });
  table.remove({ Key: key });
  expect(table.meter.writeUnits).toBe(7);
});

test('a refused write is billed by what stood in its way', () => {
  const table = meteredTable();
  table.put({ Item: row(3000) });
  const ConditionExpression = 'attribute_not_exists(#pk)';
  const ExpressionAttributeNames = { '#pk': 'pk' };
  const put = { Item: row(10), ConditionExpression, ExpressionAttributeNames };
  expect(() => table.put(put)).toThrow('conditional');
  expect(table.meter.writeUnits).toBe(6);
});

test('a Query is billed by the sum of what it read, an empty one as 1', () => {
  const table = meteredTable();
  for (let n = 0; n < 10; n++) table.put({ Item: { pk: 'p', sk: `s${n}`, x: 'x'.repeat(493) } });
  const query = {
    ConsistentRead: true,
    KeyConditionExpression: '#pk = :pk',
    ExpressionAttributeNames: { '#pk': 'pk' },
    ExpressionAttributeValues: { ':pk': 'p' },
  };
  expect(table.query(query).Items).toHaveLength(10);
  expect(table.meter.readUnits).toBe(2);
  table.query({ ...query, ExpressionAttributeValues: { ':pk': 'nobody' } });
  expect(table.meter.readUnits).toBe(3);
  table.query({ ...query, ConsistentRead: false });
  expect(table.meter.readUnits).toBe(4);
});

test('a transaction is billed double, and is all or nothing', () => {
  const table = meteredTable();
  const guard = {
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': 'pk' },
  };
  table.transact([{ Put: { Item: row(10) } }, { Put: { Item: { pk: 'q', sk: 's' }, ...guard } }]);
  expect(table.meter.writeUnits).toBe(4);
  const again = { Put: { Item: { pk: 'q', sk: 's' }, ...guard } };
  expect(() => table.transact([{ Delete: { Key: key } }, again])).toThrow('cancelled');
  expect(table.get(key)).toBeDefined();
});

const names = {
  ExpressionAttributeNames: { '#a': 'a', '#b': 'b', '#n': 'n', '#s': 's' },
  ExpressionAttributeValues: { ':one': 1, ':x': 'x', ':set': new Set(['x']) },
};

test.each([
  ['#a = :x OR #b = :x AND #b = :one', { a: 'x' }, true],
  ['(#a = :x OR #b = :x) AND #b = :one', { a: 'x' }, false],
  ['#n < :one', {}, false],
  ['#n <> :one', {}, true],
  ['size(#s) < :one', { s: new Set(['y']) }, false],
  ['contains(#s, :x)', { s: new Set(['x']) }, true],
])('condition %s on %j is %p', (expression, standing, expected) => {
  expect(holds(expression, standing, names)).toBe(expected);
});

test('what is not known in an expression is refused', () => {
  expect(() => holds('begins_with(#a, :x)', { a: 'x' }, names)).toThrow(SyntaxError);
  expect(() => holds('#a = :nothing', { a: 'x' }, names)).toThrow(SyntaxError);
});

test('an update sets, adds and deletes', () => {
  const expression = 'SET #a = :x, #b = #n + :one ADD #n :one, #s :set';
  expect(updated(expression, { n: 1 }, names)).toEqual({
    a: 'x',
    b: 2,
    n: 2,
    s: new Set(['x']),
  });
  expect(updated('DELETE #s :set', { s: new Set(['x']) }, names)).toEqual({});
});
