/**
 * How fast one connection, or one user, may send, and how many connections a user may have. Counted
 * in this process's memory: it costs no read and no write. On AWS a connection's messages may be
 * handled by several environments in turn, so what gets through there is at most this many a second
 * of each; the five seconds of backlog end a flood whatever the rate.
 */
import { BrokerError } from './errors.ts';
import type { RateSettings } from './identity-settings.ts';
import type { Clock, Rates } from './ports.ts';
import type { Session } from './session.ts';

interface Bucket {
  left: number;
  at: number;
}

/** Whoever has been silent for a second has a full bucket: it can be forgotten. */
const REMEMBERED_MAX = 10_000;

export function makeRates(settings: RateSettings, clock: Clock): Rates {
  const connections = buckets(settings.messagesPerSecond, clock);
  const users = buckets(settings.userMessagesPerSecond, clock);
  const { connectionsPerUser } = settings;
  return {
    ...(connectionsPerUser === undefined ? {} : { connectionsPerUser }),
    take(connectionId, user) {
      return connections(connectionId) && (user === undefined || users(user));
    },
  };
}

/** One second's worth may come at once. */
function buckets(perSecond: number | undefined, clock: Clock): (name: string) => boolean {
  if (perSecond === undefined) return () => true;
  const all = new Map<string, Bucket>();
  return (name) => {
    const now = clock.now();
    const { left, at } = all.get(name) ?? { left: perSecond, at: now };
    const refilled = Math.min(perSecond, left + ((now - at) / 1000) * perSecond);
    all.delete(name);
    all.set(name, { left: Math.max(0, refilled - 1), at: now });
    if (all.size > REMEMBERED_MAX) all.delete(all.keys().next().value ?? '');
    return refilled >= 1;
  };
}

/** Throws `rate-limited` with `retry-after` where this command is one too many. */
export function assertRate({ connection, ports }: Session): void {
  if (ports.rates === undefined) return;
  if (ports.rates.take(connection.id, connection.principal?.user)) return;
  throw tooFast(
    'Messages come faster than they may',
    'Send more slowly: the operator sets a rate.',
  );
}

/** Bounds what one user can hold. Connections that begin at one moment may be some more. */
export async function hasRoom(
  user: string | undefined,
  { rates, directory }: Pick<Session['ports'], 'rates' | 'directory'>,
): Promise<boolean> {
  const most = rates?.connectionsPerUser;
  if (user === undefined || most === undefined || directory === undefined) return true;
  return (await directory.connections({ user }, undefined, most)).length < most;
}

export function crowded(): BrokerError {
  return tooFast('This user has too many connections', 'Close some of them, and connect again.');
}

function tooFast(message: string, mend: string): BrokerError {
  return new BrokerError('rate-limited', message, mend, [['retry-after', '1']]);
}
