import { SCENARIOS } from './plan.ts';
import { runSeed } from './run.ts';

/** Some seconds on an idle machine; `npm run simulate` runs as many as wanted. */
const SEEDS = 100;
const SECONDS_MAX = 60;

test.each(SCENARIOS)(
  `${SEEDS} histories of faults break no promise: %s`,
  async (scenario) => {
    const failures: string[] = [];
    let repeated = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await runSeed(seed, { scenario });
      repeated += result.repeated;
      failures.push(
        ...result.violations.map(({ checker, text }) => `seed ${seed}: ${checker}: ${text}`),
      );
    }
    expect(failures).toEqual([]);
    // Faults did fall: at least once means sometimes twice.
    expect(repeated).toBeGreaterThan(0);
  },
  SECONDS_MAX * 1000,
);

test.each(SCENARIOS)('one seed is one history: %s', async (scenario) => {
  const once = await runSeed(7, { scenario });
  const again = await runSeed(7, { scenario });
  expect(again.events).toBeGreaterThan(100);
  expect(again.traceHash).toBe(once.traceHash);
  expect((await runSeed(8, { scenario })).traceHash).not.toBe(once.traceHash);
});
