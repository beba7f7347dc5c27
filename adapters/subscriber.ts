/** A subscription as fan-out finds it: what it needs of the connection, copied once. */
import type { Connection, Subscriber, Subscription } from '../broker/model.ts';

/** Throws for a connection that has neither dialect nor version: it cannot have subscribed. */
export function subscriberOf(
  connection: Connection,
  { id: subscriptionId, ack, selector }: Pick<Subscription, 'id' | 'ack' | 'selector'>,
): Subscriber {
  const { id, carrier, dialect, version, session, member, connectedAt, expiresAt } = connection;
  const { user, tokenId, expiresAt: tokenExpiresAt, policy } = connection.principal ?? {};
  if (dialect === undefined || version === undefined) {
    throw new Error(`${id} subscribes before it has a dialect and a version`);
  }
  return {
    connectionId: id,
    subscriptionId,
    carrier,
    dialect,
    version,
    ...(ack === 'auto' ? {} : { acks: true }),
    ...(selector === undefined ? {} : { selector }),
    ...(session === undefined ? {} : { session }),
    ...(member === undefined ? {} : { member }),
    ...(user === undefined ? {} : { user }),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(tokenExpiresAt === undefined ? {} : { tokenExpiresAt }),
    ...(policy === undefined ? {} : { policy }),
    connectedAt,
    expiresAt,
  };
}
