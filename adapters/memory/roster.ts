/** Rosters and liveness checks in this process's memory; every method is atomic. */

import type { Checks, Roster } from '../../broker/ports.ts';
import { changeMember, type MemberRecord, type RosterChange } from '../../broker/roster.ts';

interface Room {
  /** Those who are there, by member. */
  readonly members: Map<string, MemberRecord>;
  /** Those who left of late: a repeat must answer the same. */
  readonly left: Map<string, MemberRecord>;
}

/** A repeat comes soon; what left long ago is forgotten, so that a room keeps no growing list. */
const LEFT_MAX = 1000;

export function memoryRoster(): Roster {
  const rooms = new Map<string, Room>();

  function roomOf(name: string): Room {
    const there = rooms.get(name);
    if (there !== undefined) return there;
    const room = { members: new Map(), left: new Map() };
    rooms.set(name, room);
    return room;
  }

  function change(name: string, wanted: RosterChange): 'entered' | 'left' | 'present' {
    const { members, left } = roomOf(name);
    const { member } = wanted.membership;
    const { record, outcome } = changeMember(members.get(member) ?? left.get(member), wanted);
    members.delete(member);
    left.delete(member);
    if (record.presences.length > 0) members.set(member, record);
    else if (record.left !== undefined) left.set(member, record);
    if (left.size > LEFT_MAX) left.delete(left.keys().next().value ?? '');
    return outcome;
  }

  return {
    async enter(name, membership, mark) {
      const outcome = change(name, { type: 'enter', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async recall(name, membership, mark) {
      const outcome = change(name, { type: 'recall', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async leave(name, membership, mark) {
      return change(name, { type: 'leave', membership, mark }) === 'left' ? 'left' : 'present';
    },
    async fade(name, membership, mark) {
      change(name, { type: 'fade', membership, mark });
    },
    async gone(name, membership, mark) {
      return change(name, { type: 'gone', membership, mark }) === 'left' ? 'left' : 'present';
    },
    async members(name, after, most) {
      const all = [...(rooms.get(name)?.members ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      return all
        .filter(([member]) => after === undefined || member > after)
        .slice(0, most)
        .map(([member, record]) => ({ member, sessions: sessionsOf(record) }));
    },
  };
}

/** Each once. */
export function sessionsOf({ presences }: MemberRecord): readonly string[] {
  return [...new Set(presences.map(({ membership }) => membership.session))];
}

export function memoryChecks(): Checks {
  const due = new Map<string, number>();
  return {
    async enroll(connectionId, at) {
      if (!due.has(connectionId)) due.set(connectionId, at);
    },
    async due(now, most) {
      return [...due]
        .filter(([, at]) => at <= now)
        .slice(0, most)
        .map(([connectionId, at]) => ({ connectionId, at }));
    },
    async settle(connectionId, at) {
      if (due.get(connectionId) === at) due.delete(connectionId);
    },
  };
}
