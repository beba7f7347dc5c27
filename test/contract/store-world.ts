/** What the store contract's tests stand on: a clock they move, small limits, short names. */
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Connection, Half, Stamp, Subscriber, Subscription } from '../../broker/model.ts';
import type { Clock, Store } from '../../broker/ports.ts';

export interface StoreWorld {
  readonly clock: Clock;
  readonly limits: Limits;
}

export interface OpenStore {
  readonly store: Store;
  close(): Promise<void>;
}

/** Makes an empty store that reads this clock and keeps these limits. */
export type MakeStore = (world: StoreWorld) => Promise<OpenStore>;

/** The year 2033: a table's own clean-up, which reads the real clock, leaves the records alone. */
const START = 2_000_000_000_000;

/** Few, so that a test can reach it. */
export const SUBSCRIPTIONS_MAX = 5;

export interface Stage extends StoreWorld {
  readonly store: Store;
  /** Moves the clock forward. */
  pass(milliseconds: number): void;
  /** A record of a connection opened now, for two hours and five minutes; not yet stored. */
  fresh(id: string): Connection;
  /** Opens one that speaks STOMP 1.2. */
  opened(id: string): Promise<Connection>;
  subscribe(connection: Connection, wish: Wish): ReturnType<Store['subscribe']>;
  /** Every page; each entry as `connection|subscription`, sorted. */
  audience(destination: string): Promise<readonly string[]>;
  entries(destination: string): Promise<readonly Subscriber[]>;
}

export interface Wish {
  readonly id: string;
  readonly to: string;
  readonly at: Stamp;
}

/** Wraps the body of a test: an empty store before it, closed after it. */
export function onStage(
  makeStore: MakeStore,
  body: (stage: Stage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    let now = START;
    const clock = { now: () => now };
    const limits = { ...LIMITS, subscriptionsPerConnectionMax: SUBSCRIPTIONS_MAX };
    const { store, close } = await makeStore({ clock, limits });
    const pass = (milliseconds: number): void => {
      now += milliseconds;
    };
    try {
      await body({ ...actions(store, clock, limits), store, clock, limits, pass });
    } finally {
      await close();
    }
  };
}

function actions(store: Store, clock: Clock, limits: Limits) {
  const fresh = (id: string): Connection => ({
    id,
    carrier: 'raw',
    dialect: 'stomp',
    version: '1.2',
    session: `session-of-${id}`,
    connectedAt: clock.now(),
    expiresAt: clock.now() + limits.connectionSecondsMax * 1000,
    stamp: at(0),
  });
  const opened = async (id: string): Promise<Connection> => {
    const connection = fresh(id);
    await store.open(connection);
    return connection;
  };
  const subscribe = (connection: Connection, wish: Wish): ReturnType<Store['subscribe']> =>
    store.subscribe(
      connection,
      subscriptionOf(connection.id, wish),
      parseDestination(wish.to, limits),
    );
  const entries = (destination: string): Promise<readonly Subscriber[]> =>
    everyPage(store, destination, limits);
  const audience = async (destination: string): Promise<readonly string[]> =>
    names(await entries(destination));
  return { fresh, opened, subscribe, entries, audience };
}

export function subscriptionOf(connectionId: string, wish: Wish): Subscription {
  return { connectionId, id: wish.id, destination: wish.to, ack: 'auto', stamp: wish.at };
}

/** The `n`th stamp; they order as their numbers do. */
export function at(n: number): Stamp {
  return `2000000000000-${String(n).padStart(10, '0')}-0000`;
}

export function half(text: string, stamp: Stamp): Half {
  return { bytes: Buffer.from(text), since: START, pieces: 1, stamp };
}

/** More pages than any test's audience could fill: a `next` without an end fails here. */
const PAGES_MAX = 1000;

export async function everyPage(
  store: Store,
  destination: string,
  limits: Limits,
): Promise<readonly Subscriber[]> {
  const parsed = parseDestination(destination, limits);
  const found: Subscriber[] = [];
  let from: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { subscribers, next } = await store.subscribers(parsed, from);
    found.push(...subscribers);
    if (next === undefined) return found;
    from = next;
  }
  throw new Error(`${destination} has no last page`);
}

export function names(subscribers: readonly Subscriber[]): readonly string[] {
  return subscribers.map((one) => `${one.connectionId}|${one.subscriptionId}`).sort();
}
