/** De-duplication of a FIFO queue, per group (DeduplicationScope MESSAGE_GROUP). */
import type { QueueLimits } from './limits.ts';

/** True: this id was seen in this group within the time, drop it. Else it is remembered. */
export type Seen = (group: string, id: string, now: number) => boolean;

/**
 * Two generations: the older one goes as a whole, once all in it is out of date or there are too
 * many. So nothing is ever taken out one by one, which costs more than all the rest.
 */
export function deduplication(limits: QueueLimits): Seen {
  const { deduplicationMilliseconds, deduplicationMax } = limits;
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  let since = Number.NEGATIVE_INFINITY;
  return (group, id, now) => {
    const key = `${group} ${id}`;
    const at = young.get(key) ?? old.get(key);
    if (at !== undefined && now - at < deduplicationMilliseconds) return true;
    if (young.size * 2 >= deduplicationMax || now - since >= deduplicationMilliseconds) {
      old = young;
      young = new Map();
      since = now;
    }
    young.set(key, now);
    return false;
  };
}
