/**
 * Pauses between attempts at what surely was not done: each up to twice as long as the one before,
 * of random length, so that writers that met once do not meet again.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Timer } from '../../broker/ports.ts';

export interface Patience {
  readonly timer: Timer;
  readonly limits: Limits;
  /** [0, 1). @default Math.random */
  readonly random?: () => number;
}

/**
 * Attempts until one gives something. Throws `fault` after `conflictRetriesMax` attempts more;
 * what an attempt itself throws is thrown at once.
 */
export async function persist<Result>(
  attempt: () => Promise<Result | undefined>,
  fault: string,
  { timer, limits, random = Math.random }: Patience,
): Promise<Result> {
  let pause = limits.conflictPauseMilliseconds;
  for (let retries = 0; ; retries++) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (retries >= limits.conflictRetriesMax) throw new Error(fault);
    await timer.sleep(Math.ceil(pause * random()));
    pause = Math.min(2 * pause, limits.conflictPauseMillisecondsMax);
  }
}
