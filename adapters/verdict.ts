/**
 * What an answer of the gateway means for a post, and how long a post that was refused is tried
 * again: one policy for every outbox. Refusals that may pass are the account's rate, faults of the
 * gateway, no answer at all, and a 410 while the connection is young. Each pause is twice as long
 * as the last, `postRetriesMax` of them, and the retries of one delivery begin within
 * `postRetryMillisecondsMax`, slow answers counted, so that a post ends well before its handler does.
 */
import type { Limits } from '../broker/limits.ts';
import type { Clock, Outcome, Timer } from '../broker/ports.ts';

export interface Verdict {
  readonly outcome: Outcome;
  /** May go well a moment later. */
  readonly passing: boolean;
  /** Of `failed`. */
  readonly fault?: Fault;
}

/** As logged. */
export interface Fault {
  readonly event: string;
  readonly status?: number;
  readonly cause: unknown;
}

export interface GatewayAnswer {
  /** Undefined: none came. */
  readonly status: number | undefined;
  /** Of a 429: the receiver's buffer is full, and not the account's rate used up. */
  readonly bufferFull: boolean;
  readonly cause?: unknown;
}

export const SENT: Verdict = { outcome: 'sent', passing: false };

/** PostToConnection's answers; its 429 has two reasons. */
export function verdictOn({ status, bufferFull, cause }: GatewayAnswer): Verdict {
  if (status === undefined) {
    return { outcome: 'failed', passing: true, fault: { event: 'post-unanswered', cause } };
  }
  if (status >= 200 && status < 300) return SENT;
  switch (status) {
    case 403:
      return { outcome: 'failed', passing: false, fault: { event: FORBIDDEN, status, cause } };
    case 410:
      return { outcome: 'gone', passing: false };
    case 413:
      return { outcome: 'too-large', passing: false };
    case 429:
      return bufferFull
        ? { outcome: 'slow', passing: false }
        : { outcome: 'throttled', passing: true };
    default: {
      const fault = { event: 'post-failed', status, cause };
      return { outcome: 'failed', passing: status >= 500, fault };
    }
  }
}

/** Says the two things it can be, since the gateway does not. */
const FORBIDDEN = 'post-forbidden: wrong management endpoint, or no execute-api:ManageConnections';

export interface PatienceWorld {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly limits: Limits;
  /** Spreads the pauses of many: in [0, 1) from half their length up to the whole of it. */
  readonly random: () => number;
}

/** Of one delivery; its posts draw on it one after another. */
export interface Patience {
  /**
   * Asks until the answer is 2xx, a refusal for good, or patience is at its end. `first` is what
   * an answer already under way will say.
   */
  settle(ask: () => Promise<Verdict>, first?: Promise<Verdict>): Promise<Verdict>;
}

/** `connectedAt`: when the receiver's youth began. */
export function patience(
  { clock, timer, limits, random }: PatienceWorld,
  connectedAt: number,
): Patience {
  const youngUntil = connectedAt + limits.youngConnectionSeconds * 1000;
  let left: number = limits.postRetryMillisecondsMax;
  return {
    async settle(ask, first) {
      const began = clock.now();
      let verdict = await (first ?? ask());
      if (verdict === SENT) return verdict;
      let pause = limits.postPauseMilliseconds;
      for (let retries = 0; retries < limits.postRetriesMax; retries++) {
        const now = clock.now();
        if (!(verdict.outcome === 'gone' ? now < youngUntil : verdict.passing)) break;
        const jittered = Math.ceil(pause * (0.5 + random() / 2));
        if (now - began + jittered > left) break;
        await timer.sleep(jittered);
        pause *= 2;
        verdict = await ask();
      }
      left -= clock.now() - began;
      return verdict;
    },
  };
}
