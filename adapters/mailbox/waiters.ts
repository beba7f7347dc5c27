/** Requests of this process that wait for a mailbox to change. */

interface Wait {
  readonly milliseconds: number;
  readonly signal: AbortSignal;
  /** True: there is nothing to wait for. */
  readonly settled: () => boolean;
  /** Asked again this often, where other processes may change a mailbox unseen. */
  readonly everyMilliseconds?: number;
}

export interface Waiters {
  wait(session: string, wait: Wait): Promise<void>;
  /**
   * Those who wait for this session go on at the end of this turn of the loop. Resolves once they
   * have: a sender who is answered then does not run ahead of its receivers.
   */
  wake(session: string): Promise<void>;
  /** Nobody waits any more: what there is to look at will be closed. */
  stop(): void;
}

export function makeWaiters(): Waiters {
  const waiting = new Map<string, Set<() => void>>();
  /** Sessions that wake at the end of this turn. */
  const called = new Map<string, Promise<void>>();
  let stopped = false;

  function leave(session: string, wake: () => void): void {
    const all = waiting.get(session);
    all?.delete(wake);
    if (all?.size === 0) waiting.delete(session);
  }

  return {
    wait(session, { milliseconds, signal, settled, everyMilliseconds }) {
      if (stopped || signal.aborted || milliseconds <= 0 || settled()) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          clearInterval(interval);
          signal.removeEventListener('abort', done);
          leave(session, done);
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        const look = (): void => {
          if (settled()) done();
        };
        const interval =
          everyMilliseconds === undefined ? undefined : setInterval(look, everyMilliseconds);
        signal.addEventListener('abort', done);
        const all = waiting.get(session) ?? new Set();
        waiting.set(session, all.add(done));
      });
    },
    // What comes in one turn of the loop is taken in one: a poll answers with all of it.
    wake(session) {
      const already = called.get(session);
      if (already !== undefined) return already;
      if (!waiting.has(session)) return Promise.resolve();
      const waking = new Promise<void>((resolve) => {
        setImmediate(() => {
          called.delete(session);
          // Not those of when it was called: one may have gone, and another have come.
          for (const done of [...(waiting.get(session) ?? [])]) done();
          resolve();
        });
      });
      called.set(session, waking);
      return waking;
    },
    stop() {
      stopped = true;
      for (const woken of [...waiting.values()]) for (const done of [...woken]) done();
    },
  };
}
