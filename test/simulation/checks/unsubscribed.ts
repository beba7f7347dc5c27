/** Nothing sent after the RECEIPT of an UNSUBSCRIBE was read reaches that subscription. */
import type { MakeChecker } from './checker.ts';

export const unsubscribed: MakeChecker = ({ truth, report }) => ({
  observe(observation) {
    if (observation.type !== 'arrived') return;
    const { subscribed, got } = observation;
    const sent = truth.sents.get(got.body);
    if (subscribed.leftAt === undefined || sent === undefined || sent.at <= subscribed.leftAt)
      return;
    report(
      `${subscribed.client} (${subscribed.connectionId} ${subscribed.id}) left ${subscribed.destination} and got ${got.body}, sent later`,
    );
  },
});
