/**
 * SUBSCRIBE and UNSUBSCRIBE. Both first publish what the connection sent before them, so that the
 * frames of one client take effect in its order.
 */
import { type Destination, parseDestination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { SubscribeCommand, UnsubscribeCommand } from './model.ts';
import { answer, type Place, publishPending, type Session } from './session.ts';

/** Once the receipt is out, every message published later to the destination reaches it. */
export async function subscribe(
  command: SubscribeCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const { ports } = session;
  const destination = parseDestination(command.destination, ports.limits);
  assertServed(destination);
  if (command.ack !== 'auto') {
    throw new BrokerError(
      'not-supported',
      `ack:${command.ack} is not served yet`,
      'Acknowledgements come with queues; leave the ack header out, or say ack:auto.',
    );
  }
  // CONNECTED must be out before a message can be: another invocation may publish at once.
  if (session.publications.length > 0 || session.greeting) await publishPending(session);
  if (session.ended !== undefined) return;
  const outcome = await ports.store.subscribe(
    session.connection,
    {
      connectionId: session.connection.id,
      id: command.id,
      destination: command.destination,
      ack: command.ack,
      stamp: place.stamp,
    },
    destination,
  );
  if (outcome === 'exists') throw taken(command.id);
  if (outcome === 'full') throw full(ports.limits.subscriptionsPerConnectionMax);
  if (outcome === 'ended') session.ended = 'lost';
  if (command.receipt !== undefined) {
    answer(session, { type: 'receipt', receipt: command.receipt });
  }
}

/** Once the receipt is out, nothing published later is delivered to it. */
export async function unsubscribe(
  command: UnsubscribeCommand,
  session: Session,
  place: Place,
): Promise<void> {
  const { ports, connection } = session;
  if (session.publications.length > 0) await publishPending(session);
  const id = command.id ?? (await idOf(command.destination, session));
  const outcome =
    id === undefined ? 'unknown' : await ports.store.unsubscribe(connection.id, id, place.stamp);
  if (outcome === 'unknown') {
    throw new BrokerError(
      'subscription-unknown',
      'There is no such subscription',
      'UNSUBSCRIBE names the id given in SUBSCRIBE, on the same connection.',
    );
  }
  if (command.receipt !== undefined) {
    answer(session, { type: 'receipt', receipt: command.receipt });
  }
}

/** STOMP 1.0 "UNSUBSCRIBE": the destination may stand in for the id. */
async function idOf(spelt: string | undefined, session: Session): Promise<string | undefined> {
  if (spelt === undefined) return undefined;
  const { ports, connection } = session;
  const wanted = parseDestination(spelt, ports.limits).canonical;
  const all = await ports.store.subscriptions(connection.id);
  return all.find(
    ({ destination }) => parseDestination(destination, ports.limits).canonical === wanted,
  )?.id;
}

/** Refuses destinations that parse but lead nowhere yet. */
export function assertServed({ kind }: Destination): void {
  if (kind === 'topic') return;
  throw new BrokerError(
    'not-supported',
    `/${kind}/ is not served yet`,
    'Only /topic/… is; try /topic/greetings.',
  );
}

function taken(id: string): BrokerError {
  return new BrokerError(
    'subscription-exists',
    `The subscription id ${id.length > 40 ? `${id.slice(0, 39)}…` : id} is in use`,
    'Give every subscription of a connection its own id, or UNSUBSCRIBE the first.',
  );
}

function full(most: number): BrokerError {
  return new BrokerError(
    'too-many-subscriptions',
    `A connection may hold ${most} subscriptions`,
    'Subscribe to a pattern (/topic/orders.*), or open another connection.',
  );
}
