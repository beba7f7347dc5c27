/** A subscription as fan-out finds it: what it needs of the connection, copied once. */
import type { AckMode, Connection, Subscriber } from '../broker/model.ts';

/** Throws for a connection that has neither dialect nor version: it cannot have subscribed. */
export function subscriberOf(
  connection: Connection,
  subscriptionId: string,
  ack: AckMode = 'auto',
): Subscriber {
  const { id, carrier, dialect, version, session, member, connectedAt, expiresAt } = connection;
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
    ...(session === undefined ? {} : { session }),
    ...(member === undefined ? {} : { member }),
    connectedAt,
    expiresAt,
  };
}
