/** No orphan: once all is quiet every subscriber stands for a connection that the gateway knows. */
import { parseDestination } from '../../../broker/destination.ts';
import { LIMITS } from '../../../broker/limits.ts';
import type { MakeChecker } from './checker.ts';

export const orphans: MakeChecker = ({ report }) => ({
  async quiet({ world, cast }) {
    for (const place of [...cast.places, ...cast.watched]) {
      const destination = parseDestination(place, LIMITS);
      const { subscribers } = await world.kept.store.subscribers(destination);
      for (const { connectionId, subscriptionId } of subscribers) {
        if (world.gateway.isOpen(connectionId)) continue;
        report(`${connectionId} ${subscriptionId} stands under ${place} and is closed`);
      }
    }
  },
});
