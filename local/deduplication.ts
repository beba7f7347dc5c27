/** De-duplication of a FIFO queue, per group (DeduplicationScope MESSAGE_GROUP). */
import type { QueueLimits } from './limits.ts';

/** True: this id was seen in this group within the time, drop it. Else it is remembered. */
export type Seen = (group: string, id: string, now: number) => boolean;

export function deduplication(limits: QueueLimits): Seen {
  const times = new Map<string, number>();
  // One iterator for good: each new one would walk over all that was deleted before it.
  const oldest = times.keys();
  return (group, id, now) => {
    const key = `${group} ${id}`;
    const at = times.get(key);
    if (at !== undefined && now - at < limits.deduplicationMilliseconds) return true;
    times.delete(key);
    times.set(key, now);
    if (times.size > limits.deduplicationMax) times.delete(oldest.next().value ?? '');
    return false;
  };
}
