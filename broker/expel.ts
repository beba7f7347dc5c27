/**
 * Ending connections that did nothing wrong just now: a token that has run out, a ban, an operator.
 * Each is told why in its own dialect, after its subscriptions are gone: nothing is delivered then.
 */
import { dismissal, tooLate } from './authenticate.ts';
import { dismiss } from './dismiss.ts';
import { dialectOf, named } from './encoder.ts';
import { endConnection } from './ending.ts';
import type { BrokerError } from './errors.ts';
import type { Connection } from './model.ts';
import type { Directory, Ports } from './ports.ts';

/** False: it was over, or unknown, already. */
export async function expel(
  connectionId: string,
  error: BrokerError,
  ports: Ports,
): Promise<boolean> {
  const found = await ports.store.find(connectionId);
  if (found === undefined || found.connection.ended !== undefined) return false;
  await expelFound(found.connection, error, ports);
  return true;
}

async function expelFound(connection: Connection, error: BrokerError, ports: Ports): Promise<void> {
  const { id, connectedAt, version } = connection;
  await endConnection(id, 'refused', ports);
  const dialect = dialectOf(connection, ports);
  const text = dialect.encode({ type: 'error', error }, version);
  const carrier = named(ports.carriers, connection.carrier);
  const posts = carrier.wrap([text], dialect.joins, ports.limits.postBytesMax);
  await ports.outbox.post([{ connectionId: id, connectedAt, posts }]);
  await dismiss(connection, ports);
}

/** Of these connections, ends those that may not go on; each is looked at anew. */
export async function expelAll(connectionIds: Iterable<string>, ports: Ports): Promise<void> {
  const all = [...new Set(connectionIds)];
  const { forgettingAtOnceMax } = ports.limits;
  for (let from = 0; from < all.length; from += forgettingAtOnceMax) {
    const some = all.slice(from, from + forgettingAtOnceMax);
    await Promise.all(some.map((connectionId) => examine(connectionId, ports)));
  }
}

async function examine(connectionId: string, ports: Ports): Promise<void> {
  const found = await ports.store.find(connectionId);
  if (found === undefined || found.connection.ended !== undefined) return;
  const { connection } = found;
  const error = await dismissal(connection, ports);
  if (error !== undefined) return expelFound(connection, error, ports);
  const { connectSecondsMax } = ports.limits;
  const waited = ports.clock.now() - connection.connectedAt;
  if (connection.principal === undefined && waited >= connectSecondsMax * 1000) {
    await expelFound(connection, tooLate(connectSecondsMax), ports);
  }
}

/** Every connection whose moment has come: tokens that have run out, and whoever never connected. */
export async function expelDue(ports: Ports): Promise<void> {
  const { directory, clock, limits } = ports;
  if (directory === undefined) return;
  for (;;) {
    const due = await directory.due(clock.now(), limits.checksAtOnceMax);
    await expelAll(
      due.map(({ connectionId }) => connectionId),
      ports,
    );
    for (const { key } of due) await directory.settle(key);
    if (due.length < limits.checksAtOnceMax) return;
  }
}

/** Everybody with this name or token; how many there were. */
export async function expelHolders(
  of: Parameters<Directory['connections']>[0],
  error: BrokerError,
  ports: Ports,
): Promise<number> {
  const { directory, limits } = ports;
  let count = 0;
  let after: string | undefined;
  do {
    const page = (await directory?.connections(of, after, limits.checksAtOnceMax)) ?? [];
    const ended = await Promise.all(page.map((id) => expel(id, error, ports)));
    count += ended.filter((was) => was).length;
    after = page.length < limits.checksAtOnceMax ? undefined : page.at(-1);
  } while (after !== undefined);
  return count;
}
