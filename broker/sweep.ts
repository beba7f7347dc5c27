/**
 * Now and then: connections in watched rooms are asked whether they live, since `$disconnect` may
 * never come. One that does not is ended, and its rooms hear of it; one that does is asked again.
 */
import { atOnce } from './at-once.ts';
import { parseDestination } from './destination.ts';
import { dismiss } from './dismiss.ts';
import { endConnection } from './ending.ts';
import type { Logs, Ports } from './ports.ts';
import { presenceOf } from './presence.ts';

/** Checks every connection that is due, so many side by side. May run twice at once. */
export async function sweep(
  ports: Ports,
): Promise<{ readonly asked: number; readonly lost: number }> {
  const { logs, clock, limits } = ports;
  let [asked, lost] = [0, 0];
  if (logs === undefined) return { asked, lost };
  const now = clock.now();
  for (;;) {
    const due = await logs.checks.due(now, limits.checksAtOnceMax);
    const results = await Promise.all(due.map((one) => check(one, ports, logs)));
    asked += results.length;
    lost += results.filter((alive) => !alive).length;
    if (due.length < limits.checksAtOnceMax) return { asked, lost };
  }
}

/**
 * Ends every one of these connections that the gateway does not know: those a process left behind
 * when it died. Their members have the grace to come back.
 */
export async function endVanished(connectionIds: readonly string[], ports: Ports): Promise<void> {
  const { logs, limits } = ports;
  if (logs === undefined) return;
  await atOnce(connectionIds, limits.checksAtOnceMax, async (connectionId) => {
    if (await logs.liveness.alive(connectionId)) return;
    await endConnection(connectionId, 'lost', ports);
  });
}

/** Settled last: a check that dies half-way is due again. */
async function check(
  { connectionId, at }: { readonly connectionId: string; readonly at: number },
  ports: Ports,
  logs: Logs,
): Promise<boolean> {
  const alive = await logs.liveness.alive(connectionId);
  // It has been away for long: no grace.
  if (!alive) await endConnection(connectionId, 'left', ports);
  const again = alive && (await isWatched(connectionId, ports));
  const beaten = alive && (await beat(connectionId, ports));
  await logs.checks.settle(connectionId, at);
  if (again || beaten) {
    const { livenessSeconds, enginePingSeconds } = ports.limits;
    const seconds = again ? livenessSeconds : enginePingSeconds;
    const next = ports.clock.now() + seconds * 1000;
    await logs.checks.enroll(connectionId, next);
  }
  return alive;
}

/**
 * A client that takes silence for death hears something; false: its carrier has no word for it, or
 * it is over, for it has not connected in time.
 */
async function beat(connectionId: string, ports: Ports): Promise<boolean> {
  const { store, carriers, outbox } = ports;
  const found = await store.find(connectionId);
  if (found === undefined || found.connection.ended !== undefined) return false;
  const text = carriers.get(found.connection.carrier)?.beat;
  if (text === undefined) return false;
  if (found.connection.version === undefined) {
    // It was to say by now what it wants.
    await endConnection(connectionId, 'refused', ports);
    await dismiss(found.connection, ports);
    return false;
  }
  const { connectedAt } = found.connection;
  await outbox.post([{ connectionId, connectedAt, posts: [text] }]);
  return true;
}

/** Whether anybody watches a room it is in. */
async function isWatched(connectionId: string, ports: Ports): Promise<boolean> {
  for (const { destination } of await ports.store.subscriptions(connectionId)) {
    const parsed = parseDestination(destination, ports.limits);
    if (parsed.kind !== 'room') continue;
    const { subscribers } = await ports.store.subscribers(presenceOf(parsed, ports));
    if (subscribers.length > 0) return true;
  }
  return false;
}
