/**
 * What must be over within the same time, whichever comes first: one timer for all, set for the
 * oldest, since a timer for each would cost more than what most of them wait for. Those that are
 * over leave by themselves; the rest expire in the order they came.
 */
import type { Clock, Timer } from '../../broker/ports.ts';

/** A link of the chain: whoever waits is one itself. */
export interface Due {
  expireAt: number;
  earlier: Due | undefined;
  later: Due | undefined;
  /** Its time is over: it must leave. */
  expire(): void;
}

export interface DeadlinesOptions {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly milliseconds: number;
}

export class Deadlines {
  private readonly options: DeadlinesOptions;
  private first: Due | undefined;
  private last: Due | undefined;
  private awaited: Due | undefined;
  private cancel: (() => void) | undefined;

  constructor(options: DeadlinesOptions) {
    this.options = options;
  }

  enter(due: Due): void {
    due.expireAt = this.options.clock.now() + this.options.milliseconds;
    due.earlier = this.last;
    if (this.last === undefined) this.first = due;
    else this.last.later = due;
    this.last = due;
    if (this.cancel === undefined) this.await(due);
  }

  /** Once for each that entered. With the last the timer goes too, and keeps no process alive. */
  leave(due: Due): void {
    const { earlier, later } = due;
    if (earlier === undefined) this.first = later;
    else earlier.later = later;
    if (later === undefined) this.last = earlier;
    else later.earlier = earlier;
    due.earlier = undefined;
    due.later = undefined;
    if (this.first !== undefined) return;
    this.cancel?.();
    this.cancel = undefined;
  }

  private await(due: Due): void {
    this.awaited = due;
    const left = Math.max(1, due.expireAt - this.options.clock.now());
    this.cancel = this.options.timer.after(left, () => this.expire());
  }

  private expire(): void {
    const now = this.options.clock.now();
    // A timer may be a little early: the one it was set for is due whatever the clock says.
    for (let due = this.first; due !== undefined; due = this.first) {
      if (due !== this.awaited && due.expireAt > now) break;
      due.expire();
    }
    this.cancel = undefined;
    if (this.first !== undefined) this.await(this.first);
  }
}
