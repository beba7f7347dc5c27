import { AFTER, BEFORE, clear, killAround } from './kills.ts';

afterAll(clear);

const SEED = 20_261_124;

test(`kill -9 around COMMIT leaves all of a transaction or none (seed ${SEED})`, async () => {
  const outcomes = await killAround(SEED, 4);
  expect(outcomes.filter((one) => one !== BEFORE && one !== AFTER)).toEqual([]);
}, 120_000);
