/**
 * Once stored, once read. A message stands once in its log, whatever was retried or sent again under
 * its publish id; and no client that keeps the helper's rule gets a message-id twice.
 */
import type { MakeChecker } from './checker.ts';

export const duplicates: MakeChecker = ({ report }) => {
  const logged = new Map<string, number>();
  const read = new Map<string, Set<string>>();
  return {
    observe(observation) {
      if (observation.type === 'logged') {
        const { record } = observation;
        for (const entry of record.entries) {
          if (entry.type !== 'message') continue;
          const body = Buffer.from(entry.message.body).toString();
          const place = `${record.destination} ${body}`;
          const before = logged.get(place);
          logged.set(place, record.seq);
          if (before === undefined) continue;
          report(`${body} stands twice in ${record.destination}: near ${before} and ${record.seq}`);
        }
      }
      if (observation.type === 'fresh') {
        const { subscribed, got } = observation;
        const key = `${subscribed.client} ${subscribed.destination}`;
        const ids = read.get(key) ?? new Set();
        read.set(key, ids);
        if (ids.has(got.id)) report(`${key} got ${got.id} (${got.body}) twice`);
        ids.add(got.id);
      }
    },
  };
};
