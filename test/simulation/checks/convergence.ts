/**
 * Presence converges: once all is quiet the roster names exactly those who are subscribed to the
 * room, and so does what every watcher has been told; the watchers' within two sweeps of a lost
 * `$disconnect`, without anybody having posted to the dead (LANES 5).
 */
import type { Cast } from '../script.ts';
import type { MakeChecker } from './checker.ts';

export const convergence: MakeChecker = ({ plan, report }) => {
  // Nobody watches where only durable subscribers are.
  if (plan.scenario === 'queues') return {};
  function watched({ clients }: Cast, room: string): void {
    const there = present(clients, room);
    for (const watcher of clients) {
      const view = watcher.presence(`/presence${room}`);
      if (view === undefined || !watcher.subscriptions.has(`/presence${room}`)) continue;
      const told = names(view.members);
      if (told !== there) report(`${watcher.name} sees ${told} in ${room}, there are ${there}`);
    }
  }

  return {
    settled({ cast }) {
      // Members of a divided room are not asked whether they live: whoever posts to them learns it.
      if (plan.scenario === 'crowds') return;
      for (const room of roomsOf(cast)) watched(cast, room);
    },
    async quiet({ world, cast }) {
      for (const room of roomsOf(cast)) {
        watched(cast, room);
        const all = await world.kept.roster.members(room, undefined, 1000);
        const kept = names(all.map(({ member }) => member));
        const there = present(cast.clients, room);
        if (kept !== there) report(`the roster of ${room} has ${kept}, there are ${there}`);
      }
    },
  };
};

function roomsOf({ places }: Cast): readonly string[] {
  return places.filter((place) => place.startsWith('/room/'));
}

function present(clients: Cast['clients'], room: string): string {
  const there = clients.filter((client) => client.subscriptions.has(room));
  return names(there.map(({ name }) => name));
}

function names(some: Iterable<string>): string {
  return `[${[...some].sort().join(' ')}]`;
}
