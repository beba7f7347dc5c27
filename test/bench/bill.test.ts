import {
  BILLED_BYTES,
  dollars,
  dollarsOf,
  NOTHING,
  perMillionDelivered,
  since,
  sum,
  times,
  unitsOf,
} from '../../bench/bill.ts';
import { BILLED, PRICES } from '../../bench/prices.ts';

test.each([
  [0, 1],
  [1, 1],
  [32 * 1024, 1],
  [32 * 1024 + 1, 2],
  [128 * 1024, 4],
])('a message of %i octets is billed as %i', (octets, units) => {
  expect(unitsOf(octets, BILLED_BYTES.gatewayMessages)).toBe(units);
});

test('every row of the price file is billed, at its price for a million, and says its source', () => {
  expect([...BILLED].sort()).toEqual(Object.keys(PRICES.rows).sort());
  for (const name of BILLED) {
    const { perMillion, source } = PRICES.rows[name];
    expect(dollars({ ...NOTHING, [name]: 1e6 })).toBeCloseTo(perMillion, 10);
    expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
  }
  expect(PRICES.date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test('the bill is the sum of its lines', () => {
  const usage = { ...NOTHING, gatewayMessages: 11, readUnits: 4, queueRequests: 3 };
  const lines = BILLED.reduce((total, name) => total + dollarsOf(usage, name), 0);
  expect(dollars(usage)).toBeCloseTo(lines, 15);
  expect(dollars(usage)).toBeCloseTo((11 * 1 + 4 * 0.125 + 3 * 0.5) / 1e6, 12);
});

test('usages add up, multiply, and are told apart', () => {
  const one = { ...NOTHING, writeUnits: 2, invocations: 1 };
  const three = sum(one, times(one, 2));
  expect(three).toEqual({ ...NOTHING, writeUnits: 6, invocations: 3 });
  expect(since(one, three)).toEqual(times(one, 2));
});

test('a message in and ten out cost 1.10 dollars for a million delivered', () => {
  expect(perMillionDelivered({ ...NOTHING, gatewayMessages: 11 }, 10)).toBeCloseTo(1.1, 10);
});
