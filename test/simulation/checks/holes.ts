/**
 * A conversation has no hole (fifo ingress): of what one connection sent to rooms and queues, the
 * logs hold the beginning up to somewhere, and nothing from behind what they lack. LANES 1: a
 * connection whose message went to the dead letters is over.
 *
 * One thing is excused. A batch appends to its logs side by side: where one of them fails, or the
 * invocation dies, another may hold what was sent later. Both were then under way in one invocation,
 * and nothing that any other appends may stand behind.
 */
import type { Sent } from '../truth.ts';
import type { MakeChecker } from './checker.ts';

export const holes: MakeChecker = ({ truth, plan, report }) => {
  if (plan.ingress === 'direct') return {};
  return {
    quiet({ world }) {
      const logged = truth.loggedBodies();
      const missing = new Map<string, Sent[]>();
      for (const sent of truth.sents.values()) {
        const { body, destination, connectionId } = sent;
        if (destination.startsWith('/topic/') || sent.repeated) continue;
        const lacks = missing.get(connectionId) ?? [];
        missing.set(connectionId, lacks);
        if (!logged.has(body)) {
          lacks.push(sent);
          continue;
        }
        const hole = lacks.find(
          (one) =>
            one.destination === destination ||
            !world.attempts.besideUnfinished(sent, one.destination),
        );
        if (hole !== undefined)
          report(`${connectionId}: ${hole.body} is missing, ${body} is there`);
      }
    },
  };
};
