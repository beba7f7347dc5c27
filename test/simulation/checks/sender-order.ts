/**
 * One connection's messages keep their order (fifo ingress): in a room by `seq`, on a topic as each
 * subscriber first gets them. Those sent again after a reconnect are left out: they have two places.
 * On a topic order is promised among what goes the same way: by one division of a large audience,
 * or by none, and to nobody whose buffer was full.
 */
import type { MakeChecker } from './checker.ts';

export const senderOrder: MakeChecker = ({ truth, plan, report }) => {
  if (plan.ingress === 'direct') return {};
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  const full = new Set<string>();

  function next(listener: string, body: string, way = ''): void {
    const sent = truth.sents.get(body);
    if (sent === undefined || sent.repeated || seen.has(`${listener} ${body}`)) return;
    seen.add(`${listener} ${body}`);
    const key = `${listener} ${way} ${sent.connectionId} ${sent.destination}`;
    const before = newest.get(key) ?? -1;
    if (sent.index < before) {
      report(
        `${body}, the ${sent.index}th of ${sent.connectionId}, comes behind the ${before}th: ${listener}`,
      );
    }
    newest.set(key, Math.max(before, sent.index));
  }

  return {
    observe(observation) {
      if (observation.type === 'full') full.add(observation.connectionId);
      if (observation.type === 'logged') {
        for (const entry of observation.record.entries) {
          if (entry.type !== 'message') continue;
          next('log', Buffer.from(entry.message.body).toString());
        }
      }
      if (observation.type === 'arrived' && observation.got.position === undefined) {
        const { connectionId, id } = observation.subscribed;
        if (full.has(connectionId)) return;
        const { body, by } = observation.got;
        next(`${connectionId} ${id}`, body, by.part);
      }
    },
  };
};
