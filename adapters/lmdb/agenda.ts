/** Work for later in the LMDB folder: what a process that died had planned is done by the next. */
import type { Agenda, Clock, Ids, Task } from '../../broker/ports.ts';
import type { Tables } from './tables.ts';

type PlannedKey = [at: number, id: string];

export function lmdbAgenda({ root }: Pick<Tables, 'root'>, clock: Clock, ids: Ids): Agenda {
  /** AG: when, an id. */
  const planned = root.openDB<Task, PlannedKey>({ name: 'AG' });
  return {
    async schedule(seconds, task) {
      const key: PlannedKey = [clock.now() + seconds * 1000, ids.random()];
      root.transactionSync(() => planned.putSync(key, task));
    },
    async due(now, most) {
      root.resetReadTxn();
      const range = { end: [now + 1, ''] satisfies PlannedKey, limit: most };
      return Array.from(planned.getRange(range), ({ key: [at, id], value: task }) => ({
        key: `${at} ${id}`,
        task,
      }));
    },
    async settle(key) {
      const [at = '', id = ''] = key.split(' ');
      root.transactionSync(() => planned.removeSync([Number(at), id]));
    },
  };
}
