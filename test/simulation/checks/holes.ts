/**
 * A conversation has no hole (fifo ingress): of what one connection sent to rooms, the logs hold the
 * beginning up to somewhere, and nothing from behind what they lack. LANES 1: a connection whose
 * message went to the dead letters is over.
 */
import type { MakeChecker } from './checker.ts';

export const holes: MakeChecker = ({ truth, plan, report }) => {
  if (plan.ingress === 'direct') return {};
  return {
    quiet() {
      const logged = truth.loggedBodies();
      const missing = new Map<string, string>();
      for (const { body, destination, connectionId, repeated } of truth.sents.values()) {
        if (!destination.startsWith('/room/') || repeated) continue;
        const hole = missing.get(connectionId);
        if (!logged.has(body)) missing.set(connectionId, hole ?? body);
        else if (hole !== undefined)
          report(`${connectionId}: ${hole} is missing, ${body} is there`);
      }
    },
  };
};
