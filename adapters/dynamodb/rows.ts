/**
 * What the rows of the table hold: builders, and strict readers. A reader that meets a shape it does
 * not know throws, since a guess here would be a message lost or sent to a stranger.
 */
import type { Destination } from '../../broker/destination.ts';
import {
  ACTIONS,
  type AckMode,
  type Connection,
  type Ended,
  type Grant,
  type Half,
  type Principal,
  type Subscriber,
  type Subscription,
} from '../../broker/model.ts';
import { subscriberOf } from '../subscriber.ts';
import {
  after,
  type Known,
  map,
  maps,
  number,
  oneOf,
  onlyKnown,
  optionalNumber,
  optionalText,
  present,
  text,
  texts,
  unknownShape,
} from './attributes.ts';
import {
  audience,
  connectionKey,
  halfKey,
  type Key,
  PLACE_DIGITS,
  type Row,
  subscriberKey,
  subscriptionKey,
} from './schema.ts';

/** When a row is dead: `expiresAt` in milliseconds for reading, `expires` in seconds for TTL. */
export function expiry(milliseconds: number): { expiresAt: number; expires: number } {
  return { expiresAt: milliseconds, expires: Math.ceil(milliseconds / 1000) };
}

export function isLive(row: Row, now: number): boolean {
  return number(row, 'expiresAt') > now;
}

/** Of a connection's row, as `OPEN` of connections.ts says it in a condition. */
export function isOpen(row: Row | undefined, now: number): row is Row {
  return row !== undefined && isLive(row, now) && row['ended'] === undefined;
}

export function connectionRow(connection: Connection): Row {
  const { id, expiresAt, ...rest } = connection;
  return { ...connectionKey(id), ...present(rest), ...expiry(expiresAt) };
}

/** What `readConnection` and `readHalf` read: one Query finds both. */
export const FOUND_ATTRIBUTES = [
  'pk',
  'sk',
  'carrier',
  'dialect',
  'version',
  'session',
  'member',
  'connectedAt',
  'expiresAt',
  'stamp',
  'ended',
  'principal',
  'bytes',
  'since',
  'pieces',
] as const;

export function readConnection(row: Row): Connection {
  const dialect = optionalText(row, 'dialect');
  const version = optionalText(row, 'version');
  const session = optionalText(row, 'session');
  const member = optionalText(row, 'member');
  const ended = optionalText(row, 'ended');
  return {
    id: after('C#', text(row, 'pk')),
    carrier: text(row, 'carrier'),
    ...(dialect !== undefined && { dialect }),
    ...(version !== undefined && { version }),
    ...(session !== undefined && { session }),
    ...(member !== undefined && { member }),
    connectedAt: number(row, 'connectedAt'),
    expiresAt: number(row, 'expiresAt'),
    stamp: text(row, 'stamp'),
    ...(row['principal'] !== undefined && { principal: readPrincipal(map(row, 'principal')) }),
    ...(ended !== undefined && { ended: oneOf(ENDED, ended) }),
  };
}

const PRINCIPAL: Known<Principal> = {
  user: true,
  tokenId: true,
  expiresAt: true,
  grants: true,
  policy: true,
};
const GRANT: Known<Grant> = { pattern: true, actions: true };

/** A shape not known is a throw: a guess here would be a right too many. */
function readPrincipal(row: Row): Principal {
  onlyKnown(row, PRINCIPAL);
  const user = optionalText(row, 'user');
  const tokenId = optionalText(row, 'tokenId');
  const expiresAt = optionalNumber(row, 'expiresAt');
  return {
    ...(user !== undefined && { user }),
    ...(tokenId !== undefined && { tokenId }),
    ...(expiresAt !== undefined && { expiresAt }),
    grants: maps(row, 'grants').map((grant) => {
      onlyKnown(grant, GRANT);
      const actions = texts(grant, 'actions').map((action) => oneOf(ACTIONS, action));
      return { pattern: text(grant, 'pattern'), actions };
    }),
    policy: text(row, 'policy'),
  };
}

/** Without `half`: nothing is kept, but a piece older than `stamp` will not be either. */
export function halfRow(
  connectionId: string,
  half: Half | undefined,
  stamp: string,
  expiresAt: number,
): Row {
  return {
    ...halfKey(connectionId),
    ...(half && { bytes: half.bytes, since: half.since, pieces: half.pieces }),
    stamp,
    ...expiry(expiresAt),
  };
}

export function readHalf(row: Row): Half | undefined {
  const { bytes } = row;
  if (bytes === undefined) return undefined;
  if (!(bytes instanceof Uint8Array)) throw unknownShape('bytes', row);
  return {
    bytes,
    since: number(row, 'since'),
    pieces: number(row, 'pieces'),
    stamp: text(row, 'stamp'),
  };
}

export function subscriptionRow(subscription: Subscription, at: string, expiresAt: number): Row {
  const { connectionId, id, destination, ack, selector, stamp } = subscription;
  return {
    ...subscriptionKey(connectionId, id),
    destination,
    ack,
    ...(selector !== undefined && { selector }),
    stamp,
    audience: at,
    ...expiry(expiresAt),
  };
}

export function readSubscription(row: Row): Subscription {
  const selector = optionalText(row, 'selector');
  return {
    connectionId: after('C#', text(row, 'pk')),
    id: after('S#', text(row, 'sk')),
    destination: text(row, 'destination'),
    ack: oneOf(ACK_MODES, text(row, 'ack')),
    ...(selector !== undefined && { selector }),
    stamp: text(row, 'stamp'),
  };
}

/** Of a subscription's row, tombstone or not: where its subscriber row stands, or stood. */
export function readSubscriberKey(row: Row): Key {
  const connectionId = after('C#', text(row, 'pk'));
  return subscriberKey(text(row, 'audience'), connectionId, after('S#', text(row, 'sk')));
}

/** True for the tombstone of a subscription; `stamp` is then that of its UNSUBSCRIBE. */
export function isGone(row: Row): boolean {
  return row['gone'] !== undefined;
}

/** Of a connection's row: subscriptions that count, of which one may be a tombstone by now. */
export function readIds(row: Row): ReadonlySet<string> {
  const { ids } = row;
  if (ids === undefined) return new Set();
  if (!(ids instanceof Set)) throw unknownShape('ids', row);
  return new Set(
    [...ids].map((id: unknown) => {
      if (typeof id !== 'string') throw unknownShape('ids', row);
      return id;
    }),
  );
}

export function isSubscription(row: Row): boolean {
  return text(row, 'sk').startsWith('S#');
}

export function readSubscriptionId(row: Row): string {
  return after('S#', text(row, 'sk'));
}

export function readKey(row: Row): Key {
  return { pk: text(row, 'pk'), sk: text(row, 'sk') };
}

/** `dialect` and `version` are those of the session: fan-out reads nothing besides this row. */
export function subscriberRow(
  connection: Connection,
  subscription: Pick<Subscription, 'id' | 'ack' | 'selector' | 'stamp'>,
  destination: Destination,
): Row {
  const { connectionId, subscriptionId, expiresAt, ...shared } = subscriberOf(
    connection,
    subscription,
  );
  return {
    ...subscriberKey(audience(destination), connectionId, subscriptionId),
    ...shared,
    stamp: subscription.stamp,
    ...(destination.pattern && { segments: destination.segments }),
    ...expiry(expiresAt),
  };
}

/** What `readSubscriber` and `readPattern` read: no more is sent over the wire. */
export const SUBSCRIBER_ATTRIBUTES = [
  'sk',
  'carrier',
  'dialect',
  'version',
  'acks',
  'selector',
  'session',
  'member',
  'user',
  'tokenId',
  'tokenExpiresAt',
  'policy',
  'slowUntil',
  'connectedAt',
  'expiresAt',
  'segments',
] as const;

export function readSubscriber(row: Row): Subscriber {
  const sk = text(row, 'sk');
  const at = sk.indexOf('#');
  if (at <= PLACE_DIGITS) throw unknownShape('sk', row);
  const selector = optionalText(row, 'selector');
  const session = optionalText(row, 'session');
  const member = optionalText(row, 'member');
  const user = optionalText(row, 'user');
  const tokenId = optionalText(row, 'tokenId');
  const tokenExpiresAt = optionalNumber(row, 'tokenExpiresAt');
  const policy = optionalText(row, 'policy');
  const slowUntil = optionalNumber(row, 'slowUntil');
  return {
    connectionId: sk.slice(PLACE_DIGITS, at),
    subscriptionId: sk.slice(at + 1),
    carrier: text(row, 'carrier'),
    dialect: text(row, 'dialect'),
    version: text(row, 'version'),
    ...(row['acks'] === true && { acks: true }),
    ...(selector !== undefined && { selector }),
    ...(session !== undefined && { session }),
    ...(member !== undefined && { member }),
    ...(user !== undefined && { user }),
    ...(tokenId !== undefined && { tokenId }),
    ...(tokenExpiresAt !== undefined && { tokenExpiresAt }),
    ...(policy !== undefined && { policy }),
    ...(slowUntil !== undefined && { slowUntil }),
    connectedAt: number(row, 'connectedAt'),
    expiresAt: number(row, 'expiresAt'),
  };
}

/** The pattern's segments, or undefined for a subscriber of one destination. */
export function readPattern(row: Row): readonly string[] | undefined {
  const { segments } = row;
  if (segments === undefined) return undefined;
  if (!Array.isArray(segments)) throw unknownShape('segments', row);
  return segments.map((segment: unknown) => {
    if (typeof segment !== 'string') throw unknownShape('segments', row);
    return segment;
  });
}

export function readStamp(row: Row): string {
  return text(row, 'stamp');
}

const ENDED: readonly Ended[] = ['left', 'refused', 'lost'];
const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'client-individual'];
