/**
 * Logs in the LMDB folder: a change writes the head and its stream row in one transaction, so what
 * was acknowledged is delivered after a kill as well; `deliver` goes on from its committed cursor.
 */
import type { Key } from 'lmdb';
import type { Limits } from '../../broker/limits.ts';
import type { Entry, LoggedMessage, LogRecord, Position } from '../../broker/model.ts';
import type { Clock, Ids, Journal, LogStream, Progress } from '../../broker/ports.ts';
import { newEpoch } from '../epoch.ts';
import type { Tables } from './tables.ts';

interface HeadRow extends Position {
  readonly revision: number;
}

interface HistoryRow {
  readonly message: LoggedMessage;
  readonly expiresAt: number;
}

export interface LmdbJournal extends Journal {
  readonly stream: LogStream;
}

/** Expired rows dropped by one call that adds history: enough to keep up. */
const SWEPT_PER_CALL = 8;

export function openJournalTables({ root }: Pick<Tables, 'root'>) {
  const table = <Row, RowKey extends Key>(name: string) => root.openDB<Row, RowKey>({ name });
  return {
    root,
    /** H: canonical destination. */
    heads: table<HeadRow, [string]>('H'),
    /** L: canonical destination, epoch, seq. */
    history: table<HistoryRow, (string | number)[]>('L'),
    /** LX: when a row of history can be dropped, and its key. */
    historyExpiries: table<number, (string | number)[]>('LX'),
    /** I: canonical destination, publish id; the value is when it is forgotten. */
    publishIds: table<number, [string, string]>('I'),
    /** IX: when a publish id is forgotten, and its key. */
    publishIdExpiries: table<number, (string | number)[]>('IX'),
    /** PR: how far `deliver` has got in a log. */
    progress: table<Progress, [string]>('PR'),
    /** ST: the stream, by cursor. */
    stream: table<LogRecord, number>('ST'),
    /** SM: `next` and `committed` cursor of the stream. */
    cursors: table<number, string>('SM'),
  };
}

/** Beside the destinations, whose names begin with `/`. */
const COMMITS = 'commits';

type JournalTables = ReturnType<typeof openJournalTables>;

interface World {
  readonly tables: JournalTables;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
}

export function lmdbJournal(world: World): LmdbJournal {
  const { tables, clock } = world;
  const listeners = new Set<() => void>();
  const change = <T>(action: () => T): T => tables.root.transactionSync(action);
  const appended = (position: Position): Position => {
    for (const listener of listeners) listener();
    return position;
  };

  return {
    async append(destination, entries) {
      return appended(change(() => append(world, destination, entries)));
    },
    async appendOnce(destination, entry, publishId) {
      const outcome = change(() =>
        takePublishId(world, destination, publishId)
          ? append(world, destination, [entry])
          : ('repeated' as const),
      );
      return outcome === 'repeated' ? outcome : appended(outcome);
    },
    async commit(changes, once) {
      const outcome = change(() => {
        if (!takePublishId(world, COMMITS, once)) return 'repeated' as const;
        for (const { destination, entries } of changes) append(world, destination, entries);
        return 'done' as const;
      });
      if (outcome === 'done') for (const listener of listeners) listener();
      return outcome;
    },
    async head(destination) {
      tables.root.resetReadTxn();
      return tables.heads.get([destination]);
    },
    async keep(destination, epoch, messages, expiresAt) {
      change(() => keep(world, [destination, epoch], messages, expiresAt));
    },
    async history(destination, epoch, { after, upTo, most }) {
      tables.root.resetReadTxn();
      const range = {
        start: [destination, epoch, upTo],
        end: [destination, epoch, after],
        reverse: true,
      };
      const now = clock.now();
      const found: LoggedMessage[] = [];
      for (const { value } of tables.history.getRange(range)) {
        if (found.length >= most) break;
        if (value.expiresAt > now) found.push(value.message);
      }
      return found.reverse();
    },
    async progress(destination) {
      tables.root.resetReadTxn();
      return tables.progress.get([destination]);
    },
    async advance(destination, progress) {
      change(() => tables.progress.putSync([destination], progress));
    },
    stream: streamOf(tables, listeners),
  };
}

/** Inside a transaction. */
function append({ tables, ids }: World, destination: string, entries: readonly Entry[]): Position {
  const last = tables.heads.get([destination]) ?? { epoch: newEpoch(ids), seq: 0, revision: 0 };
  const messages = entries.filter(({ type }) => type === 'message').length;
  const head = { epoch: last.epoch, seq: last.seq + messages, revision: last.revision + 1 };
  tables.heads.putSync([destination], head);
  const cursor = (tables.cursors.get('next') ?? 0) + 1;
  tables.cursors.putSync('next', cursor);
  tables.stream.putSync(cursor, { destination, ...head, entries });
  return { epoch: head.epoch, seq: head.seq };
}

/** Inside a transaction. False: the id is taken. */
function takePublishId({ tables, clock, limits }: World, log: string, id: string): boolean {
  const now = clock.now();
  for (const key of [...tables.publishIdExpiries.getKeys({ end: [now], limit: SWEPT_PER_CALL })]) {
    const [, one, publishId] = key;
    const name: [string, string] = [String(one), String(publishId)];
    tables.publishIdExpiries.removeSync(key);
    // It may have been taken anew since.
    if ((tables.publishIds.get(name) ?? 0) <= now) tables.publishIds.removeSync(name);
  }
  const taken = tables.publishIds.get([log, id]);
  if (taken !== undefined && taken > now) return false;
  const until = now + limits.publishIdSeconds * 1000;
  tables.publishIds.putSync([log, id], until);
  tables.publishIdExpiries.putSync([until, log, id], 0);
  return true;
}

/** Inside a transaction. What is older than any SUBSCRIBE can get goes. */
function keep(
  { tables, clock, limits }: World,
  log: [destination: string, epoch: string],
  messages: readonly LoggedMessage[],
  expiresAt: number,
): void {
  const range = { end: [clock.now()], limit: SWEPT_PER_CALL + messages.length };
  for (const key of [...tables.historyExpiries.getKeys(range)]) {
    const [, ...name] = key;
    tables.historyExpiries.removeSync(key);
    tables.history.removeSync(name);
  }
  for (const message of messages) {
    const key = [...log, message.seq];
    if (tables.history.get(key) !== undefined) continue;
    tables.history.putSync(key, { message, expiresAt });
    tables.historyExpiries.putSync([expiresAt, ...key], 0);
    const old = [...log, message.seq - limits.replayMax];
    const row = tables.history.get(old);
    if (row === undefined) continue;
    tables.history.removeSync(old);
    tables.historyExpiries.removeSync([row.expiresAt, ...old]);
  }
}

function streamOf(tables: JournalTables, listeners: Set<() => void>): LogStream {
  return {
    async read(cursor, most) {
      tables.root.resetReadTxn();
      const rows = tables.stream.getRange({ start: cursor + 1, limit: most });
      return Array.from(rows, ({ key, value }) => ({ cursor: key, record: value }));
    },
    async committed() {
      tables.root.resetReadTxn();
      return tables.cursors.get('committed') ?? 0;
    },
    async commit(cursor) {
      tables.root.transactionSync(() => {
        const before = tables.cursors.get('committed') ?? 0;
        if (cursor <= before) return;
        tables.cursors.putSync('committed', cursor);
        for (let at = before + 1; at <= cursor; at++) tables.stream.removeSync(at);
      });
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
