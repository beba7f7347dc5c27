/**
 * A subscription begins with its RECEIPT: no MESSAGE comes before it, and, unless a past was asked,
 * none that is older than the position it tells.
 */
import type { MakeChecker } from './checker.ts';

export const answerFirst: MakeChecker = ({ report }) => ({
  observe(observation) {
    if (observation.type !== 'arrived') return;
    const { subscribed, got } = observation;
    const { client, id, destination, since, position } = subscribed;
    // On the direct lane another invocation may publish before the answer is out.
    if (destination.startsWith('/topic/')) return;
    if (subscribed.answeredAt === undefined) {
      report(`${client} ${id} got ${got.body} of ${destination} before its RECEIPT`);
    } else if (position !== undefined && since === undefined && got.position !== undefined) {
      if (got.position.seq > position.seq) return;
      report(`${client} ${id} got ${got.body}, older than its join, from ${destination}`);
    }
  },
});
