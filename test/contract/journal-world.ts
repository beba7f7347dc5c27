/** What the contract of logs stands on: a clock it moves, ids in a row, entries with short names. */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Entry, LoggedMessage, LogRecord, Membership } from '../../broker/model.ts';
import type { Clock, Ids, Journal } from '../../broker/ports.ts';

export interface JournalWorld {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
}

export interface OpenJournal {
  readonly journal: Journal;
  /** What the stream of all logs has given so far; waits until it is this many. */
  records(atLeast: number): Promise<readonly LogRecord[]>;
  close(): Promise<void>;
}

/** Makes a store of logs that is empty. */
export type MakeJournal = (world: JournalWorld) => Promise<OpenJournal>;

/** The year 2033: a table's own clean-up, which reads the real clock, leaves the records alone. */
export const START = 2_000_000_000_000;

export interface LogStage extends JournalWorld, Omit<OpenJournal, 'close'> {
  /** Moves the clock forward. */
  pass(milliseconds: number): void;
}

/** Wraps the body of a test: an empty store before it, closed after it. */
export function onLogs(
  make: MakeJournal,
  body: (stage: LogStage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    let now = START;
    const world = { clock: { now: () => now }, ids: idsInARow(), limits: LIMITS };
    const { journal, records, close } = await make(world);
    const pass = (milliseconds: number): void => {
      now += milliseconds;
    };
    try {
      await body({ ...world, journal, records, pass });
    } finally {
      await close();
    }
  };
}

/** Each differs from the others in its first characters already. */
export function idsInARow(): Ids {
  let last = 0;
  return { random: () => `${(++last).toString(36).padStart(6, '0')}-${'x'.repeat(24)}` };
}

export type Said = Omit<LoggedMessage, 'seq'>;

export function said(id: string, more: Partial<Said> = {}): Entry & { readonly type: 'message' } {
  return {
    type: 'message',
    message: {
      id,
      destination: '/room/x',
      headers: [['content-type', 'text/plain']],
      body: Buffer.from(`body of ${id}`),
      at: START,
      ...more,
    },
  };
}

export function logged(seq: number, more: Partial<Said> = {}): LoggedMessage {
  return { ...said(`m${seq}`, more).message, seq };
}

export function membership(connectionId: string, member = connectionId): Membership {
  const session = `session-of-${connectionId}`;
  return { connectionId, subscriptionId: '1', stamp: '1', session, member };
}

export function joined(connectionId: string): Entry {
  return { type: 'join', membership: membership(connectionId) };
}

export function idsOf(messages: readonly { readonly id: string }[]): readonly string[] {
  return messages.map(({ id }) => id);
}

/** Ids of the messages in these records, in order. */
export function saidIn(records: readonly LogRecord[]): readonly string[] {
  return records.flatMap(({ entries }) =>
    entries.flatMap((entry) => (entry.type === 'message' ? [entry.message.id] : [])),
  );
}

/** `first`, `first + 1` … `last`. */
export function upwards(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
