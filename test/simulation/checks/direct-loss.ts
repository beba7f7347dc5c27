/**
 * The direct lane's smaller promise: a SEND to a topic that got its RECEIPT has reached everybody
 * whose SUBSCRIBE was answered before it was sent, who is connected still and whose posts the
 * gateway never refused; of a large audience, unless a job was given up, of which an alarm tells.
 */
import type { Subscribed } from '../truth.ts';
import type { MakeChecker } from './checker.ts';

export const directLoss: MakeChecker = ({ truth, report }) => {
  const got = new Map<string, Set<string>>();
  const keyOf = (connectionId: string, id: string) => `${connectionId} ${id}`;

  function missing(subscribed: Subscribed, givenUp: ReadonlySet<string>): void {
    const { client, connectionId, id, answeredAt, destination } = subscribed;
    const mine = got.get(keyOf(connectionId, id));
    for (const sent of truth.sents.values()) {
      if (sent.destination !== destination || sent.receiptedAt === undefined) continue;
      if (givenUp.has(sent.body)) continue;
      if (answeredAt === undefined || sent.at <= answeredAt || mine?.has(sent.body)) continue;
      report(`${client} (${connectionId} ${id}) never got ${sent.body}`);
    }
  }

  return {
    observe(observation) {
      if (observation.type !== 'arrived') return;
      const { connectionId, id } = observation.subscribed;
      const key = keyOf(connectionId, id);
      const bodies = got.get(key) ?? new Set();
      got.set(key, bodies.add(observation.got.body));
    },
    quiet({ world, cast }) {
      for (const subscribed of cast.clients.flatMap((one) => [...one.subscriptions.values()])) {
        const promised = subscribed.destination.startsWith('/topic/');
        if (promised && !world.gateway.wasRefused(subscribed.connectionId))
          missing(subscribed, world.jobs.givenUp);
      }
    },
  };
};
