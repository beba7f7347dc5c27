/**
 * Marks: of all that was posted of one message of a queue, only the first is not marked
 * `redelivered:true`. What a dead invocation had on its way may land later; nobody can mark it then.
 */
import type { MakeChecker } from './checker.ts';

export const marks: MakeChecker = ({ report }) => {
  const before = new Map<string, string>();
  return {
    observe(observation) {
      if (observation.type !== 'posted') return;
      const { destination, body, headers, by, connectionId } = observation.posted;
      if (!destination.startsWith('/queue/') || by.unrecorded) return;
      const key = `${destination} ${body}`;
      const first = before.get(key);
      before.set(key, connectionId);
      if (first === undefined || headers['redelivered'] === 'true') return;
      report(`${body} of ${destination} went to ${first}, and unmarked to ${connectionId}`);
    },
  };
};
