/** Time that passes only when everybody waits: a run of hours takes as long as its work. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '../broker/ports.ts';

export interface VirtualTime {
  readonly clock: Clock;
  readonly timer: Timer;
  /** Lets time pass until `done` resolves; throws if nobody waits for anything and it has not. */
  run<T>(done: Promise<T>): Promise<T>;
}

/** Starts at `start`, ms since 1970. */
export function virtualTime(start: number): VirtualTime {
  let now = start;
  /** By moment; moments in a heap would be less to look at, but there are few. */
  const waiting = new Map<number, (() => void)[]>();

  function at(moment: number, action: () => void): () => void {
    const key = Math.max(now, Math.ceil(moment));
    const actions = waiting.get(key) ?? [];
    waiting.set(key, actions);
    actions.push(action);
    return () => {
      const place = actions.indexOf(action);
      if (place >= 0) actions.splice(place, 1);
      if (actions.length === 0 && waiting.get(key) === actions) waiting.delete(key);
    };
  }

  return {
    clock: { now: () => now },
    timer: {
      sleep: (milliseconds) =>
        new Promise((resolve) => void at(now + milliseconds, () => resolve())),
      after: (milliseconds, action) => at(now + milliseconds, action),
    },
    async run(done) {
      let over = false;
      const ended = done.finally(() => {
        over = true;
      });
      ended.catch(() => undefined);
      for (;;) {
        await turn();
        if (over) return ended;
        if (waiting.size === 0) throw new Error('everybody waits for nothing');
        now = Math.min(...waiting.keys());
        const actions = waiting.get(now) ?? [];
        waiting.delete(now);
        for (const action of actions) action();
      }
    },
  };
}
