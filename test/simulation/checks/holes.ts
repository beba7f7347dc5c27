/**
 * A conversation has no hole (fifo ingress): of what one connection sent to a room, its log holds the
 * beginning up to somewhere, and nothing from behind what it lacks. LANES 1: a connection whose
 * message went to the dead letters is over. Rooms are held apart: one batch appends to them side by
 * side, and what fails in one is told by the ERROR that ends the connection.
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
        const conversation = `${connectionId} ${destination}`;
        const hole = missing.get(conversation);
        if (!logged.has(body)) missing.set(conversation, hole ?? body);
        else if (hole !== undefined)
          report(`${conversation}: ${hole} is missing, ${body} is there`);
      }
    },
  };
};
