/** The broker closes a connection: the last words of its carrier, then the close. */
import { isSession } from './address.ts';
import { named } from './encoder.ts';
import type { Connection } from './model.ts';
import type { Ports } from './ports.ts';

/** An HTTP session may hear its last words from its mailbox; then only a socket must be told them. */
export async function dismiss(
  { id, carrier, connectedAt }: Connection,
  { carriers, outbox }: Pick<Ports, 'carriers' | 'outbox'>,
): Promise<void> {
  const { farewell, farewellToSessions } = named(carriers, carrier);
  if (farewell !== undefined && (farewellToSessions || !isSession(id))) {
    await outbox.post([{ connectionId: id, connectedAt, posts: [farewell] }]);
  }
  await outbox.close(id);
}
