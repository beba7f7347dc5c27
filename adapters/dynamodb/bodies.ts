/**
 * Large bodies of a log's last change: rows of their own, written before the head that names them.
 * An update is charged on the larger of old and new item, so what follows a large message would be
 * paid as if it were large as well; and ten large ones pass DynamoDB's 400 KB.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Entry } from '../../broker/model.ts';
import type { Clock, Ids } from '../../broker/ports.ts';
import { after, octets, text } from './attributes.ts';
import type { Batches } from './batches.ts';
import { type BodiesAside, bodiesAside, entryRow } from './entries.ts';
import { expiry } from './rows.ts';
import { bodyKey, type Row } from './schema.ts';

/** Entries as a head keeps them; 1 WRU for each KB of a large body. */
export async function putAside(
  entries: readonly Entry[],
  batches: Batches,
  { clock, ids, limits }: { readonly clock: Clock; readonly ids: Ids; readonly limits: Limits },
): Promise<readonly Row[]> {
  const expires = expiry(clock.now() + limits.bodySeconds * 1000);
  const bodies: Row[] = [];
  const rows = entries.map((entry) => {
    if (entry.type !== 'message') return entryRow(entry);
    const { body } = entry.message;
    if (body.length <= limits.headBodyBytesMax) return entryRow(entry);
    const id = ids.random();
    bodies.push({ ...bodyKey(id), body, ...expires });
    return entryRow(entry, id);
  });
  if (bodies.length > 0) await batches.write(bodies.map((put) => ({ put })));
  return rows;
}

/** What these entries need besides; 1 RRU for each 4 KB of a large body. */
export async function fetchAside(rows: readonly Row[], batches: Batches): Promise<BodiesAside> {
  const names = [...new Set(bodiesAside(rows))];
  const found = names.length === 0 ? [] : await batches.read(names.map(bodyKey));
  return new Map(found.map((row) => [after('B#', text(row, 'pk')), octets(row, 'body')]));
}
