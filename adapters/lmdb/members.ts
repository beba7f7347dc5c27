/** Subscriptions, each function inside one transaction. */
import type { Destination } from '../../broker/destination.ts';
import type { Connection, Stamp, Subscriber, Subscription } from '../../broker/model.ts';
import { subscriberOf } from '../subscriber.ts';
import { beginningWith, CHANGES, type MemberRow, placeOf, rowOf, type World } from './tables.ts';

export interface Wish {
  /** As its caller found it. */
  readonly connection: Connection;
  readonly subscription: Subscription;
  readonly destination: Destination;
}

/** `listed`: its audience hears of it now; else once it is enlisted. */
export function subscribe(
  world: World,
  { connection, subscription, destination }: Wish,
  listed: boolean,
): 'done' | 'exists' | 'full' | 'stale' | 'ended' {
  const { tables, limits, now } = world;
  const { id, stamp } = subscription;
  const row = rowOf(world, connection.id);
  if (row === undefined || row.connection.ended !== undefined) return 'ended';
  const there = tables.members.get([connection.id, id]);
  if (there?.type === 'member') {
    if (stamp === there.subscription.stamp) return 'done';
    return stamp < there.subscription.stamp ? 'stale' : 'exists';
  }
  if (there !== undefined && stamp < there.stamp && there.until > now) return 'stale';
  if (row.members >= limits.subscriptionsPerConnectionMax) return 'full';
  if (there !== undefined) tables.expiries.removeSync([there.until, connection.id, id]);
  tables.members.putSync([connection.id, id], { type: 'member', subscription, destination });
  tables.connections.putSync([connection.id], { ...row, members: row.members + 1 });
  if (listed) join(world, destination, subscriberOf(connection, subscription));
  return 'done';
}

export function enlist(
  world: World,
  connectionId: string,
  {
    id,
    stamp,
    destination,
  }: { readonly id: string; readonly stamp: Stamp; readonly destination: Destination },
): Subscriber | undefined {
  const row = rowOf(world, connectionId);
  if (row === undefined || row.connection.ended !== undefined) return undefined;
  const there = world.tables.members.get([connectionId, id]);
  if (there?.type !== 'member' || there.subscription.stamp !== stamp) return undefined;
  if (there.destination.canonical !== destination.canonical) return undefined;
  const subscriber = subscriberOf(row.connection, there.subscription);
  join(world, destination, subscriber);
  return subscriber;
}

export function unsubscribe(
  world: World,
  connectionId: string,
  { id, stamp }: { readonly id: string; readonly stamp: Stamp },
): 'done' | 'unknown' {
  const { tables, limits, now } = world;
  const row = rowOf(world, connectionId);
  if (row === undefined) return 'unknown';
  const there = tables.members.get([connectionId, id]);
  if (there?.type !== 'member') return there?.stamp === stamp ? 'done' : 'unknown';
  // Older than the SUBSCRIBE that stands: the repeat of one that took effect before it.
  if (stamp < there.subscription.stamp) return 'done';
  leave(world, there);
  const until = now + limits.tombstoneSeconds * 1000;
  tables.members.putSync([connectionId, id], { type: 'grave', stamp, until });
  tables.expiries.putSync([until, connectionId, id], 0);
  tables.connections.putSync([connectionId], { ...row, members: row.members - 1 });
  return 'done';
}

export function subscriptions(world: World, connectionId: string): readonly Subscription[] {
  if (rowOf(world, connectionId) === undefined) return [];
  return membersOf(world, connectionId).map((member) => member.subscription);
}

/** Takes a connection out of every audience. */
export function forgetMembers(world: World, connectionId: string): void {
  for (const member of membersOf(world, connectionId)) {
    leave(world, member);
    world.tables.members.removeSync([connectionId, member.subscription.id]);
  }
}

/** Subscribers are copies of the connection: those that stand in an audience are written anew. */
export function renewMembers(world: World, connection: Connection): void {
  for (const { subscription, destination } of membersOf(world, connection.id)) {
    const { table, begins } = placeOf(world.tables, destination);
    const key = [...begins, connection.id, subscription.id];
    if (table.get(key) === undefined) continue;
    join(world, destination, subscriberOf(connection, subscription));
  }
}

function membersOf({ tables }: World, connectionId: string): readonly MemberRow[] {
  return Array.from(
    tables.members.getRange(beginningWith(connectionId)),
    ({ value }) => value,
  ).filter((row) => row.type === 'member');
}

function join({ tables }: World, destination: Destination, subscriber: Subscriber): void {
  const { table, begins, version } = placeOf(tables, destination);
  table.putSync([...begins, subscriber.connectionId, subscriber.subscriptionId], subscriber);
  const changes = (tables.versions.get(CHANGES) ?? 0) + 1;
  tables.versions.putSync(CHANGES, changes);
  tables.versions.putSync(version, changes);
}

function leave({ tables }: World, { subscription, destination }: MemberRow): void {
  const { table, begins, version } = placeOf(tables, destination);
  table.removeSync([...begins, subscription.connectionId, subscription.id]);
  const [, name] = version;
  const empty = table.getKeysCount({ ...beginningWith(name), limit: 1 }) === 0;
  const changes = (tables.versions.get(CHANGES) ?? 0) + 1;
  tables.versions.putSync(CHANGES, changes);
  if (empty) tables.versions.removeSync(version);
  else tables.versions.putSync(version, changes);
}
