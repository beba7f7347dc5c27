/** Names of the lives of logs. */
import type { Ids } from '../broker/ports.ts';

/** `[0-9a-z]`, as a position tells it: 48 random bits of the 122 that an id has. */
export function newEpoch(ids: Ids): string {
  return ids
    .random()
    .replace(/[^0-9a-z]/g, '')
    .slice(0, 12);
}
