/**
 * How fast one connection, one user or one destination may be sent to, and what one connection or
 * user may hold. Rates are counted in this process's memory, by the time the gateway gave each
 * message: they cost no read and no write, and messages that waited are not too fast for having
 * waited. On AWS several environments may handle one connection in turn, and a destination's senders
 * at once, so what gets through there is at most this many a second of each; the five seconds of
 * backlog end a flood whatever the rate.
 */
import type { Destination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { RateSettings } from './identity-settings.ts';
import type { Limits } from './limits.ts';
import type { Clock, Rates } from './ports.ts';
import { decodeMeta, META_KEY, PREFIX } from './queue-cells.ts';
import type { DestinationLimits } from './rules.ts';
import type { Place, Session } from './session.ts';

interface Bucket {
  left: number;
  at: number;
}

interface Depth {
  readonly at: number;
  readonly known: Promise<number>;
  /** Sent from here since. */
  since: number;
}

/** The oldest is forgotten, which for whoever has been silent for a second changes nothing. */
const REMEMBERED_MAX = 10_000;
/** How old an environment's knowledge of a queue's depth may be, ms: a read each. */
const DEPTH_MILLISECONDS = 1_000;

export function makeRates(settings: RateSettings, clock: Clock): Rates {
  const { messagesPerSecond, bytesPerSecond, userMessagesPerSecond, userBytesPerSecond } = settings;
  const [connections, users, destinations] = [buckets(), buckets(), buckets()];
  const depths = new Map<string, Depth>();
  const { connectionsPerUser, roomsPerConnection } = settings;
  const bounds = [messagesPerSecond, bytesPerSecond, userMessagesPerSecond, userBytesPerSecond];
  const unbounded = bounds.every((bound) => bound === undefined);
  return {
    ...(connectionsPerUser === undefined ? {} : { connectionsPerUser }),
    ...(roomsPerConnection === undefined ? {} : { roomsPerConnection }),
    take({ connectionId, user, messages, bytes, at }) {
      if (unbounded) return 0;
      return takeAll(at, [
        [connections.messages, connectionId, messages, messagesPerSecond],
        [connections.bytes, connectionId, bytes, bytesPerSecond],
        [users.messages, user, messages, userMessagesPerSecond],
        [users.bytes, user, bytes, userBytesPerSecond],
      ]);
    },
    takeAt(destination, { messagesPerSecond: messages, bytesPerSecond: octets }, bytes, at) {
      return takeAll(at, [
        [destinations.messages, destination, 1, messages],
        [destinations.bytes, destination, bytes, octets],
      ]);
    },
    async takeDepth(queue, most, read) {
      const now = clock.now();
      let found = depths.get(queue);
      if (found === undefined || now - found.at >= DEPTH_MILLISECONDS) {
        const asked = { at: now, known: read(), since: 0 };
        found = asked;
        remember(depths, queue, asked);
        // The next asks again, unless somebody has.
        asked.known.catch(() => {
          if (depths.get(queue) === asked) depths.delete(queue);
        });
      }
      if ((await found.known) + found.since >= most) return false;
      found.since += 1;
      return true;
    },
  };
}

function buckets() {
  return { messages: new Map<string, Bucket>(), bytes: new Map<string, Bucket>() };
}

/** What one bucket is asked for; without a name or a rate, nothing. */
type Claim = readonly [
  all: Map<string, Bucket>,
  name: string | undefined,
  cost: number,
  perSecond: number | undefined,
];

/**
 * 0: there was room in each, and it is taken. Else so many seconds until there is, and from none is
 * anything taken. One second's worth may come at once, and what is larger takes its time afterwards.
 */
function takeAll(now: number, claims: readonly Claim[]): number {
  let seconds = 0;
  for (const claim of claims) seconds = Math.max(seconds, refill(now, claim));
  if (seconds > 0) return seconds;
  for (const [all, name, cost, perSecond] of claims) {
    if (name === undefined || perSecond === undefined) continue;
    const bucket = all.get(name);
    if (bucket !== undefined) bucket.left -= cost;
  }
  return 0;
}

/** Seconds until there is room for what is claimed. */
function refill(now: number, [all, name, cost, perSecond]: Claim): number {
  if (name === undefined || perSecond === undefined || cost === 0) return 0;
  let bucket = all.get(name);
  if (bucket === undefined) {
    bucket = { left: perSecond, at: now };
    remember(all, name, bucket);
  }
  const passed = Math.max(0, now - bucket.at) / 1000;
  bucket.left = Math.min(perSecond, bucket.left + passed * perSecond);
  bucket.at = Math.max(now, bucket.at);
  const missing = Math.min(cost, perSecond) - bucket.left;
  return missing > 0 ? Math.max(1, Math.ceil(missing / perSecond)) : 0;
}

function remember<T>(all: Map<string, T>, name: string, value: T): void {
  all.set(name, value);
  if (all.size > REMEMBERED_MAX) all.delete(all.keys().next().value ?? '');
}

/** What is sent, and when. */
interface Sent {
  readonly bytes: number;
  readonly messages?: number;
  readonly place: Pick<Place, 'epoch' | 'repeated'>;
  /** By HTTP there is no connection to count by. */
  readonly unconnected?: boolean;
}

/** Throws `rate-limited` with `retry-after` where this command is one too many. */
export function assertRate(
  { connection, ports }: Session,
  { bytes, messages = 1, place, unconnected = false }: Sent,
): void {
  // A repeat was let through before.
  if (ports.rates === undefined || place.repeated) return;
  const { id, principal } = connection;
  const connectionId = unconnected ? undefined : id;
  const taken = { connectionId, user: principal?.user, messages, bytes, at: place.epoch };
  const seconds = ports.rates.take(taken);
  if (seconds > 0) {
    throw tooFast(
      'Messages come faster than they may',
      'Send more slowly: the operator sets a rate.',
      seconds,
    );
  }
}

/** Throws where a destination takes no more now, by its rule: whoever sends. */
export async function assertRoomAt(
  destination: Destination,
  limits: DestinationLimits | undefined,
  { ports }: Session,
  { bytes, place }: Sent,
): Promise<void> {
  const { rates, logs } = ports;
  if (limits === undefined || rates === undefined || place.repeated) return;
  const { canonical, kind } = destination;
  const seconds = rates.takeAt(canonical, limits, bytes, place.epoch);
  if (seconds > 0) throw busy(canonical, seconds);
  const { depth } = limits;
  if (depth === undefined || kind !== 'queue' || logs === undefined) return;
  const taken = await rates.takeDepth(canonical, depth, async () => {
    const range = { from: META_KEY, to: PREFIX.consumer, most: 1 };
    const [found] = await logs.shelf.read(canonical, range);
    return found === undefined ? 0 : decodeMeta(found[1]).held;
  });
  if (!taken) throw queueFull(canonical, depth);
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

/** The operator's bounds on what a connection holds take the place of wider ones. */
export function bounded(limits: Limits, { subscriptionsPerConnection }: RateSettings = {}): Limits {
  if (subscriptionsPerConnection === undefined) return limits;
  const { subscriptionsPerConnectionMax: widest } = limits;
  const subscriptionsPerConnectionMax = Math.min(widest, subscriptionsPerConnection);
  return { ...limits, subscriptionsPerConnectionMax };
}

export function crowded(): BrokerError {
  return tooFast('This user has too many connections', 'Close some of them, and connect again.', 1);
}

function tooFast(message: string, mend: string, seconds: number): BrokerError {
  return new BrokerError('rate-limited', message, mend, retryAfter(seconds));
}

function busy(canonical: string, seconds: number): BrokerError {
  return new BrokerError(
    'destination-busy',
    `${canonical.slice(0, 60)} takes no more messages now`,
    'Send it again after retry-after seconds: the operator sets a rate for all who send there.',
    retryAfter(seconds),
  );
}

/** Somebody has to consume first, which takes its time. */
const QUEUE_SECONDS = 5;

function queueFull(canonical: string, depth: number): BrokerError {
  return new BrokerError(
    'queue-full',
    `${canonical.slice(0, 60)} is full`,
    `It holds ${depth} messages, and nobody consumes them fast enough. Send it again later.`,
    retryAfter(QUEUE_SECONDS),
  );
}

function retryAfter(seconds: number): readonly (readonly [string, string])[] {
  return [['retry-after', String(seconds)]];
}
