/**
 * The outbox of HTTP sessions: a post is an entry of the session's mailbox, fetched when its client
 * asks. A mailbox that nobody empties is closed, with a reason, and its connection is gone.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Delivery, Log, Mailboxes, Outbox, Outcome } from '../../broker/ports.ts';

export interface MailboxOutboxWorld {
  readonly mailboxes: Mailboxes;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** 1013 "Try Again Later" (IANA's registry of WebSocket close codes). */
const FULL = { code: 1013, reason: 'The client fetches its messages too slowly' };
const CLOSED = { code: 1000, reason: 'Normal closure' };

export function mailboxOutbox(world: MailboxOutboxWorld): Outbox {
  const { mailboxes, clock, limits, log } = world;
  const close = (connectionId: string, closed: typeof FULL) =>
    mailboxes.close(connectionId, closed, clock.now() + limits.sessionSeconds * 1000);

  async function append({ connectionId, posts }: Delivery): Promise<Outcome> {
    if (posts.some((post) => post.length > limits.mailboxBytesMax)) return 'too-large';
    try {
      const outcome = await mailboxes.append(connectionId, posts);
      if (outcome === 'done') return 'sent';
      if (outcome === 'full') await close(connectionId, FULL);
      return 'gone';
    } catch (cause) {
      log.error('post-failed', cause, { connectionId });
      return 'failed';
    }
  }

  return {
    async post(deliveries) {
      const outcomes: Outcome[] = [];
      for (let from = 0; from < deliveries.length; from += limits.postsAtOnceMax) {
        const some = deliveries.slice(from, from + limits.postsAtOnceMax);
        outcomes.push(...(await Promise.all(some.map(append))));
      }
      return outcomes;
    },
    async close(connectionId) {
      await close(connectionId, CLOSED);
    },
  };
}
