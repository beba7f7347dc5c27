/**
 * What the core needs of the world, with the guarantees it leans on. An adapter that keeps the
 * sentences here is a full implementation; the contract tests in test/contract/ hold it to them.
 */
import type { Limits } from './limits.ts';
import type { Carrier, Dialect } from './model.ts';
import type { Applications } from './ports/applications.ts';
import type { Directory, Identity, Rates, Revocations } from './ports/identity.ts';
import type { Detect, Detour } from './ports/ingress.ts';
import type { Logs } from './ports/logs.ts';
import type { Clock, Ids, Log, Timer } from './ports/machine.ts';
import type { Allowance, Outbox, SlowReceiver } from './ports/outbox.ts';
import type { Store } from './ports/store.ts';
import type { DrainTask, Jobs } from './ports/tasks.ts';

export type * from './ports/applications.ts';
export type * from './ports/identity.ts';
export type * from './ports/ingress.ts';
export type * from './ports/logs.ts';
export type * from './ports/machine.ts';
export type * from './ports/mailboxes.ts';
export type * from './ports/outbox.ts';
export type * from './ports/store.ts';
export type * from './ports/tasks.ts';

/** Connections whose buffers are full, as far as this environment knows: `broker/slow.ts`. */
export interface Slow {
  /** Those of them that have something waiting still: what comes now goes behind it. */
  among(
    connectionIds: Iterable<string>,
    marked: ReadonlySet<string>,
    ports: Ports,
  ): Promise<ReadonlySet<string>>;
  /** Their messages wait, or what else the rules say. */
  hold(receivers: readonly SlowReceiver[], ports: Ports): Promise<void>;
  drain(task: DrainTask, ports: Ports): Promise<void>;
}

export interface Ports {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly limits: Limits;
  readonly dialects: ReadonlyMap<string, Dialect>;
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly detect: Detect;
  /** By carrier: connections that are another's, and what is done with what they say. */
  readonly detours?: ReadonlyMap<string, Detour>;
  /** Spoken to whoever has not yet spoken a dialect: readable by a person at a terminal. */
  readonly plain: Dialect;
  /** `name/version`, told in CONNECTED. */
  readonly server: string;
  readonly logs?: Logs;
  /** Absent: audiences of any size are posted to at once. */
  readonly jobs?: Jobs;
  /** Absent: what a full buffer does not take is lost on the direct lane. */
  readonly slow?: Slow;
  /** Absent: nobody bounds how fast jobs may post. */
  readonly allowance?: Allowance;
  /** Absent: nobody is asked who he is, and all may do everything. */
  readonly identity?: Identity;
  /** With `identity`. */
  readonly revocations?: Revocations;
  readonly directory?: Directory;
  readonly rates?: Rates;
  /** Absent: /app/… leads nowhere. */
  readonly applications?: Applications;
  /** Pages that may connect, `https://app.example`; absent: all. */
  readonly origins?: ReadonlySet<string>;
}
