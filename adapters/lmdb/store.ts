/**
 * The store in an LMDB folder, which any number of threads and processes may share. Every change is
 * one write transaction, so it is atomic, and one after another across all of them. What a call has
 * written survives the death of its process; the loss of power only with `durable`, which waits for
 * the disk. Expired records are dropped a few at a time by the calls that add records.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Subscriber } from '../../broker/model.ts';
import type {
  Agenda,
  Checks,
  Clock,
  Gates,
  Held,
  Ids,
  Mailboxes,
  Roster,
  Shelf,
  Store,
} from '../../broker/ports.ts';
import { makeDivider } from '../../broker/slice.ts';
import { systemIds } from '../system.ts';
import { lmdbAgenda } from './agenda.ts';
import { end, find, keepHalf, open, openConnections, sweep, update } from './connections.ts';
import { type LmdbJournal, lmdbJournal, openJournalTables } from './journal.ts';
import { lmdbMailboxes, openMailboxTables } from './mailboxes.ts';
import { enlist, subscribe, subscriptions, unsubscribe } from './members.ts';
import { lmdbChecks, lmdbRoster, openRosterTables } from './roster.ts';
import { lmdbShelf } from './shelf.ts';
import { readAudiences } from './snapshots.ts';
import { openTables, type World } from './tables.ts';

export interface LmdbWorld {
  /** The folder, made if it is not there. */
  readonly path: string;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Names the epochs of logs. @default the system's */
  readonly ids?: Ids;
  /** True: a call returns when its change is on the disk. @default false */
  readonly durable?: boolean;
}

/** All that the broker keeps, in one folder. */
export interface LmdbStore extends Store {
  readonly held: Held;
  readonly journal: LmdbJournal;
  readonly roster: Roster;
  readonly checks: Checks;
  readonly shelf: Shelf;
  readonly agenda: Agenda;
  /** Connections that were open when it was asked: at a start, those of a process that died. */
  openConnections(): readonly string[];
  readonly mailboxes: Mailboxes & Gates;
  close(): Promise<void>;
}

export function lmdbStore(options: LmdbWorld): LmdbStore {
  const { path, clock, limits, ids = systemIds, durable = false } = options;
  const tables = openTables({ path, durable });
  const rosterTables = openRosterTables(tables);
  const mailboxes = lmdbMailboxes(openMailboxTables(tables), { clock, limits });
  const audience = readAudiences(tables);
  const divide = makeDivider<Subscriber>();
  const world = (): World => ({ tables, limits, now: clock.now() });
  const change = <T>(action: (at: World) => T): T =>
    tables.root.transactionSync(() => action(world()));
  const read = <T>(action: (at: World) => T): T => {
    // The library reads one state of the folder per turn of the event loop; others write meanwhile.
    tables.root.resetReadTxn();
    return action(world());
  };
  const changeAndSweep = <T>(action: (at: World) => T): T =>
    change((at) => {
      const answer = action(at);
      sweep(at);
      return answer;
    });

  return {
    async open(connection) {
      changeAndSweep((at) => open(at, connection));
    },
    async find(connectionId) {
      return read((at) => find(at, connectionId));
    },
    async update(connectionId, wish, stamp) {
      return change((at) => update(at, connectionId, { change: wish, stamp }));
    },
    async end(connectionId, ended) {
      changeAndSweep((at) => end(at, connectionId, ended));
    },
    async keepHalf(connectionId, half, stamp) {
      change((at) => keepHalf(at, connectionId, { half, stamp }));
    },
    async subscribe(connection, subscription, destination) {
      return change((at) => subscribe(at, { connection, subscription, destination }, true));
    },
    held: {
      async hold(connection, subscription, destination) {
        return change((at) => subscribe(at, { connection, subscription, destination }, false));
      },
      async enlist(connectionId, id, stamp, destination) {
        return change((at) => enlist(at, connectionId, { id, stamp, destination }));
      },
    },
    journal: lmdbJournal({ tables: openJournalTables(tables), clock, ids, limits }),
    roster: lmdbRoster(rosterTables, clock),
    checks: lmdbChecks(rosterTables),
    mailboxes,
    shelf: lmdbShelf(tables, clock),
    agenda: lmdbAgenda(tables, clock, ids),
    openConnections: () => read(openConnections),
    async unsubscribe(connectionId, id, stamp) {
      return changeAndSweep((at) => unsubscribe(at, connectionId, { id, stamp }));
    },
    async subscriptions(connectionId) {
      return read((at) => subscriptions(at, connectionId));
    },
    async subscribers(destination, _from, slice) {
      const whole = audience(destination, clock.now());
      return { subscribers: slice === undefined ? whole : divide(whole, slice) };
    },
    async close() {
      mailboxes.stop();
      await tables.root.close();
    },
  };
}
