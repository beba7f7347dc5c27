/**
 * Rosters in the one table, a row a member. A change is read, made and written only if nobody wrote
 * between, else made again; written unseen and met as a repeat, it answers as it did. A row outlives
 * any connection that stands in it: what nobody has taken out is gone by itself.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Clock, Roster } from '../../broker/ports.ts';
import {
  changeMember,
  type MemberRecord,
  type Presence,
  type RosterChange,
} from '../../broker/roster.ts';
import { sessionsOf } from '../memory/roster.ts';
import { type Known, maps, number, onlyKnown, optionalText, text } from './attributes.ts';
import { readMembership } from './entries.ts';
import { type Patience, persist } from './patience.ts';
import { expiry, isLive } from './rows.ts';
import { type Key, memberKey, type Row } from './schema.ts';
import { dynamoTable, type Table } from './table.ts';

export interface DynamoRosterOptions extends Patience {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
}

/** How long a member that left is remembered, for a repeat of its leaving. */
const LEFT_SECONDS = 3600;

export function dynamoRoster(options: DynamoRosterOptions): Roster {
  const table = dynamoTable(options.client, options.tableName);
  const world = { ...options, table };
  return {
    /** As the others: 1 RRU and 1 WRU, the row being less than 1 KB up to four subscriptions. */
    async enter(room, membership, mark) {
      const outcome = await change(world, room, { type: 'enter', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async recall(room, membership, mark) {
      const outcome = await change(world, room, { type: 'recall', membership, mark });
      return outcome === 'entered' ? 'entered' : 'present';
    },
    async leave(room, membership, mark) {
      const outcome = await change(world, room, { type: 'leave', membership, mark });
      return outcome === 'left' ? 'left' : 'present';
    },
    async fade(room, membership, mark) {
      await change(world, room, { type: 'fade', membership, mark });
    },
    async gone(room, membership, mark) {
      const outcome = await change(world, room, { type: 'gone', membership, mark });
      return outcome === 'left' ? 'left' : 'present';
    },
    members: (room, after, most) => members(world, { room, after, most }),
  };
}

interface World extends DynamoRosterOptions {
  readonly table: Table;
}

async function change(world: World, room: string, wanted: RosterChange) {
  const { table, clock } = world;
  const key = memberKey(room, wanted.membership.member);
  return persist(
    async () => {
      const row = await table.get(key);
      const before = row && isLive(row, clock.now()) ? readMember(row) : undefined;
      const { record, outcome } = changeMember(before, wanted);
      const empty = before === undefined && record.presences.length === 0;
      if (empty || record === before) return outcome;
      return (await write(world, key, record, row)) ? outcome : undefined;
    },
    `A member of ${room} was changed by others time after time`,
    world,
  );
}

/** False: somebody wrote since `standing` was read. */
async function write(
  { table, clock, limits }: World,
  key: Key,
  { presences, came, left }: MemberRecord,
  standing: Row | undefined,
): Promise<boolean> {
  const version = standing === undefined ? 0 : number(standing, 'version');
  const seconds =
    presences.length > 0 ? limits.connectionSecondsMax + limits.tombstoneSeconds : LEFT_SECONDS;
  const row = {
    ...key,
    presences: presences.map((one) => ({ ...one, membership: { ...one.membership } })),
    ...(came !== undefined && { came }),
    ...(left !== undefined && { left }),
    version: version + 1,
    ...expiry(clock.now() + seconds * 1000),
  };
  const { done } = await table.put(
    row,
    version === 0
      ? { when: 'attribute_not_exists(#pk)' }
      : { when: '#version = :version', values: { version } },
  );
  return done;
}

const MEMBER: Known<MemberRecord> = { presences: true, came: true, left: true };
const PRESENCE: Known<Presence> = { membership: true, entered: true, faded: true };
const BESIDES = { pk: true, sk: true, version: true, expiresAt: true, expires: true } as const;

function readMember(row: Row): MemberRecord {
  onlyKnown(row, MEMBER, BESIDES);
  const came = optionalText(row, 'came');
  const left = optionalText(row, 'left');
  return {
    presences: maps(row, 'presences').map(readPresence),
    ...(came !== undefined && { came }),
    ...(left !== undefined && { left }),
  };
}

function readPresence(row: Row): Presence {
  onlyKnown(row, PRESENCE);
  const faded = optionalText(row, 'faded');
  return {
    membership: readMembership(row),
    entered: text(row, 'entered'),
    ...(faded !== undefined && { faded }),
  };
}

interface Wanted {
  readonly room: string;
  readonly after: string | undefined;
  readonly most: number;
}

/** 1 RRU for each 4 KB: some 10 members. Those who left within the hour are read as well. */
async function members({ table, clock }: World, { room, after, most }: Wanted) {
  const { pk } = memberKey(room, '');
  const attributes = ['sk', 'presences', 'came', 'left', 'expiresAt'];
  const now = clock.now();
  const found: { readonly member: string; readonly sessions: readonly string[] }[] = [];
  let from = after === undefined ? undefined : { pk, sk: after };
  do {
    const rowsMax = Math.max(1, most - found.length);
    const page = await table.query({ pk, attributes, rowsMax, ...(from && { from }) });
    for (const row of page.rows) {
      const record = readMember(row);
      if (!isLive(row, now) || record.presences.length === 0) continue;
      found.push({ member: text(row, 'sk'), sessions: sessionsOf(record) });
    }
    from = page.next;
  } while (from !== undefined && found.length < most);
  return found;
}
