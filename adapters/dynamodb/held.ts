/**
 * Subscriptions to logged destinations: `S#` is written by SUBSCRIBE, the subscriber row when the
 * log says so. As in SUBSCRIBE the row is written first, and then is looked at what it rests on:
 * an UNSUBSCRIBE or an end which the look does not see will see the row. A look that fails takes the
 * row back, also one that an earlier attempt left behind when it died.
 */
import type { Destination } from '../../broker/destination.ts';
import type { Connection, Stamp, Subscriber, Subscription } from '../../broker/model.ts';
import type { Held } from '../../broker/ports.ts';
import { subscriberOf } from '../subscriber.ts';
import { text } from './attributes.ts';
import { isGone, isLive, isOpen, readConnection, readStamp, readSubscription } from './rows.ts';
import { audience, connectionKey, subscriberKey, subscriptionKey } from './schema.ts';
import { enter, subscribe, type World } from './subscriptions.ts';

export function held(world: World): Held {
  return {
    /** 2 WRU and 1 RRU. */
    hold: (connection, subscription, destination) =>
      subscribe(world, { connection, subscription, destination, listed: false }),
    enlist: (connectionId, id, stamp, destination) =>
      enlist(world, { connectionId, id, stamp, destination }),
  };
}

interface Wanted {
  readonly connectionId: string;
  readonly id: string;
  readonly stamp: Stamp;
  readonly destination: Destination;
}

/** 1 WRU and 4 RRU; 1 WRU and 2 RRU if nothing is held. */
async function enlist(world: World, wanted: Wanted): Promise<Subscriber | undefined> {
  const { connectionId, id, stamp, destination } = wanted;
  const found = await standing(world, wanted);
  if (found !== undefined) {
    await enter(world, { ...found, destination });
    if (await standing(world, wanted)) {
      return subscriberOf(found.connection, found.subscription);
    }
  }
  await world.table.remove(subscriberKey(audience(destination), connectionId, id), {
    when: '#stamp = :stamp',
    values: { stamp },
  });
  return undefined;
}

interface Standing {
  readonly connection: Connection;
  readonly subscription: Subscription;
}

/** What is wanted, if the connection is open and has exactly this subscription. */
async function standing(
  { table, clock }: World,
  { connectionId, id, stamp, destination }: Wanted,
): Promise<Standing | undefined> {
  const [connection, subscription] = await Promise.all([
    table.get(connectionKey(connectionId)),
    table.get(subscriptionKey(connectionId, id)),
  ]);
  const now = clock.now();
  if (!isOpen(connection, now) || subscription === undefined) return undefined;
  const mine =
    !isGone(subscription) &&
    isLive(subscription, now) &&
    readStamp(subscription) === stamp &&
    text(subscription, 'audience') === audience(destination);
  if (!mine) return undefined;
  return {
    connection: readConnection(connection),
    subscription: readSubscription(subscription),
  };
}
