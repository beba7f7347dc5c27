import { filterOf } from './stream-filter.ts';

const record = { eventName: 'MODIFY', dynamodb: { Keys: { pk: { S: 'H#/room/a' } } } };
const filter = (pattern: unknown) => filterOf([{ Pattern: JSON.stringify(pattern) }], 'here');

test.each([
  ['an exact value', { eventName: ['INSERT', 'MODIFY'] }, true],
  ['another value', { eventName: ['REMOVE'] }, false],
  ['a prefix', { dynamodb: { Keys: { pk: { S: [{ prefix: 'H#' }] } } } }, true],
  ['another prefix', { dynamodb: { Keys: { pk: { S: [{ prefix: 'L#' }] } } } }, false],
  ['all of two', { eventName: ['MODIFY'], dynamodb: { Keys: { pk: { S: ['x'] } } } }, false],
  ['something absent', { dynamodb: { NewImage: [{ exists: false }] } }, true],
  ['something deep and absent', { dynamodb: { NewImage: { last: [{ exists: true }] } } }, false],
])('%s decides', (_, pattern, expected) => {
  expect(filter(pattern)(record)).toBe(expected);
});

test('no filter lets everything through, several let through what any does', () => {
  expect(filterOf([], 'here')(record)).toBe(true);
  const patterns = [{ eventName: ['REMOVE'] }, { eventName: ['MODIFY'] }];
  const filters = patterns.map((one) => ({ Pattern: JSON.stringify(one) }));
  expect(filterOf(filters, 'here')(record)).toBe(true);
});

test.each([[{ a: 'text' }], [{ a: [{ numeric: ['>', 1] }] }], [{ a: [{ 'anything-but': 'b' }] }]])(
  '%j is refused by name',
  (pattern) => {
    expect(() => filter(pattern)).toThrow('wrong-value: here.FilterCriteria');
  },
);
