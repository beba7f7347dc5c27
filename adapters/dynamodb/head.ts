/**
 * The head of a log: the one row that numbers its messages. A change is one update, whose image in
 * the table's stream is the record of the change. The row is never deleted but by TTL, which it
 * outlives its history by; one that has expired and is still there goes on where it was.
 */
import { parseDestination } from '../../broker/destination.ts';
import type { Limits } from '../../broker/limits.ts';
import type { LogRecord } from '../../broker/model.ts';
import type { Clock, Ids } from '../../broker/ports.ts';
import type { Policies } from '../../broker/rules.ts';
import { newEpoch } from '../epoch.ts';
import { maps, number, text } from './attributes.ts';
import { type BodiesAside, readEntry } from './entries.ts';
import { expiry } from './rows.ts';
import { headKey, type Row } from './schema.ts';
import { names, values } from './table.ts';

export interface HeadWorld {
  readonly tableName: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly policies: Policies;
}

/** The update that is one change of a log; `entries` as `putAside` gives them. */
export function headUpdate(world: HeadWorld, destination: string, entries: readonly Row[]) {
  const UpdateExpression = [
    'SET #epoch = if_not_exists(#epoch, :epoch), #last = :last',
    ', #expiresAt = :expiresAt, #expires = :expires',
    ' ADD #seq :messages, #revision :one',
  ].join('');
  return {
    TableName: world.tableName,
    Key: { ...headKey(destination) },
    UpdateExpression,
    ...names(UpdateExpression),
    ...values({
      epoch: newEpoch(world.ids),
      last: entries,
      messages: entries.filter(({ type }) => type === 'message').length,
      one: 1,
      ...expiry(expiresAt(world, destination)),
    }),
  };
}

/** A change is history within a day, for the stream keeps it no longer; so the head lives on. */
export function expiresAt(
  { clock, limits, policies }: Pick<HeadWorld, 'clock' | 'limits' | 'policies'>,
  destination: string,
): number {
  const { historySeconds } = policies(parseDestination(destination, limits));
  const seconds = Math.max(historySeconds, limits.publishIdSeconds);
  return clock.now() + (seconds + limits.headSecondsBeyondHistory) * 1000;
}

export function readHead(row: Row): Pick<LogRecord, 'epoch' | 'seq' | 'revision'> {
  return {
    epoch: text(row, 'epoch'),
    seq: number(row, 'seq'),
    revision: number(row, 'revision'),
  };
}

export function lastEntries(row: Row): readonly Row[] {
  return maps(row, 'last');
}

export function readRecord(destination: string, row: Row, bodies: BodiesAside): LogRecord {
  const entries = lastEntries(row).map((entry) => readEntry(entry, bodies));
  return { destination, ...readHead(row), entries };
}
