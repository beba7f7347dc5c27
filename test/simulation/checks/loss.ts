/**
 * Nothing acknowledged is lost. A SEND to a room that got its RECEIPT stands in the room's log; and
 * whoever is subscribed, or was and resumed, gets every message of the log from where it began,
 * without a gap. LANES 4: "exactly once for whoever drops seq ≤ last".
 */
import type { Subscribed } from '../truth.ts';
import type { MakeChecker } from './checker.ts';

export const loss: MakeChecker = ({ truth, report }) => {
  /** Reports what between the two, both excluded, was meant for this subscription. */
  function gap(subscribed: Subscribed, after: number, before: number): void {
    const log = truth.logs.get(subscribed.destination);
    for (let seq = after + 1; seq < before; seq++) {
      const missed = log?.messages[seq];
      if (missed !== undefined && truth.isFor(missed.body, subscribed)) {
        report(
          `${subscribed.client} (${subscribed.connectionId} ${subscribed.id}) never got ${missed.body}, seq ${seq} of ${subscribed.destination}`,
        );
      }
    }
  }

  return {
    observe(observation) {
      if (observation.type !== 'fresh') return;
      const { subscribed, got, after } = observation;
      if (got.position !== undefined) gap(subscribed, after, got.position.seq);
    },
    quiet({ cast }) {
      const logged = truth.loggedBodies();
      for (const sent of truth.sents.values()) {
        if (sent.receiptedAt === undefined || sent.destination.startsWith('/topic/')) continue;
        if (!logged.has(sent.body)) report(`${sent.body} got its RECEIPT and is in no log`);
      }
      for (const client of cast.clients) {
        for (const subscribed of client.subscriptions.values()) {
          if (subscribed.answeredAt === undefined) continue;
          const end = truth.logs.get(subscribed.destination)?.messages.length ?? 0;
          gap(subscribed, client.cursor(subscribed.destination)?.seq ?? 0, end);
        }
      }
    },
  };
};
