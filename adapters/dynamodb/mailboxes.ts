/**
 * Mailboxes in the one table, an item a session, its posts a list: `M#session`. Every change is one
 * conditional write. A take removes what it has read from the front of the list, on condition that
 * nobody has taken since, so appends never stand in its way; met as a repeat of itself it has
 * succeeded. An append that the client library repeats after a lost answer may be there twice: the
 * same message with the same message-id.
 *
 * A write costs 1 WRU for each KB of the item, which is why a mailbox is small. A wait reads the
 * item again and again, for nothing can wake another environment: ½ RRU a look while it is empty,
 * since a look that is a moment late is only a look.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { sessionOf } from '../../broker/address.ts';
import type { Limits } from '../../broker/limits.ts';
import type {
  Clock,
  Gates,
  Ids,
  Lease,
  Mailbox,
  MailboxClosed,
  Mailboxes,
  Taken,
  Timer,
} from '../../broker/ports.ts';
import { list, number, optionalText, text, unknownShape } from './attributes.ts';
import { expiry, isLive } from './rows.ts';
import { mailboxKey, type Row } from './schema.ts';
import { dynamoTable, type Table } from './table.ts';

export interface DynamoMailboxesOptions {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly limits: Limits;
}

interface World extends DynamoMailboxesOptions {
  readonly table: Table;
}

/** How long between two looks: short at first, for an answer mostly follows its question. */
const LOOK_MILLISECONDS = 50;
const LOOK_MILLISECONDS_MAX = 250;
/** An update's expression has 4 KB: so many list elements can be named in one. */
const TAKEN_AT_ONCE = 200;

const LIVE = 'attribute_exists(#pk) AND #expiresAt > :now';
const UNCLOSED = `${LIVE} AND attribute_not_exists(#closedCode)`;
/** Its posts are fetched: no gate is open. */
const OPEN = `${UNCLOSED} AND attribute_not_exists(#socket)`;

export function dynamoMailboxes(options: DynamoMailboxesOptions): Mailboxes & Gates {
  const world: World = { ...options, table: dynamoTable(options.client, options.tableName) };
  return {
    open: (session, connectionId, lease) => open(world, session, connectionId, lease),
    find: async (session) => shown(await live(world, session)),
    append: (connectionId, posts) => append(world, connectionId, posts),
    receive: (session, lease) => receive(world, session, lease),
    take: (session, receiver) => take(world, session, receiver),
    release: (session, receiver, expiresAt) => release(world, session, receiver, expiresAt),
    close: (connectionId, closed, expiresAt) => close(world, { connectionId, closed, expiresAt }),
    probe: (session, until) => probe(world, session, until),
    move: (session, socket) => move(world, session, socket),
    changed: (session, milliseconds, signal) => changed(world, { session, milliseconds, signal }),
  };
}

/** A Query, as other reads of the table are: every function that posts may make one. */
async function live(
  { table, clock }: World,
  session: string,
  eventually = false,
): Promise<Row | undefined> {
  const { pk, sk } = mailboxKey(session);
  const { rows } = await table.query({ pk, range: [sk, sk], attributes: READ, eventually });
  const [row] = rows;
  return row !== undefined && isLive(row, clock.now()) ? row : undefined;
}

const READ = [
  'connectionId',
  'posts',
  'count',
  'taken',
  'receiver',
  'expiresAt',
  'closedCode',
  'closedReason',
  'socket',
  'probedUntil',
];

/** 1 WRU. */
async function open(
  { table, clock }: World,
  session: string,
  connectionId: string,
  { receiver, until, expiresAt }: Lease,
): Promise<'opened' | 'exists'> {
  const counters = { posts: [], size: 0, count: 0, taken: 0 };
  const row = { ...mailboxKey(session), connectionId, receiver, until, ...counters };
  const written = await table.put(
    { ...row, ...expiry(expiresAt) },
    {
      when: 'attribute_not_exists(#pk) OR #expiresAt <= :now',
      values: { now: clock.now() },
    },
  );
  if (written.done) return 'opened';
  // A repeat of the same opening, by the client library.
  return written.row !== undefined && optionalText(written.row, 'receiver') === receiver
    ? 'opened'
    : 'exists';
}

/** 1 WRU for each KB of what waits then. */
async function append(
  { table, clock, limits }: World,
  connectionId: string,
  posts: readonly Uint8Array[],
): Promise<'done' | 'gone' | 'full' | { readonly socket: string }> {
  const size = posts.reduce((sum, post) => sum + post.length, 0);
  if (size > limits.mailboxBytesMax || posts.length > limits.mailboxPostsMax) return 'full';
  const now = clock.now();
  const mine = `${OPEN} AND #connectionId = :connectionId`;
  const { done, row } = await table.update(mailboxKey(sessionOf(connectionId)), {
    set: 'SET #posts = list_append(#posts, :posts), #size = #size + :size, #count = #count + :more',
    when: `${mine} AND #size <= :sizeMax AND #count <= :countMax`,
    values: {
      now,
      connectionId,
      posts,
      size,
      more: posts.length,
      sizeMax: limits.mailboxBytesMax - size,
      countMax: limits.mailboxPostsMax - posts.length,
    },
  });
  if (done) return 'done';
  const open = row !== undefined && isLive(row, now) && row['closedCode'] === undefined;
  if (!open || text(row, 'connectionId') !== connectionId) return 'gone';
  const socket = optionalText(row, 'socket');
  return socket === undefined ? 'full' : { socket };
}

/** 1 WRU. */
async function receive(
  { table, clock }: World,
  session: string,
  { receiver, until, expiresAt }: Lease,
): Promise<Mailbox | 'unknown' | 'busy'> {
  const now = clock.now();
  const free = 'attribute_not_exists(#receiver) OR #receiver = :receiver OR #until <= :now';
  const { done, row } = await table.update(mailboxKey(session), {
    set: 'SET #receiver = :receiver, #until = :until, #expiresAt = :expiresAt, #expires = :expires',
    when: `${OPEN} AND (${free})`,
    values: { now, receiver, until, ...expiry(expiresAt) },
  });
  if (row === undefined || (!done && !isLive(row, now))) return 'unknown';
  const mailbox = shown(row);
  const settled = mailbox?.closed !== undefined || mailbox?.socket !== undefined;
  return done || settled ? (mailbox ?? 'unknown') : 'busy';
}

/** 1 RRU; where something waits also 1 WRU for each KB of it. */
async function take(world: World, session: string, receiver: string): Promise<Taken | 'lost'> {
  const row = await live(world, session);
  if (row === undefined) return 'lost';
  const closed = closedOf(row);
  if (closed === undefined && optionalText(row, 'receiver') !== receiver) return 'lost';
  if (closed === undefined && row['socket'] !== undefined) return 'lost';
  const posts = list(row, 'posts')
    .slice(0, TAKEN_AT_ONCE)
    .map((post) => bytesOf(post, row));
  if (posts.length > 0 && !(await removeFirst(world, session, row, posts))) {
    return take(world, session, receiver);
  }
  const more = list(row, 'posts').length > posts.length;
  // The reason comes last: behind what a single update could not take.
  return closed === undefined || more ? { posts } : { posts, closed };
}

async function removeFirst(
  { table, ids }: World,
  session: string,
  row: Row,
  posts: readonly Uint8Array[],
): Promise<boolean> {
  const taken = number(row, 'taken');
  const by = ids.random();
  const size = posts.reduce((sum, post) => sum + post.length, 0);
  const places = posts.map((_, index) => `#posts[${index}]`).join(', ');
  const counted = '#size = #size - :size, #count = #count - :fewer, #taken = :after, #by = :by';
  const { done, row: stood } = await table.update(mailboxKey(session), {
    set: `SET ${counted} REMOVE ${places}`,
    when: '#taken = :taken AND #connectionId = :connectionId',
    values: {
      taken,
      after: taken + posts.length,
      by,
      size,
      fewer: posts.length,
      connectionId: text(row, 'connectionId'),
    },
  });
  return done || (stood !== undefined && optionalText(stood, 'by') === by);
}

/** 1 WRU. */
async function release(
  { table, clock }: World,
  session: string,
  receiver: string,
  expiresAt: number,
): Promise<void> {
  await table.update(mailboxKey(session), {
    set: 'SET #expiresAt = :expiresAt, #expires = :expires REMOVE #receiver',
    when: `${LIVE} AND #receiver = :receiver`,
    values: { now: clock.now(), receiver, ...expiry(expiresAt) },
  });
}

interface Closing {
  readonly connectionId: string;
  readonly closed: MailboxClosed;
  readonly expiresAt: number;
}

/** 1 WRU for each KB of what waits; twice where the session would have lived longer anyway. */
async function close(
  { table, clock }: World,
  { connectionId, closed, expiresAt }: Closing,
): Promise<boolean> {
  const key = mailboxKey(sessionOf(connectionId));
  const mine = `${UNCLOSED} AND #connectionId = :connectionId`;
  const values = { now: clock.now(), connectionId, ...closed };
  const set = 'SET #closedCode = :code, #closedReason = :reason';
  const longer = await table.update(key, {
    set: `${set}, #expiresAt = :expiresAt, #expires = :expires`,
    when: `${mine} AND #expiresAt <= :expiresAt`,
    values: { ...values, ...expiry(expiresAt) },
  });
  if (longer.done) return true;
  return (await table.update(key, { set, when: mine, values })).done;
}

/** 1 WRU for each KB of what waits. */
async function probe({ table, clock }: World, session: string, until: number): Promise<boolean> {
  const { done } = await table.update(mailboxKey(session), {
    set: 'SET #probedUntil = :until',
    when: OPEN,
    values: { now: clock.now(), until },
  });
  return done;
}

/** 1 WRU. A repeat of itself, by the client library, finds the gate open to the same socket. */
async function move(
  { table, clock }: World,
  session: string,
  socket: string,
): Promise<'moved' | 'waiting' | 'lost'> {
  const now = clock.now();
  const { done, row } = await table.update(mailboxKey(session), {
    set: 'SET #socket = :socket',
    when: `${OPEN} AND #receiver = :socket AND #count = :none`,
    values: { now, socket, none: 0 },
  });
  if (done) return 'moved';
  if (row === undefined || !isLive(row, now) || closedOf(row) !== undefined) return 'lost';
  const known = optionalText(row, 'socket');
  if (known !== undefined) return known === socket ? 'moved' : 'lost';
  return optionalText(row, 'receiver') === socket ? 'waiting' : 'lost';
}

interface Wait {
  readonly session: string;
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

async function changed(world: World, { session, milliseconds, signal }: Wait): Promise<void> {
  let left = milliseconds;
  let pause = LOOK_MILLISECONDS;
  while (left > 0 && !signal.aborted && !isSettled(await live(world, session, true))) {
    const now = Math.min(pause, left);
    await world.timer.sleep(now);
    left -= now;
    pause = Math.min(pause * 1.5, LOOK_MILLISECONDS_MAX);
  }
}

function isSettled(row: Row | undefined): boolean {
  return row === undefined || closedOf(row) !== undefined || number(row, 'count') > 0;
}

function shown(row: Row | undefined): Mailbox | undefined {
  if (row === undefined) return undefined;
  const closed = closedOf(row);
  const connectionId = text(row, 'connectionId');
  const socket = optionalText(row, 'socket');
  return {
    connectionId,
    ...(closed === undefined ? {} : { closed }),
    ...(socket === undefined ? {} : { socket }),
    ...(row['probedUntil'] === undefined ? {} : { probedUntil: number(row, 'probedUntil') }),
  };
}

function closedOf(row: Row): MailboxClosed | undefined {
  if (row['closedCode'] === undefined) return undefined;
  return { code: number(row, 'closedCode'), reason: text(row, 'closedReason') };
}

function bytesOf(value: unknown, row: Row): Uint8Array {
  if (!(value instanceof Uint8Array)) throw unknownShape('posts', row);
  return value;
}
