/**
 * The integration time-out of many invocations without a timer each. All have the same length, so
 * the order of arrival is the order of expiry and a sweep looks at no more than what is due.
 */
export interface Deadlines {
  /** Settles as `work` does, or rejects at the first sweep after the time is up. */
  within<T>(work: Promise<T>): Promise<T>;
  sweep(): void;
}

export function deadlines(milliseconds: number, now: () => number): Deadlines {
  const waiting = new Set<{ readonly at: number; readonly expire: () => void }>();
  return {
    within: (work) =>
      new Promise((resolve, reject) => {
        const entry = {
          at: now() + milliseconds,
          expire: () => reject(new Error(`No answer within ${milliseconds} ms`)),
        };
        waiting.add(entry);
        work.then(resolve, reject).finally(() => waiting.delete(entry));
      }),
    sweep: () => {
      const time = now();
      for (const entry of waiting) {
        if (entry.at > time) return;
        waiting.delete(entry);
        entry.expire();
      }
    },
  };
}
