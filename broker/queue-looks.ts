/**
 * How far consumers with selectors have looked along the ready items: what one does not want stays in
 * front, and is not looked at again by it. Whatever is put before that place is looked at. A place is
 * written only when it has moved far; what was passed since is looked at once more by the next run.
 */
import type { Limits } from './limits.ts';
import { type Consumer, consumerKey, PREFIX } from './queue-cells.ts';

export interface QueueLooks {
  /** The first key it has not looked at. */
  from(consumer: Consumer): string;
  /** It has looked at the item of this key. */
  passed(consumer: Consumer, key: string): void;
  /** A ready item stands there now. */
  placed(key: string): void;
  /** Since the last call: what is worth a write, by consumer. */
  moved(): ReadonlyMap<string, string>;
}

interface Look {
  from: string;
  stored: string;
  passed: number;
}

export function queueLooks(
  consumers: ReadonlyMap<string, Consumer>,
  { queueLooksMax }: Limits,
): QueueLooks {
  const looks = new Map<string, Look>();
  for (const [key, { from }] of consumers) {
    if (from !== undefined) looks.set(key, { from, stored: from, passed: 0 });
  }
  return {
    from: (consumer) => looks.get(consumerKey(consumer))?.from ?? PREFIX.ready,
    passed(consumer, key) {
      const name = consumerKey(consumer);
      const look = looks.get(name) ?? { from: '', stored: '', passed: 0 };
      looks.set(name, look);
      look.from = `${key}\0`;
      look.passed++;
    },
    placed(key) {
      for (const look of looks.values()) if (look.from > key) look.from = key;
    },
    moved() {
      const far = [...looks].filter(
        ([, { from, stored, passed }]) => passed >= queueLooksMax || stored > from,
      );
      for (const [, look] of far) {
        look.stored = look.from;
        look.passed = 0;
      }
      return new Map(far.map(([name, { from }]) => [name, from]));
    },
  };
}
