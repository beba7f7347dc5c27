/** Of the stores on one machine: history is bounded by what can be asked, not by its age alone. */
import { LIMITS } from '../../broker/limits.ts';
import { idsInARow, logged, START, said, upwards } from './journal-world.ts';
import type { MakeStream } from './log-stream.ts';

const MOST = 10;

/** Kept again, as a batch given again does, it is the same. */
export async function keepsNoMoreThanCanBeAsked(make: MakeStream): Promise<void> {
  const limits = { ...LIMITS, replayMax: MOST };
  const { journal, close } = await make({ clock: { now: () => START }, ids: idsInARow(), limits });
  try {
    const entries = upwards(1, 35).map((n) => said(`m${n}`));
    const { epoch } = await journal.append('/room/x', entries);
    for (const [first, last] of [
      [1, 7],
      [8, 30],
      [8, 30],
      [31, 35],
    ] as const) {
      const messages = upwards(first, last).map((seq) => logged(seq));
      await journal.keep('/room/x', epoch, messages, START + 1_000_000);
    }
    const found = await journal.history('/room/x', epoch, { after: 0, upTo: 35, most: 1_000 });
    expect(found.slice(-MOST).map(({ seq }) => seq)).toEqual(upwards(26, 35));
    expect(found.length).toBeLessThan(35 - MOST);
  } finally {
    await close();
  }
}
