/** The world as it is: the machine's clock, its timers, its randomness, and lines on its console. */
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { Clock, Ids, Log, Timer } from '../broker/ports.ts';

export const systemClock: Clock = { now: () => Date.now() };

/** A limit is counted in so many parts. */
const PARTS = 4;

/**
 * A pending sleep or action keeps the process alive, as work does that is not finished. An action
 * is put off until what has come by then is heard, and however long the process was held up at a
 * time, it counts as a quarter at most: who was too busy to listen must not say that nothing came.
 */
export const systemTimer: Timer = {
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  after(milliseconds, action) {
    let left = PARTS;
    let due: NodeJS.Immediate | undefined;
    const pass = (): void => {
      if (left-- > 0) timeout = setTimeout(pass, milliseconds / PARTS);
      else due = setImmediate(action);
    };
    let timeout: NodeJS.Timeout | undefined;
    pass();
    return () => {
      clearTimeout(timeout);
      clearImmediate(due);
    };
  },
};

/** 122 random bits, from a pool that Node refills, so an id costs no system call. */
export const systemIds: Ids = { random: () => randomUUID() };

export type LogLevel = 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  /** The mildest that is written. @default 'info' */
  readonly level?: LogLevel;
  /** Takes one line without its end. @default console.log, which is what Lambda collects */
  readonly write?: (line: string) => void;
  /** @default the machine's */
  readonly clock?: Clock;
}

const LEVELS: readonly LogLevel[] = ['info', 'warn', 'error', 'silent'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * One JSON object a line: `time`, `level`, `event`, then the fields. Never throws, whatever the
 * fields hold: a log that fails must not fail the work it tells of.
 */
export function consoleLog({
  level = 'info',
  write = console.log,
  clock = systemClock,
}: LogOptions = {}): Log {
  const mildest = LEVELS.indexOf(level);
  const line = (of: LogLevel, event: string, fields: Fields): void => {
    if (LEVELS.indexOf(of) < mildest) return;
    const time = new Date(clock.now()).toISOString();
    write(asJson({ ...fields, time, level: of, event }));
  };
  return {
    info: (event, fields = {}) => line('info', event, fields),
    warn: (event, fields = {}) => line('warn', event, fields),
    error: (event, cause, fields = {}) =>
      line('error', event, { ...fields, error: describe(cause) }),
  };
}

function asJson({ time, level, event, ...fields }: Fields): string {
  try {
    return JSON.stringify({ time, level, event, ...fields });
  } catch {
    return JSON.stringify({
      time,
      level,
      event,
      fields: inspect(fields, { breakLength: Infinity }),
    });
  }
}

/** Causes of causes are followed this far. */
const CAUSES_MAX = 4;

function describe(cause: unknown, depth = 0): unknown {
  if (!(cause instanceof Error)) return inspect(cause, { breakLength: Infinity });
  const { name, message, stack } = cause;
  const further = cause.cause === undefined || depth === CAUSES_MAX ? undefined : cause.cause;
  return { name, message, stack, cause: further && describe(further, depth + 1) };
}
