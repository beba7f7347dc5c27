import { runSeed } from './run.ts';

/** Some seconds on an idle machine; `npm run simulate` runs as many as wanted. */
const SEEDS = 100;
const SECONDS_MAX = 60;

test(
  `${SEEDS} histories of faults break no promise`,
  async () => {
    const failures: string[] = [];
    let repeated = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await runSeed(seed);
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

test('one seed is one history', async () => {
  const once = await runSeed(7);
  const again = await runSeed(7);
  expect(again.events).toBeGreaterThan(100);
  expect(again.traceHash).toBe(once.traceHash);
  expect((await runSeed(8)).traceHash).not.toBe(once.traceHash);
});
