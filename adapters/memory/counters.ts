/** Counters in this process's memory. */
import type { Clock, Counters } from '../../broker/ports.ts';

export function memoryCounters(clock: Clock): Counters {
  const counters = new Map<string, { sum: number; readonly expiresAt: number }>();
  return {
    async add(name, count, expiresAt) {
      const counter = counters.get(name) ?? { sum: 0, expiresAt };
      counters.set(name, counter);
      counter.sum += count;
      const now = clock.now();
      for (const [oldest, { expiresAt: until }] of counters) {
        if (until > now) break;
        counters.delete(oldest);
      }
      return counter.sum;
    },
  };
}
