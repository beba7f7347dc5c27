/** `$disconnect`: the last event of a connection. */
import { disconnectEvent, type Peer } from './events.ts';
import type { World } from './world.ts';

/** Best effort, once, unless a fault loses it or lets it come late. */
export function farewell(world: World, peer: Peer, code: number, reason: string): void {
  const handler = world.routes.disconnect;
  const { dice } = world;
  if (handler === undefined || dice?.happens(dice.faults.disconnectLost)) return;
  const run = async (): Promise<void> => {
    const late = dice?.delay(dice.faults.disconnectMilliseconds) ?? 0;
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
    const at = { requestId: world.newId(), requestTimeEpoch: world.clock.now(), code, reason };
    try {
      await world.within(handler(disconnectEvent(world.place, peer, at)));
    } catch (cause) {
      world.log.error('gateway.disconnect', cause, { requestId: at.requestId });
    }
  };
  const ending: Promise<void> = run().finally(() => world.endings.delete(ending));
  world.endings.add(ending);
}
