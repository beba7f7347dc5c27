/**
 * The end of a connection that cannot go on through a fault of ours: its client reads one ERROR in
 * its own dialect, then the socket closes. What it had sent before stands.
 */

import { dismiss } from '../broker/dismiss.ts';
import { dialectOf } from '../broker/encoder.ts';
import { endConnection } from '../broker/ending.ts';
import type { BrokerError } from '../broker/errors.ts';
import type { Ports } from '../broker/ports.ts';

/** True once the connection is over. False, and logged, if not even that could be done. */
export async function condemn(
  connectionId: string,
  error: BrokerError,
  ports: Ports,
): Promise<boolean> {
  try {
    const found = await ports.store.find(connectionId);
    await endConnection(connectionId, 'refused', ports);
    const connection = found?.connection;
    // Of a connection that has no words of its own, as the way into a session, there is no carrier.
    const carrier = ports.carriers.get(connection?.carrier ?? '');
    if (connection !== undefined && carrier !== undefined && connection.ended === undefined) {
      const dialect = dialectOf(connection, ports);
      const text = dialect.encode({ type: 'error', error }, connection.version);
      const posts = carrier.wrap([text], dialect.joins, ports.limits.postBytesMax);
      await ports.outbox.post([{ connectionId, connectedAt: connection.connectedAt, posts }]);
      await dismiss(connection, ports);
    } else await ports.outbox.close(connectionId);
    return true;
  } catch (cause) {
    ports.log.error('condemn-failed', cause, { connectionId });
    return false;
  }
}
