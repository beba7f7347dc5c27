/** Connections, their tombstones and half frames, each function inside one transaction. */
import type { Connection, Ended, Half, Stamp } from '../../broker/model.ts';
import type { Found, SessionChange } from '../../broker/ports.ts';
import { forgetMembers, renewMembers } from './members.ts';
import { beginningWith, rowOf, type World } from './tables.ts';

export function open(world: World, connection: Connection): void {
  const { tables } = world;
  if (rowOf(world, connection.id) !== undefined) return;
  forget(world, connection.id);
  const row = { connection, members: 0, halfStamp: '', half: false };
  tables.connections.putSync([connection.id], row);
  tables.expiries.putSync([connection.expiresAt, connection.id], 0);
}

export function find(world: World, id: string): Found | undefined {
  const row = rowOf(world, id);
  if (row === undefined) return undefined;
  const half = row.half ? world.tables.halves.get([id]) : undefined;
  return { connection: row.connection, ...(half && { half }) };
}

export function openConnections({ tables, now }: World): readonly string[] {
  return [...tables.connections.getRange()]
    .filter(
      ({ value: { connection } }) => connection.ended === undefined && connection.expiresAt > now,
    )
    .map(({ value: { connection } }) => connection.id);
}

export function update(
  world: World,
  id: string,
  { change, stamp }: { readonly change: SessionChange; readonly stamp: Stamp },
): 'done' | 'stale' | 'ended' {
  const row = rowOf(world, id);
  if (row === undefined || row.connection.ended !== undefined) return 'ended';
  if (stamp < row.connection.stamp) return 'stale';
  if (stamp > row.connection.stamp) {
    const connection = Object.assign({}, row.connection, change, { stamp });
    world.tables.connections.putSync([id], { ...row, connection });
    if (change.principal !== undefined) renewMembers(world, connection);
  }
  return 'done';
}

export function end(world: World, id: string, ended: Ended): void {
  const { tables, limits, now } = world;
  const row = rowOf(world, id);
  if (row === undefined) return;
  const { connection } = row;
  if (connection.ended === undefined) {
    forgetMembers(world, id);
    const expiresAt = now + limits.tombstoneSeconds * 1000;
    tables.expiries.removeSync([connection.expiresAt, id]);
    tables.expiries.putSync([expiresAt, id], 0);
    tables.halves.removeSync([id]);
    const tombstone = Object.assign({}, connection, { ended, expiresAt });
    tables.connections.putSync([id], { ...row, connection: tombstone, members: 0, half: false });
  } else if (connection.ended === 'lost') {
    tables.connections.putSync([id], { ...row, connection: { ...connection, ended } });
  }
}

export function keepHalf(
  world: World,
  id: string,
  { half, stamp }: { readonly half: Half | undefined; readonly stamp: Stamp },
): void {
  const { tables } = world;
  const row = rowOf(world, id);
  if (row === undefined || row.connection.ended !== undefined || stamp <= row.halfStamp) return;
  if (half !== undefined) tables.halves.putSync([id], { ...half, bytes: Buffer.from(half.bytes) });
  else if (row.half) tables.halves.removeSync([id]);
  tables.connections.putSync([id], { ...row, halfStamp: stamp, half: half !== undefined });
}

/** Expired records dropped by one call: few enough to be felt by none, enough to keep up. */
const SWEPT_PER_CALL = 4;

/** Drops some records whose time is over. */
export function sweep(world: World): void {
  const { tables, now } = world;
  const range = { end: [now + 1], limit: SWEPT_PER_CALL };
  for (const key of [...tables.expiries.getKeys(range)]) {
    const [, connectionId, subscriptionId] = key;
    tables.expiries.removeSync(key);
    if (typeof connectionId !== 'string') continue;
    if (typeof subscriptionId === 'string') dropGrave(world, [connectionId, subscriptionId]);
    else if (rowOf(world, connectionId) === undefined) forget(world, connectionId);
  }
}

function dropGrave({ tables, now }: World, key: [string, string]): void {
  const grave = tables.members.get(key);
  if (grave?.type === 'grave' && grave.until <= now) tables.members.removeSync(key);
}

/** Everything of one connection; what has no record leaves none behind. */
function forget(world: World, id: string): void {
  const { tables } = world;
  if (tables.connections.get([id]) === undefined) return;
  forgetMembers(world, id);
  for (const key of [...tables.members.getKeys(beginningWith(id))]) tables.members.removeSync(key);
  tables.halves.removeSync([id]);
  tables.connections.removeSync([id]);
}
