import { crowd, expectOneSequence } from './crowd.ts';
import { clear } from './served.ts';

afterEach(clear);

test.each([1, 2, 3, 4])(
  '8 × 1,000 messages for 8 through faults: one sequence, nothing lost, nothing twice (seed %i)',
  async (seed) => {
    expectOneSequence(await crowd(seed, 1_000), 1_000);
  },
  120_000,
);
