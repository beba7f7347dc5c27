import { crowd, expectOneSequence } from './crowd.ts';
import { clear } from './served.ts';

afterEach(clear);

test('8 × 100 messages for 8 through faults: one sequence, nothing lost, nothing twice', async () => {
  expectOneSequence(await crowd(1, 100), 100);
}, 60_000);
