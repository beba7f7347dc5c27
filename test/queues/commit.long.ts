import { AFTER, BEFORE, clear, killAround } from './kills.ts';

afterAll(clear);

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const KILLS = Number(process.env['KILLS'] ?? 40);

test(`${KILLS} kills around COMMIT: some before it, some after, none between (seed ${SEED})`, async () => {
  const outcomes = await killAround(SEED, KILLS);
  expect([...new Set(outcomes)].sort()).toEqual([AFTER, BEFORE]);
}, 1_200_000);
