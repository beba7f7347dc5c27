/**
 * The greeting of a SockJS client on a WebSocket: `o`, without which it gives the socket up after
 * some 600 ms. Nothing can be posted before `$connect` has answered, so `$connect` has this run
 * beside it, and here a 410 means "not yet".
 *
 * A client that hears `o` twice closes ("Server lost session"), and an asynchronous invocation may
 * come twice: so a greeting is claimed first, and is sent at most once.
 */
import { sessionConnectionId } from '../broker/address.ts';
import { endConnection } from '../broker/ending.ts';
import type { Mailboxes, Ports } from '../broker/ports.ts';
import { OPEN } from '../protocol/sockjs/frames.ts';
import { beatLater, engineOpening } from './engineio-sessions.ts';
import type { QueueEvent } from './events.ts';

export interface Greeting {
  readonly connectionId: string;
  /** Engine.IO's open packet, not SockJS's `o`. */
  readonly engine?: boolean;
}

/** 10, 20, 40 … ms between the tries. */
const FIRST_PAUSE_MILLISECONDS = 10;
/** A repeat of an asynchronous invocation may come minutes later. */
const CLAIM_SECONDS = 3600;

export function greetHandler(
  ports: Ports,
  mailboxes: Mailboxes,
): (greeting: Greeting) => Promise<void> {
  return async ({ connectionId, engine }) => {
    if (!(await claim(connectionId, ports, mailboxes))) return;
    const { clock, timer, outbox, limits, log } = ports;
    const until = clock.now() + limits.greetSecondsMax * 1000;
    const text = engine ? engineOpening(ports, ports.ids.random(), []) : OPEN;
    // Of no age, so that the outbox does not wait on its own account.
    const greeting = { connectionId, connectedAt: 0, posts: [Buffer.from(text)] };
    for (let pause = FIRST_PAUSE_MILLISECONDS; ; pause *= 2) {
      const [outcome] = await outbox.post([greeting]);
      if (outcome === 'sent') return engine ? beatLater(connectionId, ports) : undefined;
      if (outcome !== 'gone' || clock.now() + pause > until) break;
      await timer.sleep(pause);
    }
    log.info('not-greeted', { connectionId });
    await endConnection(connectionId, 'lost', ports);
    await outbox.close(connectionId);
  };
}

/** Messages of the queue of greetings. One that failed is not tried again: it would be too late. */
export function greetingsHandler(
  read: (body: string) => Greeting | undefined,
  greet: (greeting: Greeting) => Promise<void>,
): (event: QueueEvent) => Promise<void> {
  return async ({ Records }) => {
    const greetings = Records.map(({ body }) => read(body));
    await Promise.all(greetings.map((greeting) => greeting && greet(greeting)));
  };
}

/** True once: a mailbox that nobody reads, named by the greeting, is the mark. */
async function claim(
  connectionId: string,
  { clock }: Ports,
  mailboxes: Mailboxes,
): Promise<boolean> {
  const name = `o.${connectionId}`;
  const until = clock.now() + CLAIM_SECONDS * 1000;
  const lease = { receiver: name, until, expiresAt: until };
  return (await mailboxes.open(name, sessionConnectionId(name, '0'), lease)) === 'opened';
}
