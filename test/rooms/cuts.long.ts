import { cutEvery, expectWhole } from './cuts.ts';
import { clear } from './served.ts';

afterEach(clear);

test('cut every 200 ms during 10,000 messages: all of them, in order, once each', async () => {
  expectWhole(await cutEvery(200, 10_000), 10_000);
}, 120_000);
