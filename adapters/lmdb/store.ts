/**
 * The store in an LMDB folder, which any number of threads and processes may share. Every change is
 * one write transaction, so it is atomic, and one after another across all of them. What a call has
 * written survives the death of its process; the loss of power only with `durable`, which waits for
 * the disk. Expired records are dropped a few at a time by the calls that add records.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Store } from '../../broker/ports.ts';
import { end, find, keepHalf, open, sweep, update } from './connections.ts';
import { subscribe, subscriptions, unsubscribe } from './members.ts';
import { readAudiences } from './snapshots.ts';
import { openTables, type World } from './tables.ts';

export interface LmdbWorld {
  /** The folder, made if it is not there. */
  readonly path: string;
  readonly clock: Clock;
  readonly limits: Limits;
  /** True: a call returns when its change is on the disk. @default false */
  readonly durable?: boolean;
}

export interface LmdbStore extends Store {
  close(): Promise<void>;
}

export function lmdbStore({ path, clock, limits, durable = false }: LmdbWorld): LmdbStore {
  const tables = openTables({ path, durable });
  const audience = readAudiences(tables);
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
      return change((at) => subscribe(at, { connection, subscription, destination }));
    },
    async unsubscribe(connectionId, id, stamp) {
      return changeAndSweep((at) => unsubscribe(at, connectionId, { id, stamp }));
    },
    async subscriptions(connectionId) {
      return read((at) => subscriptions(at, connectionId));
    },
    async subscribers(destination) {
      return { subscribers: audience(destination, clock.now()) };
    },
    async close() {
      await tables.root.close();
    },
  };
}
