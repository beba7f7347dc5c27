import { cutInEachBatch, expectWhole } from './cuts.ts';
import { clear } from './served.ts';

afterEach(clear);

test('cut ten times amid 1,000 messages: all of them, in order, once each', async () => {
  expectWhole(await cutInEachBatch(1_000), 1_000);
}, 60_000);
