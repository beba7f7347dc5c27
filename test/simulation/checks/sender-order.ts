/**
 * One connection's messages keep their order (fifo ingress): in a room by `seq`, on a topic as each
 * subscriber first gets them. Those sent again after a reconnect are left out: they have two places.
 * On a topic order is promised among what goes the same way: by one division of a large audience,
 * or by none.
 */
import type { MakeChecker } from './checker.ts';

export const senderOrder: MakeChecker = ({ truth, plan, report }) => {
  if (plan.ingress === 'direct') return {};
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  /** By body. */
  const ways = new Map<string, string>();

  function next(listener: string, body: string): void {
    const sent = truth.sents.get(body);
    if (sent === undefined || sent.repeated || seen.has(`${listener} ${body}`)) return;
    seen.add(`${listener} ${body}`);
    const key = `${listener} ${ways.get(body) ?? ''} ${sent.connectionId} ${sent.destination}`;
    const before = newest.get(key) ?? -1;
    if (sent.index < before) {
      report(
        `${body}, the ${sent.index}th of ${sent.connectionId}, comes behind the ${before}th: ${listener}`,
      );
    }
    newest.set(key, Math.max(before, sent.index));
  }

  function divided({ body, of }: { readonly body: string; readonly of: number }): void {
    const way = ways.get(body) ?? String(of);
    // Handed over twice, when its audience had grown: it has gone both ways.
    ways.set(body, way === String(of) ? way : body);
  }

  return {
    observe(observation) {
      if (observation.type === 'divided') divided(observation);
      if (observation.type === 'logged') {
        for (const entry of observation.record.entries) {
          if (entry.type !== 'message') continue;
          next('log', Buffer.from(entry.message.body).toString());
        }
      }
      if (observation.type === 'arrived' && observation.got.position === undefined) {
        const { connectionId, id } = observation.subscribed;
        next(`${connectionId} ${id}`, observation.got.body);
      }
    },
  };
};
