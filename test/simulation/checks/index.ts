/** All checkers, by name, over one run. */
import type { Plan } from '../plan.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Truth } from '../truth.ts';
import { answerFirst } from './answer-first.ts';
import type { MakeChecker, Quiet } from './checker.ts';
import { clock } from './clock.ts';
import { convergence } from './convergence.ts';
import { directLoss } from './direct-loss.ts';
import { duplicates } from './duplicates.ts';
import { durable } from './durable.ts';
import { holes } from './holes.ts';
import { loss } from './loss.ts';
import { marks } from './marks.ts';
import { mute } from './mute.ts';
import { orphans } from './orphans.ts';
import { recovered } from './recovered.ts';
import { senderOrder } from './sender-order.ts';
import { sequence } from './sequence.ts';
import { settled } from './settled.ts';
import { stuck } from './stuck.ts';
import { transactions } from './transactions.ts';
import { unsubscribed } from './unsubscribed.ts';
import { makeWire } from './wire.ts';
import { workLoss } from './work-loss.ts';

export interface Violation {
  readonly checker: string;
  readonly text: string;
  /** Milliseconds since 1970, virtual. */
  readonly at: number;
}

export interface Watcher {
  readonly violations: readonly Violation[];
  report(checker: string, text: string): void;
  settled(quiet: Quiet): Promise<void>;
  quiet(quiet: Quiet): Promise<void>;
  readonly arrived: number;
  readonly repeated: number;
}

export const CHECKERS: Readonly<Record<string, MakeChecker>> = {
  loss,
  'direct-loss': directLoss,
  duplicates,
  sequence,
  'sender-order': senderOrder,
  holes,
  unsubscribed,
  recovered,
  'answer-first': answerFirst,
  presence: convergence,
  orphans,
  mute,
  'work-loss': workLoss,
  settled,
  marks,
  stuck,
  transactions,
  durable,
  clock,
};

/** One fault shows in many places; the first tell enough. */
const VIOLATIONS_MAX = 20;

export function watch(scheduler: Scheduler, truth: Truth, plan: Plan): Watcher {
  const violations: Violation[] = [];
  const report = (checker: string, text: string): void => {
    scheduler.note(`VIOLATION ${checker}: ${text}`);
    if (violations.length < VIOLATIONS_MAX) violations.push({ checker, text, at: scheduler.now() });
  };
  const wire = makeWire({ truth, plan, scheduler, report: (text) => report('wire', text) });
  const checkers = [
    wire,
    ...Object.entries(CHECKERS).map(([name, make]) =>
      make({ truth, plan, scheduler, report: (text) => report(name, text) }),
    ),
  ];
  truth.onObservation((observation) => {
    for (const checker of checkers) checker.observe?.(observation);
  });
  return {
    violations,
    report,
    async settled(quiet) {
      for (const checker of checkers) await checker.settled?.(quiet);
    },
    async quiet(quiet) {
      for (const checker of checkers) await checker.quiet?.(quiet);
    },
    get arrived() {
      return wire.arrived;
    },
    get repeated() {
      return wire.repeated;
    },
  };
}
