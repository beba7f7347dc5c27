/**
 * Once stored, once read. A message stands once in its log, whatever was retried or sent again under
 * its publish id; and no client that keeps the helper's rule gets a message-id twice. On a topic,
 * where clients drop repeats by their ids, one message has one, whoever posts it.
 */
import type { LogRecord } from '../../../broker/model.ts';
import type { Got, Subscribed } from '../truth.ts';
import type { MakeChecker } from './checker.ts';

export const duplicates: MakeChecker = ({ report }) => {
  const logged = new Map<string, number>();
  const read = new Map<string, Set<string>>();
  const named = new Map<string, string>();

  function stored({ destination, seq, entries }: LogRecord): void {
    for (const entry of entries) {
      if (entry.type !== 'message') continue;
      const body = Buffer.from(entry.message.body).toString();
      const place = `${destination} ${body}`;
      const before = logged.get(place);
      logged.set(place, seq);
      if (before === undefined) continue;
      report(`${body} stands twice in ${destination}: near ${before} and ${seq}`);
    }
  }

  function came({ destination }: Subscribed, { body, id }: Got): void {
    if (!destination.startsWith('/topic/')) return;
    const before = named.get(body) ?? id;
    named.set(body, before);
    if (before !== id) report(`${body} came as ${before} and as ${id}`);
  }

  function fresh({ client, destination }: Subscribed, { body, id }: Got): void {
    const key = `${client} ${destination}`;
    const ids = read.get(key) ?? new Set();
    read.set(key, ids);
    if (ids.has(id)) report(`${key} got ${id} (${body}) twice`);
    ids.add(id);
  }

  return {
    observe(observation) {
      if (observation.type === 'logged') stored(observation.record);
      if (observation.type === 'arrived') came(observation.subscribed, observation.got);
      if (observation.type === 'fresh') fresh(observation.subscribed, observation.got);
    },
  };
};
