/** The broker closes a connection: the last words of its carrier, then the close. */
import { isSession } from './address.ts';
import { named } from './encoder.ts';
import type { Connection } from './model.ts';
import type { Ports } from './ports.ts';

/** An HTTP session hears its last words from its mailbox; only a socket must be told them. */
export async function dismiss(
  { id, carrier, connectedAt }: Connection,
  { carriers, outbox }: Pick<Ports, 'carriers' | 'outbox'>,
): Promise<void> {
  const { farewell } = named(carriers, carrier);
  if (farewell !== undefined && !isSession(id)) {
    await outbox.post([{ connectionId: id, connectedAt, posts: [farewell] }]);
  }
  await outbox.close(id);
}
