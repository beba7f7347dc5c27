/**
 * One member of one room, as a record: by which subscriptions it is there. Pure changes, each of
 * which an adapter applies atomically (read, change, write if nobody wrote between). A change made
 * again with the same mark answers as the first did.
 */
import type { Membership } from './model.ts';

/** One subscription of the member. */
export interface Presence {
  readonly membership: Membership;
  /** The mark it came with. */
  readonly entered: string;
  /** The mark by which its connection was lost, while its grace runs. */
  readonly faded?: string;
}

export interface MemberRecord {
  readonly presences: readonly Presence[];
  /** The mark of the change by which it came; later ones found it there. */
  readonly came?: string;
  /** The mark of the change that told it gone; kept for a while with no presences. */
  readonly left?: string;
}

export type RosterChange = {
  readonly type: 'enter' | 'recall' | 'leave' | 'fade' | 'gone';
  readonly membership: Membership;
  readonly mark: string;
};

export interface Changed {
  readonly record: MemberRecord;
  readonly outcome: 'entered' | 'left' | 'present';
}

/** The record after the change, and what watchers should hear. */
export function changeMember(before: MemberRecord | undefined, change: RosterChange): Changed {
  const record = before ?? { presences: [] };
  switch (change.type) {
    case 'enter':
      return enter(record, change);
    case 'recall':
      return recall(record, change);
    case 'fade':
      return fade(record, change);
    case 'gone': {
      const mine = record.presences.find((presence) => isOf(presence, change.membership));
      const back = mine !== undefined && mine.faded !== change.mark;
      return back ? { record, outcome: 'present' } : depart(record, change);
    }
    case 'leave':
      return depart(record, change);
    default:
      throw new Error(`no change of a roster is called ${change.type satisfies never}`);
  }
}

/** Faded presences end here: the member is back. */
function enter(record: MemberRecord, { membership, mark }: RosterChange): Changed {
  const { presences } = record;
  const anew = record.came === mark || presences.length === 0;
  const outcome = anew ? 'entered' : 'present';
  if (presences.some((one) => one.entered === mark)) return { record, outcome };
  const kept = presences.filter((one) => one.faded === undefined && !isOf(one, membership));
  const came = anew ? mark : record.came;
  return {
    record: {
      presences: [...kept, { membership, entered: mark }],
      ...(came === undefined ? {} : { came }),
    },
    outcome,
  };
}

/** Changes nothing: what `enter` with this mark answered, if it was called and still stands. */
function recall(record: MemberRecord, { mark }: RosterChange): Changed {
  const stands = record.presences.some((one) => one.entered === mark);
  return { record, outcome: stands && record.came === mark ? 'entered' : 'present' };
}

function fade(record: MemberRecord, { membership, mark }: RosterChange): Changed {
  const presences = record.presences.map((one) =>
    isOf(one, membership) && isSame(one, membership) && one.faded === undefined
      ? { ...one, faded: mark }
      : one,
  );
  return { record: { ...record, presences }, outcome: 'present' };
}

function depart(record: MemberRecord, { membership, mark }: RosterChange): Changed {
  if (record.left === mark) return { record, outcome: 'left' };
  const mine = record.presences.find((one) => isOf(one, membership) && isSame(one, membership));
  if (mine === undefined) return { record, outcome: 'present' };
  const presences = record.presences.filter((one) => one !== mine);
  if (presences.length > 0) return { record: { ...record, presences }, outcome: 'present' };
  return { record: { ...record, presences, left: mark }, outcome: 'left' };
}

function isOf({ membership }: Presence, { connectionId, subscriptionId }: Membership): boolean {
  return membership.connectionId === connectionId && membership.subscriptionId === subscriptionId;
}

function isSame({ membership }: Presence, { stamp }: Membership): boolean {
  return membership.stamp === stamp;
}
