/** Rosters and liveness checks in the LMDB folder, each change one transaction. */
import type { Key } from 'lmdb';
import type { Checks, Clock, Roster } from '../../broker/ports.ts';
import { changeMember, type MemberRecord, type RosterChange } from '../../broker/roster.ts';
import { sessionsOf } from '../memory/roster.ts';
import { beginningWith, type Tables } from './tables.ts';

/** How long a member that left is remembered, for a repeat of its leaving. */
const LEFT_SECONDS = 3600;
const SWEPT_PER_CALL = 4;

export function openRosterTables({ root }: Pick<Tables, 'root'>) {
  const table = <Row, RowKey extends Key>(name: string) => root.openDB<Row, RowKey>({ name });
  return {
    root,
    /** R: room, member. */
    members: table<MemberRecord, [string, string]>('R'),
    /** RX: when a member that left is forgotten, room, member. */
    departures: table<number, (string | number)[]>('RX'),
    /** LC: connection id; the value is when it is to be asked. */
    checks: table<number, [string]>('LC'),
    /** LCX: when, connection id. */
    checkTimes: table<number, [number, string]>('LCX'),
  };
}

type RosterTables = ReturnType<typeof openRosterTables>;

export function lmdbRoster(tables: RosterTables, clock: Clock): Roster {
  const change = (room: string, wanted: RosterChange) =>
    tables.root.transactionSync(() => {
      const now = clock.now();
      sweep(tables, now);
      const key: [string, string] = [room, wanted.membership.member];
      const { record, outcome } = changeMember(tables.members.get(key), wanted);
      if (record.presences.length > 0 || record.left !== undefined)
        tables.members.putSync(key, record);
      else tables.members.removeSync(key);
      if (outcome === 'left') tables.departures.putSync([now + LEFT_SECONDS * 1000, ...key], 0);
      return outcome;
    });

  return {
    async enter(room, membership, mark) {
      const outcome = change(room, { type: 'enter', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async recall(room, membership, mark) {
      const outcome = change(room, { type: 'recall', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async leave(room, membership, mark) {
      return change(room, { type: 'leave', membership, mark }) === 'left' ? 'left' : 'present';
    },
    async fade(room, membership, mark) {
      change(room, { type: 'fade', membership, mark });
    },
    async gone(room, membership, mark) {
      return change(room, { type: 'gone', membership, mark }) === 'left' ? 'left' : 'present';
    },
    async members(room, after, most) {
      tables.root.resetReadTxn();
      const { start, end } = beginningWith(room);
      const range = { start: after === undefined ? start : [room, after], end };
      const found: { member: string; sessions: readonly string[] }[] = [];
      for (const { key, value } of tables.members.getRange(range)) {
        if (found.length >= most) break;
        if (key[1] === after || value.presences.length === 0) continue;
        found.push({ member: key[1], sessions: sessionsOf(value) });
      }
      return found;
    },
  };
}

/** Inside a transaction. */
function sweep(tables: RosterTables, now: number): void {
  for (const key of [...tables.departures.getKeys({ end: [now], limit: SWEPT_PER_CALL })]) {
    tables.departures.removeSync(key);
    const name: [string, string] = [String(key[1]), String(key[2])];
    if (tables.members.get(name)?.presences.length === 0) tables.members.removeSync(name);
  }
}

export function lmdbChecks(tables: RosterTables): Checks {
  const change = <T>(action: () => T): T => tables.root.transactionSync(action);
  return {
    async enroll(connectionId, at) {
      change(() => {
        if (tables.checks.get([connectionId]) !== undefined) return;
        tables.checks.putSync([connectionId], at);
        tables.checkTimes.putSync([at, connectionId], 0);
      });
    },
    async due(now, most) {
      tables.root.resetReadTxn();
      const keys = tables.checkTimes.getKeys({ end: [now + 1, ''], limit: most });
      return Array.from(keys, ([at, connectionId]) => ({ connectionId, at }));
    },
    async settle(connectionId, at) {
      change(() => {
        tables.checkTimes.removeSync([at, connectionId]);
        if (tables.checks.get([connectionId]) === at) tables.checks.removeSync([connectionId]);
      });
    },
  };
}
