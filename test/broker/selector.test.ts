import fc from 'fast-check';
import { BrokerError } from '../../broker/errors.ts';
import { makeSelector } from '../../broker/selector.ts';

const HEADERS = [
  ['color', 'red'],
  ['color', 'second'],
  ['weight', '2.5'],
  ['count', '10'],
  ['urgent', 'true'],
  ['late', 'false'],
  ['name', "O'Reilly"],
  ['path', 'a_b%c'],
  ['phone', '12993'],
  ['empty', ''],
] as const;

/** From the specification of JMS, message selectors: examples and rules. */
test.each([
  ["color = 'red'", true],
  ["color = 'second'", false],
  ["color <> 'blue'", true],
  ["color = 'RED'", false],
  ["color='red'and weight>2", true],
  ['weight > 2', true],
  ['weight >= 2.5', true],
  ['weight < 2.5', false],
  ['weight <= 2.5e0', true],
  ['weight = 2.50', true],
  ['weight <> 2.5', false],
  ['count = 10', true],
  ["count = '10'", true],
  ['count > 9', true],
  ['count + 1 = 11', true],
  ['count - 1 * 2 = 8', true],
  ['(count - 1) * 2 = 18', true],
  ['count / 4 = weight', true],
  ['-count = -10', true],
  ['- -count = 10', true],
  ['+count = 10', true],
  ['count BETWEEN 5 AND 10', true],
  ['count NOT BETWEEN 5 AND 10', false],
  ['count BETWEEN 11 AND 20', false],
  ['missing BETWEEN 1 AND 2', false],
  ['missing NOT BETWEEN 1 AND 2', false],
  ["color IN ('blue', 'red')", true],
  ["color NOT IN ('blue', 'red')", false],
  ["color IN ('blue')", false],
  ["missing IN ('blue')", false],
  ["missing NOT IN ('blue')", false],
  ["phone LIKE '12%3'", true],
  ["phone LIKE '12%4'", false],
  ["phone LIKE '12__3'", true],
  ["phone LIKE '12_3'", false],
  ["color LIKE '%'", true],
  ["empty LIKE '%'", true],
  ["empty LIKE '_'", false],
  ["color LIKE 'r%d'", true],
  ["color LIKE '%e%'", true],
  ["color NOT LIKE 'b%'", true],
  ["path LIKE 'a\\_b\\%c' ESCAPE '\\'", true],
  ["color LIKE 'r\\_d' ESCAPE '\\'", false],
  ["missing LIKE '%'", false],
  ["missing NOT LIKE '%'", false],
  ['missing IS NULL', true],
  ['color IS NULL', false],
  ['color IS NOT NULL', true],
  ['missing = 1', false],
  ['missing <> 1', false],
  ['NOT missing = 1', false],
  ["missing = 1 OR color = 'red'", true],
  ["missing = 1 AND color = 'red'", false],
  ["NOT (missing = 1 AND color = 'blue')", true],
  ['urgent = TRUE', true],
  ['urgent', true],
  ['late', false],
  ['NOT late', true],
  ['urgent AND NOT late', true],
  ['TRUE', true],
  ['FALSE OR TRUE', true],
  ["color = 'blue' OR weight > 2 AND count = 1", false],
  ["color = 'red' OR weight > 2 AND count = 1", true],
  ["name = 'O''Reilly'", true],
  ["color > 'a'", false],
  ["weight > 'x'", false],
  ['color = 1', false],
  ['color + 1 = 1', false],
  ["not color = 'blue'", true],
])('%s is %s', (text, expected) => {
  expect(makeSelector(text)(HEADERS)).toBe(expected);
});

test.each([
  ["color = 'red", 'makes no sense'],
  ['color =', 'ends too soon'],
  ['= 1', 'makes no sense'],
  ['color LIKE red', 'makes no sense'],
  ["color LIKE 'x' ESCAPE 'ab'", 'ends too soon'],
  ['color IN ()', 'makes no sense'],
  ['color NOT 1', 'makes no sense'],
  ['(color = 1', 'ends too soon'],
  ['color = 1) ', 'makes no sense'],
  ['color # 1', 'makes no sense'],
  ['', 'ends too soon'],
  [`${'('.repeat(40)}1${')'.repeat(40)}`, 'makes no sense'],
  [`color = '${'x'.repeat(2000)}'`, 'too long'],
  ['12abc = 1', 'makes no sense'],
])('%s is refused in words', (text, words) => {
  expect(() => makeSelector(text)).toThrow(words);
});

test('any text is a selector or a BrokerError, and a selector answers yes or no', () => {
  const words = fc.constantFrom(
    ...['color', 'weight', '=', '<>', '>', 'AND', 'OR', 'NOT', '(', ')', '1', "'x'", 'LIKE', 'IN'],
    ...['IS', 'NULL', 'BETWEEN', ',', '+', '-', '*', '/', 'ESCAPE', 'TRUE', '.5', "'%_'"],
  );
  const texts = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        expect(typeof makeSelector(text)(HEADERS)).toBe('boolean');
      } catch (cause) {
        if (!(cause instanceof BrokerError)) throw cause;
      }
    }),
    { numRuns: 5000 },
  );
});

test('LIKE with many wildcards does not explode', () => {
  const wants = makeSelector(`color LIKE '${'%a'.repeat(100)}b'`);
  expect(wants([['color', 'a'.repeat(5000)]])).toBe(false);
});
