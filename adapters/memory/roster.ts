/** Rosters and liveness checks in this process's memory; every method is atomic. */
import type { Membership } from '../../broker/model.ts';
import type { Checks, Roster } from '../../broker/ports.ts';

/** One subscription of a member in a room. */
interface Presence {
  readonly membership: Membership;
  /** The change it came with. */
  readonly entered: string;
  /** The change by which its connection was lost, while its grace runs. */
  faded?: string;
}

interface Room {
  /** By member, then connection and subscription. */
  readonly members: Map<string, Map<string, Presence>>;
  /** Members that left, and the change they left by: a repeat must answer the same. */
  readonly left: Map<string, string>;
}

export function memoryRoster(): Roster {
  const rooms = new Map<string, Room>();

  function roomOf(name: string): Room {
    const there = rooms.get(name);
    if (there !== undefined) return there;
    const room = { members: new Map(), left: new Map() };
    rooms.set(name, room);
    return room;
  }

  function depart(name: string, membership: Membership, mark: string): 'left' | 'present' {
    const room = roomOf(name);
    const { member } = membership;
    if (room.left.get(member) === mark) return 'left';
    const mine = room.members.get(member);
    const gone = mine?.get(keyOf(membership));
    if (mine === undefined || gone?.membership.stamp !== membership.stamp) return 'present';
    mine.delete(keyOf(membership));
    if (mine.size > 0) return 'present';
    room.members.delete(member);
    remember(room.left, member, mark);
    return 'left';
  }

  return {
    async enter(name, membership, mark) {
      const room = roomOf(name);
      const { member } = membership;
      const mine = room.members.get(member) ?? new Map<string, Presence>();
      const key = keyOf(membership);
      const others = [...mine].filter(([other, { entered }]) => other !== key || entered !== mark);
      for (const [other, { faded }] of mine) if (faded !== undefined) mine.delete(other);
      mine.set(key, { membership, entered: mark });
      room.members.set(member, mine);
      room.left.delete(member);
      return others.length > 0 ? 'present' : 'entered';
    },

    async leave(name, membership, mark) {
      return depart(name, membership, mark);
    },

    async fade(name, membership, mark) {
      const presence = rooms.get(name)?.members.get(membership.member)?.get(keyOf(membership));
      if (presence?.membership.stamp === membership.stamp) presence.faded ??= mark;
    },

    async gone(name, membership, mark) {
      const room = roomOf(name);
      const presence = room.members.get(membership.member)?.get(keyOf(membership));
      if (presence !== undefined && presence.faded !== mark) return 'present';
      return depart(name, membership, mark);
    },

    async members(name, after, most) {
      const all = [...(rooms.get(name)?.members ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      return all
        .filter(([member]) => after === undefined || member > after)
        .slice(0, most)
        .map(([member, mine]) => ({
          member,
          sessions: [...new Set([...mine.values()].map(({ membership }) => membership.session))],
        }));
    },
  };
}

/** A repeat comes soon; what left long ago is forgotten, so that a room keeps no growing list. */
const LEFT_MAX = 1000;

function remember(left: Map<string, string>, member: string, mark: string): void {
  left.set(member, mark);
  if (left.size <= LEFT_MAX) return;
  for (const oldest of left.keys()) {
    left.delete(oldest);
    return;
  }
}

function keyOf({ connectionId, subscriptionId }: Membership): string {
  return `${connectionId}\n${subscriptionId}`;
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
