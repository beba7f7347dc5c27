/**
 * Temporary reply destinations: `reply-to:/temp-queue/answers` on a SEND becomes a name that nobody
 * else can guess, and the sender is subscribed to it. Whoever gets the message sends the answer
 * there; only its owner hears it. It ends with the connection.
 */
import { type Destination, parseDestination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Headers } from './model.ts';
import type { Place, Session } from './session.ts';
import { SYNONYMS } from './synonyms.ts';

/** Stands between the owner's session and the name it chose; in neither of them. */
const SEAM = '~';

/** The owner's `/temp-queue/name` as everybody else must call it. */
export function ownName(destination: Destination, { connection }: Session): string {
  const [name = ''] = destination.segments;
  if (destination.segments.length === 1 && !name.includes(SEAM)) {
    return `/temp-queue/${connection.session ?? ''}${SEAM}${name}`;
  }
  throw new BrokerError(
    'destination-invalid',
    'A temporary queue is its owner’s own',
    'Name your own without ~ or a second /: /temp-queue/answers. Send answers to the reply-to you got.',
  );
}

/** To send to one, the name its owner gave out. */
export function assertReachable({ segments }: Destination): void {
  if (segments.length === 1 && segments[0]?.includes(SEAM)) return;
  throw new BrokerError(
    'destination-invalid',
    'There is no such temporary queue',
    'Send to the reply-to header of the message you answer, as it came.',
  );
}

/** Whether there is a `reply-to` to be rewritten. */
export function wantsReply(headers: Headers): boolean {
  return replyToOf(headers)?.startsWith('/temp-queue/') === true;
}

function replyToOf(headers: Headers): string | undefined {
  const [name] = SYNONYMS.replyTo;
  return headers.find(([key]) => key === name)?.[1];
}

/**
 * Headers with `reply-to` rewritten, and the sender subscribed to it under the name it gave, as
 * RabbitMQ does. Anything but a temporary queue passes as it is.
 */
export async function withReplyTo(
  headers: Headers,
  session: Session,
  { stamp }: Place,
): Promise<Headers> {
  const [name] = SYNONYMS.replyTo;
  const asked = replyToOf(headers);
  if (asked === undefined || !asked.startsWith('/temp-queue/')) return headers;
  const { ports, connection } = session;
  const destination = parseDestination(asked, ports.limits);
  if (destination.segments[0]?.includes(SEAM)) return headers;
  const own = ownName(destination, session);
  const subscription = {
    connectionId: connection.id,
    id: asked,
    destination: asked,
    ack: 'auto' as const,
    stamp,
  };
  const outcome = await ports.store.subscribe(
    connection,
    subscription,
    parseDestination(own, ports.limits),
  );
  if (outcome === 'full') {
    throw new BrokerError(
      'too-many-subscriptions',
      'No subscription is left for the reply-to',
      `A connection may hold ${ports.limits.subscriptionsPerConnectionMax}; a reply-to is one of them.`,
    );
  }
  return headers.map((pair) => (pair[0] === name ? ([name, own] as const) : pair));
}
