/**
 * Nobody is left without a word: once all is quiet everybody who wants to be connected is, every
 * receipt asked on an open connection has come, every wanted subscription has begun.
 */
import type { MakeChecker } from './checker.ts';

interface Waiting {
  readonly name: string;
  readonly connectionId: string | undefined;
  readonly wants: ReadonlySet<string>;
  readonly subscriptions: ReadonlyMap<string, { readonly answeredAt?: number }>;
  unanswered(): readonly string[];
}

export const mute: MakeChecker = ({ report }) => {
  function waits({ name, connectionId, wants, subscriptions, unanswered }: Waiting): void {
    if (connectionId === undefined) report(`${name} gets no connection`);
    if (unanswered().length > 0) report(`${name} waits for ${unanswered().join(' ')}`);
    for (const place of wants) {
      if (subscriptions.get(place)?.answeredAt !== undefined) continue;
      report(`${name} has no answer from ${place}`);
    }
  }

  return {
    settled({ cast }) {
      for (const worker of cast.workers) if (worker.wantsOnline) waits(worker);
    },
    quiet({ world, cast }) {
      if (world.queue.waiting > 0) report(`${world.queue.waiting} messages wait in the queue`);
      if (world.stream.waiting > 0) report(`${world.stream.waiting} records wait in the stream`);
      if (world.jobs.waiting > 0) report(`${world.jobs.waiting} jobs wait`);
      for (const client of cast.clients) if (client.wantsOnline) waits(client);
      for (const one of cast.faithful) if (one.wantsOnline) waits(one);
    },
  };
};
