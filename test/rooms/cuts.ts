/**
 * Somebody whose connection is cut again and again while others speak. Cuts go by what was heard, not
 * by the clock: each falls into the midst of a batch, and once the one before has been resumed, so
 * there are as many resumes as batches, however slow the machine.
 */
import { ear } from './person.ts';
import { enter, start } from './served.ts';

/** Messages published together: half of them before a cut, half while the reader is away. */
const BATCH = 100;

export interface Cut {
  readonly heard: readonly string[];
  readonly resumed: readonly boolean[];
}

/** Publishes so many, cuts once in each batch, and goes on until all are heard. */
export async function cutInEachBatch(messages: number): Promise<Cut> {
  const url = await start({ rules: [{ pattern: '/room/*', history: { count: messages } }] });
  const [reader, writer] = [enter(url), enter(url)];
  const { heard, back, bodies, resumed } = await ear(reader, '/room/x');
  const publish = (from: number, upTo: number) =>
    Array.from({ length: upTo - from }, (_, index) =>
      writer.rooms.publish('/room/x', String(from + index)),
    );
  for (let from = 0; from < messages; from += BATCH) {
    const first = publish(from, from + BATCH / 2);
    await heard(from + 1);
    reader.cut();
    await Promise.all([...first, ...publish(from + BATCH / 2, from + BATCH)]);
    await back(from / BATCH + 1);
  }
  await heard(messages);
  return { heard: bodies, resumed };
}

/** All of them, in order, once each, and every resume was whole. */
export function expectWhole({ heard, resumed }: Cut, messages: number): void {
  expect(heard).toEqual(Array.from({ length: messages }, (_, n) => String(n)));
  expect(resumed).toEqual(Array.from({ length: messages / BATCH }, () => true));
}
