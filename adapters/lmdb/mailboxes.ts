/**
 * Mailboxes in the LMDB folder: `M` has a row a session, `N` its posts, one a row, so that an append
 * costs the same however much waits. Each call is one write transaction. Who waits in this process
 * is woken by what this process does; what others do is looked for every few milliseconds.
 */
import { sessionOf } from '../../broker/address.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Gates, Lease, Mailbox, MailboxClosed, Mailboxes } from '../../broker/ports.ts';
import { makeWaiters } from '../mailbox/waiters.ts';
import { beginningWith, type Tables } from './tables.ts';

interface Row {
  readonly connectionId: string;
  /** Numbers of the first post and of the one that comes next. */
  readonly first: number;
  readonly next: number;
  readonly bytes: number;
  readonly receiver?: string | undefined;
  readonly until: number;
  readonly expiresAt: number;
  readonly closed?: MailboxClosed | undefined;
  readonly socket?: string | undefined;
  readonly probedUntil?: number | undefined;
}

type Appended = 'done' | 'gone' | 'full' | { readonly socket: string };

/** Each opening looks at so many sessions, in turn, and drops the expired. */
const SWEPT_PER_CALL = 8;
/** How soon a change by another thread or process is seen. */
const LOOK_MILLISECONDS = 10;

export function openMailboxTables({ root }: Pick<Tables, 'root'>) {
  const encoding = { encoding: 'msgpack', useRecords: false } as const;
  return {
    root,
    rows: root.openDB<Row, [string]>('M', encoding),
    posts: root.openDB<Buffer, [string, number]>('N', { encoding: 'binary' }),
  };
}

export interface LmdbMailboxes extends Mailboxes, Gates {
  /** Before the folder is closed: who waits in this process is let go, and nobody waits again. */
  stop(): void;
}

export function lmdbMailboxes(
  tables: ReturnType<typeof openMailboxTables>,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): LmdbMailboxes {
  const { root, rows, posts } = tables;
  const waiters = makeWaiters();
  let swept = '';

  const change = <T>(action: () => T): T => root.transactionSync(action);

  function live(session: string): Row | undefined {
    const row = rows.get([session]);
    return row !== undefined && row.expiresAt > clock.now() ? row : undefined;
  }

  function fresh(session: string): Row | undefined {
    // The library reads one state of the folder per turn of the event loop; others write meanwhile.
    root.resetReadTxn();
    return live(session);
  }

  function drop(session: string): void {
    for (const key of [...posts.getKeys(beginningWith(session))]) posts.removeSync(key);
    rows.removeSync([session]);
  }

  function sweep(): void {
    const some = [...rows.getRange({ start: [swept], limit: SWEPT_PER_CALL })];
    for (const { key, value } of some) if (value.expiresAt <= clock.now()) drop(key[0]);
    swept = some.length < SWEPT_PER_CALL ? '' : (some.at(-1)?.key[0] ?? '');
  }

  function append(connectionId: string, added: readonly Uint8Array[]): Appended {
    const session = sessionOf(connectionId);
    const row = live(session);
    if (row?.connectionId !== connectionId || row.closed !== undefined) return 'gone';
    if (row.socket !== undefined) return { socket: row.socket };
    const bytes = added.reduce((sum, post) => sum + post.length, row.bytes);
    const count = row.next - row.first + added.length;
    if (bytes > limits.mailboxBytesMax || count > limits.mailboxPostsMax) return 'full';
    for (const [index, post] of added.entries()) {
      posts.putSync([session, row.next + index], Buffer.from(post));
    }
    rows.putSync([session], { ...row, bytes, next: row.next + added.length });
    return 'done';
  }

  function take(session: string, receiver: string) {
    const row = live(session);
    if (row === undefined) return 'lost';
    const { closed, first, next } = row;
    if (row.socket !== undefined && closed === undefined) return 'lost';
    if (closed === undefined && row.receiver !== receiver) return 'lost';
    const taken: Uint8Array[] = [];
    for (let number = first; number < next; number++) {
      const post = posts.get([session, number]);
      if (post !== undefined) taken.push(post);
      posts.removeSync([session, number]);
    }
    if (next > first) rows.putSync([session], { ...row, first: next, bytes: 0 });
    return { posts: taken, ...(closed === undefined ? {} : { closed }) };
  }

  return {
    open: async (session, connectionId, lease) =>
      change(() => {
        sweep();
        if (live(session) !== undefined) return 'exists';
        drop(session);
        rows.putSync([session], { connectionId, first: 0, next: 0, bytes: 0, ...leased(lease) });
        return 'opened';
      }),

    find: async (session) => shown(fresh(session)),

    async append(connectionId, added) {
      const outcome = change(() => append(connectionId, added));
      if (outcome === 'done') await waiters.wake(sessionOf(connectionId));
      return outcome;
    },

    receive: async (session, lease) =>
      change(() => {
        const row = live(session);
        if (row === undefined) return 'unknown';
        if (row.closed === undefined && row.socket === undefined) {
          const held = row.receiver !== undefined && row.receiver !== lease.receiver;
          if (held && row.until > clock.now()) return 'busy';
          rows.putSync([session], { ...row, ...leased(lease) });
        }
        return shown(row) ?? 'unknown';
      }),

    async take(session, receiver) {
      const row = fresh(session);
      // Nothing to take is found out without a write.
      if (row !== undefined && row.next === row.first && row.socket === undefined) {
        if (row.closed !== undefined) return { posts: [], closed: row.closed };
        return row.receiver === receiver ? { posts: [] } : 'lost';
      }
      return change(() => take(session, receiver));
    },

    async release(session, receiver, expiresAt) {
      change(() => {
        const row = live(session);
        if (row?.receiver !== receiver) return;
        rows.putSync([session], { ...row, receiver: undefined, expiresAt });
      });
    },

    async close(connectionId, closed, expiresAt) {
      const session = sessionOf(connectionId);
      const done = change(() => {
        const row = live(session);
        if (row?.connectionId !== connectionId || row.closed !== undefined) return false;
        const last = row.socket === undefined ? Math.max(row.expiresAt, expiresAt) : expiresAt;
        rows.putSync([session], { ...row, closed, expiresAt: last });
        return true;
      });
      if (done) void waiters.wake(session);
      return done;
    },

    probe: async (session, until) =>
      change(() => {
        const row = live(session);
        if (row === undefined || row.socket !== undefined) return false;
        rows.putSync([session], { ...row, probedUntil: until });
        return true;
      }),

    move: async (session, socket) =>
      change(() => {
        const row = live(session);
        if (row === undefined || row.closed !== undefined || row.receiver !== socket) return 'lost';
        if (row.next > row.first) return 'waiting';
        rows.putSync([session], { ...row, socket });
        return 'moved';
      }),

    changed: (session, milliseconds, signal) =>
      waiters.wait(session, {
        milliseconds,
        signal,
        settled: () => isSettled(fresh(session)),
        everyMilliseconds: LOOK_MILLISECONDS,
      }),

    stop: waiters.stop,
  };
}

function leased({ receiver, until, expiresAt }: Lease) {
  return { receiver, until, expiresAt };
}

function shown(row: Row | undefined): Mailbox | undefined {
  if (row === undefined) return undefined;
  const { connectionId, closed, socket, probedUntil } = row;
  return {
    connectionId,
    ...(closed === undefined ? {} : { closed }),
    ...(socket === undefined ? {} : { socket }),
    ...(probedUntil === undefined ? {} : { probedUntil }),
  };
}

function isSettled(row: Row | undefined): boolean {
  return row === undefined || row.closed !== undefined || row.next > row.first;
}
