/**
 * Logs in this process's memory, with their stream. Every method does its work at once, before it
 * returns its promise, so each is atomic. Expired history is dropped by the calls that add to it, and
 * so is what is older than any SUBSCRIBE can get.
 */

import type { Limits } from '../../broker/limits.ts';
import type { Entry, LoggedMessage, LogRecord, Position } from '../../broker/model.ts';
import type { Clock, Ids, Journal, LogStream, Progress } from '../../broker/ports.ts';
import { newEpoch } from '../epoch.ts';

interface Kept {
  readonly message: LoggedMessage;
  readonly expiresAt: number;
}

interface Log {
  readonly epoch: string;
  seq: number;
  revision: number;
  progress: Progress | undefined;
  /** By seq, ascending. */
  readonly history: Map<number, Kept>;
  /** Publish ids, oldest first, and when each is forgotten. */
  readonly publishIds: Map<string, number>;
}

export interface MemoryJournal extends Journal {
  readonly stream: LogStream;
}

export function memoryJournal(world: {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
}): MemoryJournal {
  const { clock, ids, limits } = world;
  const logs = new Map<string, Log>();
  const records: { cursor: number; record: LogRecord }[] = [];
  const listeners = new Set<() => void>();
  /** Names of commits, oldest first, and when each is forgotten. */
  const committedOnce = new Map<string, number>();
  let cursor = 0;
  let committed = 0;

  function logOf(destination: string): Log {
    const there = logs.get(destination);
    if (there !== undefined) return there;
    const log: Log = {
      epoch: newEpoch(ids),
      seq: 0,
      revision: 0,
      progress: undefined,
      history: new Map(),
      publishIds: new Map(),
    };
    logs.set(destination, log);
    return log;
  }

  function append(destination: string, entries: readonly Entry[]): Position {
    const log = logOf(destination);
    log.seq += entries.filter(({ type }) => type === 'message').length;
    log.revision++;
    const { epoch, seq, revision } = log;
    records.push({ cursor: ++cursor, record: { destination, epoch, seq, revision, entries } });
    for (const listener of listeners) listener();
    return { epoch, seq };
  }

  return {
    async append(destination, entries) {
      return append(destination, entries);
    },

    async appendOnce(destination, entry, publishId) {
      const { publishIds } = logOf(destination);
      const now = clock.now();
      dropExpired(publishIds, now);
      if (publishIds.has(publishId)) return 'repeated';
      publishIds.set(publishId, now + limits.publishIdSeconds * 1000);
      return append(destination, [entry]);
    },

    async commit(changes, once) {
      const now = clock.now();
      dropExpired(committedOnce, now);
      if (committedOnce.has(once)) return 'repeated';
      committedOnce.set(once, now + limits.publishIdSeconds * 1000);
      for (const { destination, entries } of changes) append(destination, entries);
      return 'done';
    },

    async head(destination) {
      const log = logs.get(destination);
      return log && { epoch: log.epoch, seq: log.seq, revision: log.revision };
    },

    async keep(destination, epoch, messages, expiresAt) {
      const log = logs.get(destination);
      if (log?.epoch !== epoch) return;
      for (const [seq, kept] of log.history) {
        if (kept.expiresAt > clock.now()) break;
        log.history.delete(seq);
      }
      for (const message of messages) {
        log.history.set(message.seq, { message: alone(message), expiresAt });
        log.history.delete(message.seq - limits.replayMax);
      }
    },

    async history(destination, epoch, { after, upTo, most }) {
      const log = logs.get(destination);
      const found: LoggedMessage[] = [];
      if (log?.epoch !== epoch) return found;
      for (let seq = Math.min(upTo, log.seq); seq > after && found.length < most; seq--) {
        const kept = log.history.get(seq);
        if (kept !== undefined && kept.expiresAt > clock.now()) found.push(kept.message);
      }
      return found.reverse();
    },

    async progress(destination) {
      return logs.get(destination)?.progress;
    },

    async advance(destination, progress) {
      logOf(destination).progress = progress;
    },

    stream: {
      async read(from, most) {
        const first = records[0]?.cursor ?? 0;
        const start = Math.max(0, from + 1 - first);
        return records.slice(start, start + most);
      },
      async committed() {
        return committed;
      },
      async commit(upTo) {
        committed = Math.max(committed, upTo);
        const first = records[0]?.cursor ?? 0;
        if (first > 0 && committed >= first) records.splice(0, committed - first + 1);
      },
      onAppend(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}

/** With octets of its own: those that came are a view, which would keep all that came with them. */
function alone(message: LoggedMessage): LoggedMessage {
  return Object.assign({}, message, { body: Buffer.from(message.body) });
}

function dropExpired(publishIds: Map<string, number>, now: number): void {
  for (const [id, until] of publishIds) {
    if (until > now) return;
    publishIds.delete(id);
  }
}
