/**
 * The store in this process's memory: an equal implementation of the port. Every method does its
 * work at once, before it returns its promise, so each is atomic. What has expired is swept a few
 * records at a time by the calls that add records: memory follows the connections that are alive.
 */
import type { Destination } from '../../broker/destination.ts';
import type { Limits } from '../../broker/limits.ts';
import type {
  Connection,
  Ended,
  Half,
  Stamp,
  Subscriber,
  Subscription,
} from '../../broker/model.ts';
import type { Clock, Found, Held, SessionChange, Store } from '../../broker/ports.ts';
import { makeDivider } from '../../broker/slice.ts';
import { subscriberOf } from '../subscriber.ts';
import { type Entry, makeAudiences } from './audience.ts';

/** Each call that adds a record may drop this many expired ones, so sweeping keeps up. */
const SWEPT_PER_CALL = 8;

interface Member extends Entry {
  readonly subscription: Subscription;
}

/** An id given up: older SUBSCRIBEs of it are stale until then. */
interface Grave {
  readonly stamp: Stamp;
  readonly until: number;
}

interface Kept {
  found: Found;
  /** Of the last half frame, or of its being forgotten. */
  halfStamp: Stamp;
  readonly members: Map<string, Member>;
  /** Oldest first; undefined until there is one: most connections never have any. */
  graves: Map<string, Grave> | undefined;
}

export interface MemoryStore extends Store {
  readonly held: Held;
}

export function memoryStore(world: {
  readonly clock: Clock;
  readonly limits: Limits;
}): MemoryStore {
  const { clock, limits } = world;
  /** Connections and tombstones apart, each in the order in which they expire. */
  const alive = new Map<string, Kept>();
  const over = new Map<string, Kept>();
  const audiences = makeAudiences();
  const divide = makeDivider<Subscriber>();

  function known(id: string): Kept | undefined {
    const kept = alive.get(id) ?? over.get(id);
    return kept !== undefined && kept.found.connection.expiresAt > clock.now() ? kept : undefined;
  }

  function live(id: string): Kept | undefined {
    const kept = alive.get(id);
    return kept !== undefined && kept.found.connection.expiresAt > clock.now() ? kept : undefined;
  }

  function forgetMembers(kept: Kept): void {
    for (const member of kept.members.values()) audiences.remove(member);
    kept.members.clear();
  }

  /** Subscribers are copies of the connection: those that stand in an audience are made anew. */
  function renew({ found, members }: Kept): void {
    for (const [id, member] of members) {
      const subscriber = subscriberOf(found.connection, member.subscription);
      const fresh = { ...member, subscriber };
      members.set(id, fresh);
      if (audiences.remove(member)) audiences.add(fresh);
    }
  }

  function sweep(): void {
    const now = clock.now();
    for (const all of [alive, over]) {
      let left = SWEPT_PER_CALL;
      for (const [id, kept] of all) {
        if (left-- === 0 || kept.found.connection.expiresAt > now) break;
        forgetMembers(kept);
        all.delete(id);
      }
    }
  }

  function end(id: string, ended: Ended): void {
    const kept = known(id);
    if (kept === undefined) return;
    const { connection } = kept.found;
    forgetMembers(kept);
    if (connection.ended === undefined) {
      const expiresAt = clock.now() + limits.tombstoneSeconds * 1000;
      kept.found = { connection: Object.assign({}, connection, { ended, expiresAt }) };
      alive.delete(id);
      over.set(id, kept);
    } else if (connection.ended === 'lost') {
      kept.found = { connection: { ...connection, ended } };
    }
    sweep();
  }

  function subscribe(
    connection: Connection,
    subscription: Subscription,
    destination: Destination,
    listed: boolean,
  ): Awaited<ReturnType<Store['subscribe']>> {
    const kept = live(connection.id);
    if (kept === undefined) return 'ended';
    const refusal = refusalOf(kept, subscription, { now: clock.now(), limits });
    if (refusal !== undefined) return refusal;
    const shared = audiences.named(destination);
    const member = {
      subscription: namedAs(shared, subscription),
      destination: shared,
      subscriber: subscriberOf(connection, subscription),
    };
    kept.graves?.delete(subscription.id);
    kept.members.set(subscription.id, member);
    if (listed) audiences.add(member);
    return 'done';
  }

  return {
    async open(connection) {
      sweep();
      if (known(connection.id) !== undefined) return;
      const expired = alive.get(connection.id);
      if (expired !== undefined) forgetMembers(expired);
      alive.set(connection.id, {
        found: { connection },
        halfStamp: '',
        members: new Map(),
        graves: undefined,
      });
    },

    async find(connectionId) {
      return known(connectionId)?.found;
    },

    async update(connectionId, change, stamp) {
      const kept = live(connectionId);
      if (kept === undefined) return 'ended';
      const outcome = updateKept(kept, change, stamp);
      if (outcome === 'done' && change.principal !== undefined) renew(kept);
      return outcome;
    },

    async end(connectionId, ended) {
      end(connectionId, ended);
    },

    async keepHalf(connectionId, half, stamp) {
      const kept = live(connectionId);
      if (kept !== undefined && stamp > kept.halfStamp) keepHalf(kept, half, stamp);
    },

    async subscribe(connection, subscription, destination) {
      return subscribe(connection, subscription, destination, true);
    },

    held: {
      async hold(connection, subscription, destination) {
        return subscribe(connection, subscription, destination, false);
      },
      async enlist(connectionId, subscriptionId, stamp, destination) {
        const member = live(connectionId)?.members.get(subscriptionId);
        if (member?.subscription.stamp !== stamp) return undefined;
        if (member.destination.canonical !== destination.canonical) return undefined;
        audiences.add(member);
        return member.subscriber;
      },
    },

    async unsubscribe(connectionId, id, stamp) {
      const kept = known(connectionId);
      const member = kept?.members.get(id);
      if (kept === undefined) return 'unknown';
      if (member === undefined) return kept.graves?.get(id)?.stamp === stamp ? 'done' : 'unknown';
      // Older than the SUBSCRIBE that stands: the repeat of one that took effect before it.
      if (stamp < member.subscription.stamp) return 'done';
      kept.members.delete(id);
      audiences.remove(member);
      kept.graves ??= new Map();
      bury(kept.graves, id, { stamp, until: clock.now() + limits.tombstoneSeconds * 1000 });
      dropGraves(kept.graves, { now: clock.now(), limits });
      return 'done';
    },

    async subscriptions(connectionId) {
      const members = live(connectionId)?.members.values() ?? [];
      return Array.from(members, (member) => member.subscription);
    },

    async subscribers(destination, _from, slice) {
      const whole = audiences.of(destination, clock.now());
      return { subscribers: slice === undefined ? whole : divide(whole, slice) };
    },
  };
}

function updateKept(kept: Kept, change: SessionChange, stamp: Stamp): 'done' | 'stale' {
  const { connection } = kept.found;
  if (stamp < connection.stamp) return 'stale';
  if (stamp > connection.stamp) {
    // Not by spreading: V8 would give each copy that has a property more a shape of its own.
    kept.found = { ...kept.found, connection: Object.assign({}, connection, change, { stamp }) };
  }
  return 'done';
}

/**
 * As it was spelt, which is mostly as everybody spells it: the same text then, in place of one cut
 * out of a frame, which would keep the whole of it.
 */
function namedAs({ canonical }: Destination, subscription: Subscription): Subscription {
  if (subscription.destination !== canonical) return subscription;
  return { ...subscription, destination: canonical };
}

/** The bytes are copied: what comes in may be a view of a buffer that is used again. */
function keepHalf(kept: Kept, half: Half | undefined, stamp: Stamp): void {
  const { connection } = kept.found;
  kept.halfStamp = stamp;
  kept.found =
    half === undefined
      ? { connection }
      : { connection, half: { ...half, bytes: new Uint8Array(half.bytes) } };
}

interface Now {
  readonly now: number;
  readonly limits: Limits;
}

/** Undefined: nothing stands in the way of a new subscription. */
function refusalOf(
  kept: Kept,
  { id, stamp }: Subscription,
  { now, limits }: Now,
): 'done' | 'exists' | 'full' | 'stale' | undefined {
  const member = kept.members.get(id);
  if (member !== undefined) {
    if (stamp === member.subscription.stamp) return 'done';
    return stamp < member.subscription.stamp ? 'stale' : 'exists';
  }
  const grave = kept.graves?.get(id);
  if (grave !== undefined && stamp < grave.stamp && grave.until > now) return 'stale';
  return kept.members.size >= limits.subscriptionsPerConnectionMax ? 'full' : undefined;
}

function bury(graves: Map<string, Grave>, id: string, grave: Grave): void {
  graves.delete(id);
  graves.set(id, grave);
}

/** Expired ones go, and the oldest beyond the limit: a flood of fresh ids fills no memory. */
function dropGraves(graves: Map<string, Grave>, { now, limits }: Now): void {
  for (const [id, { until }] of graves) {
    if (until > now && graves.size <= limits.tombstonesPerConnectionMax) return;
    graves.delete(id);
  }
}
