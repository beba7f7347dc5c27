/** One planted fault, and the name it must be caught by. */
import type { Draft } from './draft.ts';
import type { Mode } from './environment.ts';
import type { FaultCode } from './fault.ts';

export interface Mutation {
  readonly name: string;
  readonly caught: FaultCode;
  /** What the fault's line must hold besides. */
  readonly naming?: string;
  readonly mode?: Mode;
  /** The variant that it is planted in. @default 'fifo' */
  readonly variant?: string;
  /** The journey that meets the fault, by its whole name, where the usual two do not. */
  readonly journey?: string;
  /** Part of the logical id of a resource without which there is nothing to break. */
  readonly needs?: string;
  plant(draft: Draft): void;
}
