/** What every checker is: it hears what happens, and looks around once all is quiet. */
import type { Plan } from '../plan.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Cast } from '../script.ts';
import type { Observation, Truth } from '../truth.ts';
import type { World } from '../world.ts';

export interface Checker {
  observe?(observation: Observation): void;
  /** Faults have ended and everybody has come back; what nobody has posted to may linger. */
  settled?(quiet: Quiet): void | Promise<void>;
  /** Faults have ended, everybody has come back, every place has been probed. */
  quiet?(quiet: Quiet): void | Promise<void>;
}

export interface Quiet {
  readonly world: World;
  readonly cast: Cast;
}

export interface CheckerWorld {
  readonly truth: Truth;
  readonly plan: Plan;
  readonly scheduler: Scheduler;
  readonly report: (text: string) => void;
}

export type MakeChecker = (world: CheckerWorld) => Checker;
