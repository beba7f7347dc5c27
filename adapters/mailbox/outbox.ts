/**
 * The outbox of HTTP sessions: a post is an entry of the session's mailbox, fetched when its client
 * asks. A mailbox that nobody empties is closed, with a reason, and its connection is gone.
 */

import { sessionOf } from '../../broker/address.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Delivery, Log, Mailboxes, Outbox, Outcome } from '../../broker/ports.ts';

export interface MailboxOutboxWorld {
  readonly mailboxes: Mailboxes;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** Where sessions go that have changed over to a WebSocket of their own. */
  readonly sockets?: Outbox;
}

/** 1013 "Try Again Later" (IANA's registry of WebSocket close codes). */
const FULL = { code: 1013, reason: 'The client fetches its messages too slowly' };
const CLOSED = { code: 1000, reason: 'Normal closure' };

export function mailboxOutbox(world: MailboxOutboxWorld): Outbox {
  const { mailboxes, clock, limits, log, sockets } = world;
  /** Gates known to be open: they never close again. */
  const moved = new Map<string, string>();
  const close = (connectionId: string, closed: typeof FULL) =>
    mailboxes.close(connectionId, closed, clock.now() + limits.sessionSeconds * 1000);

  async function hand(socket: string, delivery: Delivery): Promise<Outcome> {
    if (moved.size < limits.gatesRememberedMax) moved.set(delivery.connectionId, socket);
    const [outcome] = (await sockets?.post([{ ...delivery, connectionId: socket }])) ?? [];
    if (outcome === 'gone') moved.delete(delivery.connectionId);
    return outcome ?? 'failed';
  }

  async function append(delivery: Delivery): Promise<Outcome> {
    const { connectionId, posts } = delivery;
    const known = moved.get(connectionId);
    if (known !== undefined) return hand(known, delivery);
    if (posts.some((post) => post.length > limits.mailboxBytesMax)) return 'too-large';
    try {
      const outcome = await mailboxes.append(connectionId, posts);
      if (typeof outcome === 'object') return await hand(outcome.socket, delivery);
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
      for (let from = 0; from < deliveries.length; from += limits.appendsAtOnceMax) {
        const some = deliveries.slice(from, from + limits.appendsAtOnceMax);
        outcomes.push(...(await Promise.all(some.map(append))));
      }
      return outcomes;
    },
    async close(connectionId) {
      moved.delete(connectionId);
      const socket = (await mailboxes.find(sessionOf(connectionId)))?.socket;
      await close(connectionId, CLOSED);
      if (socket !== undefined) await sockets?.close(socket);
    },
  };
}
