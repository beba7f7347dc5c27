/**
 * Faults on demand. Each number is a probability in [0, 1]; what is left out never happens. One
 * seed decides all of them in order, so a run that failed can be run again.
 */
import { type Chance, seededChance } from './chance.ts';

export interface Faults {
  readonly seed: number;
  /** A post is answered 410 although the connection lives; nothing is sent. */
  readonly postGone?: number;
  /** 429, over the rate. */
  readonly postThrottled?: number;
  /** 429, the client's buffer is full. */
  readonly postSlow?: number;
  /** 500, with nothing sent. */
  readonly postFailed?: number;
  /** A post takes up to this long, so that two of them may overtake each other. */
  readonly postMilliseconds?: number;
  /** An invocation happens twice. */
  readonly invocationTwice?: number;
  /** An invocation never runs: retried by a queue, a fault to whoever waits for it. */
  readonly invocationLost?: number;
  /** `$disconnect` never comes… */
  readonly disconnectLost?: number;
  /** …or up to this late. */
  readonly disconnectMilliseconds?: number;
}

export interface FaultDice {
  readonly faults: Faults;
  /** True with this probability; an absent fault draws nothing. */
  happens(probability: number | undefined): boolean;
  /** A whole number of milliseconds in [0, max]. */
  delay(maxMilliseconds: number | undefined): number;
}

export function faultDice(faults: Faults): FaultDice {
  const chance: Chance = seededChance(faults.seed);
  return {
    faults,
    happens: (probability) => probability !== undefined && chance() < probability,
    delay: (max) => (max === undefined ? 0 : Math.round(chance() * max)),
  };
}
