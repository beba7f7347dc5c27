/** One outbox of two: connections that are sockets, and those that are HTTP sessions. */
import { isSession, sessionOf } from '../broker/address.ts';
import type { Delivery, Liveness, Mailboxes, Outbox, Outcome } from '../broker/ports.ts';

export interface Outboxes {
  readonly sockets: Outbox;
  readonly sessions: Outbox;
}

/** Batches without a session are handed on as they are. */
export function routeOutbox({ sockets, sessions }: Outboxes): Outbox {
  return {
    async post(deliveries, options) {
      if (!deliveries.some(({ connectionId }) => isSession(connectionId))) {
        return sockets.post(deliveries, options);
      }
      const outcomes: Outcome[] = [];
      const hand = async (outbox: Outbox, wanted: boolean): Promise<void> => {
        const places: number[] = [];
        const mine: Delivery[] = [];
        for (const [place, delivery] of deliveries.entries()) {
          if (isSession(delivery.connectionId) !== wanted) continue;
          places.push(place);
          mine.push(delivery);
        }
        if (mine.length === 0) return;
        const answers = await outbox.post(mine, options);
        for (const [index, place] of places.entries()) outcomes[place] = answers[index] ?? 'failed';
      };
      await Promise.all([hand(sockets, false), hand(sessions, true)]);
      return outcomes;
    },
    close: (connectionId) => (isSession(connectionId) ? sessions : sockets).close(connectionId),
  };
}

/** A session lives as long as its mailbox is open. */
export function routeLiveness(sockets: Liveness, mailboxes: Pick<Mailboxes, 'find'>): Liveness {
  return {
    async alive(connectionId) {
      if (!isSession(connectionId)) return sockets.alive(connectionId);
      const mailbox = await mailboxes.find(sessionOf(connectionId));
      if (mailbox?.connectionId !== connectionId || mailbox.closed !== undefined) return false;
      return mailbox.socket === undefined || sockets.alive(mailbox.socket);
    },
  };
}
