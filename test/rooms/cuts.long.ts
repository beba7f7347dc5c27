import { cutInEachBatch, expectWhole } from './cuts.ts';
import { clear } from './served.ts';

afterEach(clear);

test('cut a hundred times amid 10,000 messages: all of them, in order, once each', async () => {
  expectWhole(await cutInEachBatch(10_000), 10_000);
}, 120_000);
