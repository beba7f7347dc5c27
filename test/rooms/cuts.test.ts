import { cutEvery, expectWhole } from './cuts.ts';
import { clear } from './served.ts';

afterEach(clear);

test('cut every 100 ms during 1,000 messages: all of them, in order, once each', async () => {
  expectWhole(await cutEvery(100, 1_000), 1_000);
}, 60_000);
