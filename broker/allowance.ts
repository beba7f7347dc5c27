/**
 * The account's rate of posts, shared by all environments through counters: a counter for each window
 * of a quarter of a second. Whoever wants to post adds to the window's counter; what the sum was
 * before tells whether there is room, and from when on. Full windows are passed over, so claims queue
 * up in the future, and an environment remembers which it has found full. A refusal by rate takes
 * room away from the windows to come: others use the account as well.
 */
import type { Limits } from './limits.ts';
import type { Allowance, Clock, Counters } from './ports.ts';

/** A counter is of no use once its window is over; clocks differ. */
const KEPT_MILLISECONDS = 60_000;

export function makeAllowance(
  counters: Counters,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): Allowance {
  const length = limits.postsWindowMilliseconds;
  const room = Math.max(1, Math.floor((limits.postsPerSecond * length) / 1000));
  let full = 0;

  async function take(window: number, count: number): Promise<number> {
    const expiresAt = (window + 1) * length + KEPT_MILLISECONDS;
    const sum = await counters.add(`posts ${window}`, count, expiresAt);
    if (sum >= room) full = Math.max(full, window);
    return sum - count;
  }

  return {
    async claim(wanted) {
      const count = Math.max(1, Math.min(wanted, limits.postsClaimMax));
      for (let window = Math.max(Math.floor(clock.now() / length), full + 1); ; window++) {
        const before = await take(window, count);
        if (before >= room) continue;
        const at = window * length + Math.floor((before / room) * length);
        return { granted: Math.min(count, room - before), at };
      }
    },
    async refused(count) {
      await take(Math.max(Math.floor(clock.now() / length) + 1, full + 1), count);
    },
  };
}
