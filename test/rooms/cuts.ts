/** Somebody whose connection is cut again and again while others speak. */
import { ear } from './person.ts';
import { enter, start } from './served.ts';

/** Messages published together. */
const BATCH = 100;

export interface Cut {
  readonly heard: readonly string[];
  readonly resumed: readonly boolean[];
}

/** Cuts every so many ms while `messages` are published, and goes on until all are heard. */
export async function cutEvery(milliseconds: number, messages: number): Promise<Cut> {
  const url = await start({ rules: [{ pattern: '/room/*', history: { count: messages } }] });
  const [reader, writer] = [enter(url), enter(url)];
  const { heard, bodies, resumed } = await ear(reader, '/room/x');
  const cutting = setInterval(() => reader.cut(), milliseconds);
  try {
    // As long as it takes for five cuts at least, however fast the broker is.
    const pause = (milliseconds * 5) / (messages / BATCH);
    for (let from = 0; from < messages; from += BATCH) {
      const some = Array.from({ length: BATCH }, (_, index) => String(from + index));
      const paused = new Promise((resolve) => setTimeout(resolve, pause));
      await Promise.all([...some.map((body) => writer.rooms.publish('/room/x', body)), paused]);
    }
    await heard(messages);
  } finally {
    clearInterval(cutting);
  }
  return { heard: bodies, resumed };
}

/** All of them, in order, once each, and every resume was whole. */
export function expectWhole({ heard, resumed }: Cut, messages: number): void {
  expect(heard).toEqual(Array.from({ length: messages }, (_, n) => String(n)));
  // How often depends on the machine: a resume that takes longer than the pause is cut before it begins.
  expect(resumed.length).toBeGreaterThan(0);
  expect(resumed).not.toContain(false);
}
