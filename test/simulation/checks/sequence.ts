/** One sequence for all: under a position everybody gets the message that the log has there. */
import type { MakeChecker } from './checker.ts';

export const sequence: MakeChecker = ({ truth, report }) => ({
  observe(observation) {
    if (observation.type !== 'arrived') return;
    const { subscribed, got } = observation;
    if (got.position === undefined) return;
    const { epoch, seq } = got.position;
    const log = truth.logs.get(subscribed.destination);
    const logged = log?.messages[seq];
    if (log?.epoch === epoch && logged?.id === got.id && logged.body === got.body) return;
    report(
      `${subscribed.client} got ${got.body} as ${epoch}:${seq} of ${subscribed.destination}, where ${logged?.body ?? 'nothing'} stands`,
    );
  },
});
