/** Work for later in this process's memory, gone with it. */
import type { Agenda, Clock, DueTask } from '../../broker/ports.ts';

export function memoryAgenda(clock: Clock): Agenda {
  const tasks = new Map<string, DueTask & { readonly at: number }>();
  let count = 0;
  return {
    async schedule(seconds, task) {
      const key = String(count++);
      tasks.set(key, { key, task, at: clock.now() + seconds * 1000 });
    },
    async due(now, most) {
      return [...tasks.values()]
        .filter(({ at }) => at <= now)
        .sort((a, b) => a.at - b.at)
        .slice(0, most);
    },
    async settle(key) {
      tasks.delete(key);
    },
  };
}
