/**
 * A whole broker in this process: gateway, queue, handlers, store and port, wired as the stack
 * wires them on AWS. `npm start` runs it; so may any test or program.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleLog, systemClock } from '../adapters/system.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { Log, Store } from '../broker/ports.ts';
import type { Rule } from '../broker/rules.ts';
import type { Jitter, Routes } from './dispatch.ts';
import { type Faults, faultDice } from './faults.ts';
import { type Fifo, fifoQueue } from './fifo.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { type Handlers, makeHandlers } from './handlers.ts';
import type { GatewayLimits, QueueLimits } from './limits.ts';
import { type Mount, startServer } from './server.ts';

export interface BrokerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** Nothing on disk, unless `environments` need a folder to share, which is gone at the end. */
  readonly memory?: boolean;
  /** Folder of the store. @default .stompway */
  readonly data?: string;
  /** Every write is on the disk before it counts. */
  readonly durable?: boolean;
  /** @default fifo */
  readonly ingress?: 'fifo' | 'direct';
  /** Worker threads, one invocation each. @default 0, which is this thread without that bound */
  readonly environments?: number;
  readonly rules?: readonly Rule[];
  readonly limits?: Partial<Limits>;
  readonly gateway?: Partial<GatewayLimits>;
  readonly queue?: Partial<QueueLimits>;
  readonly faults?: Faults;
  readonly jitter?: Jitter;
  /** Two messages of one millisecond may swap in the queue, by this seed. */
  readonly swapSeed?: number;
  /** More HTTP protocols on the same port. */
  readonly mounts?: readonly Mount[];
  readonly log?: Log;
}

export interface Broker {
  readonly port: number;
  readonly host: string;
  readonly gateway: Gateway;
  /** Closes every connection with 1001, lets the handlers finish, and gives everything back. */
  close(): Promise<void>;
}

/** How long a close waits for handlers and for peers, so that it takes less than 2 s in all. */
const DRAIN_MILLISECONDS = 1_000;
const GRACE_MILLISECONDS = 300;

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const log = options.log ?? consoleLog({ level: 'warn', write: console.error });
  const host = options.host ?? '127.0.0.1';
  const queue = fifoQueue({
    handler: (event) => home.handlers.batch(event),
    dead: (event) => home.handlers.dead(event),
    log,
    now: systemClock.now,
    ...(options.queue === undefined ? {} : { limits: options.queue }),
    ...(options.swapSeed === undefined ? {} : { swapSeed: options.swapSeed }),
    concurrency: queueConcurrency(options),
    dice: options.faults === undefined ? undefined : faultDice(options.faults),
  });
  const gateway = startGateway({
    routes: routes(options, queue, () => home.handlers),
    clock: systemClock,
    log,
    domainName: host,
    ...(options.gateway === undefined ? {} : { limits: options.gateway }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.jitter === undefined ? {} : { jitter: options.jitter }),
  });
  const home = await openHome(options, { gateway, queue, log });
  const mounts = options.mounts ?? [];
  try {
    const server = await startServer({ gateway, mounts, log, host, port: options.port });
    return {
      port: server.port,
      host,
      gateway,
      close: async () => {
        const closed = server.close(DRAIN_MILLISECONDS + GRACE_MILLISECONDS);
        await Promise.race([settle(gateway, queue), pause(DRAIN_MILLISECONDS)]);
        queue.stop();
        await closed;
        await home.close();
      },
    };
  } catch (cause) {
    queue.stop();
    await gateway.close();
    await home.close();
    throw cause;
  }
}

/** One environment is left for `$connect`, as MaximumConcurrency does on AWS. */
function queueConcurrency({ environments = 0 }: BrokerOptions): number {
  return environments === 0 ? Number.POSITIVE_INFINITY : Math.max(1, environments - 1);
}

function routes(options: BrokerOptions, queue: Fifo, handlers: () => Handlers): Routes {
  const direct = options.ingress === 'direct';
  return {
    connect: (event) => handlers().connect(event),
    disconnect: (event) => handlers().disconnect(event),
    default: direct
      ? { handler: (event) => handlers().message(event) }
      : { enqueue: queue.enqueue },
  };
}

interface World {
  readonly gateway: Gateway;
  readonly queue: Fifo;
  readonly log: Log;
}

/**
 * This gateway's 410 is a fact, unless faults are asked for: nobody shall wait ten seconds for a
 * newborn that has left.
 */
function brokerLimits({ faults, limits }: BrokerOptions): Partial<Limits> {
  return { ...(faults === undefined ? { youngConnectionSeconds: 0 } : {}), ...limits };
}

/** Handlers and the store below them. */
interface Home {
  readonly handlers: Handlers;
  close(): Promise<void>;
}

async function openHome(options: BrokerOptions, { gateway, queue, log }: World): Promise<Home> {
  const { management } = gateway;
  const ingress = options.ingress === 'direct' ? undefined : queue;
  if (options.rules !== undefined && options.rules.length > 0) {
    throw new Error('rules are for logged destinations, which are not served here yet');
  }
  if (options.environments) return openThreads(options, { gateway, queue, log });
  const { store, close } = await openStore(options);
  return {
    handlers: makeHandlers({ store, log, limits: brokerLimits(options), management, ingress }),
    close,
  };
}

async function openStore(
  options: BrokerOptions,
): Promise<{ readonly store: Store; close(): Promise<void> }> {
  const limits = { ...LIMITS, ...brokerLimits(options) };
  if (options.memory) {
    const { memoryStore } = await import('../adapters/memory/store.ts');
    return { store: memoryStore({ clock: systemClock, limits }), close: async () => undefined };
  }
  const { lmdbStore } = await import('../adapters/lmdb/store.ts');
  const store = lmdbStore({
    path: options.data ?? '.stompway',
    durable: options.durable ?? false,
    clock: systemClock,
    limits,
  });
  return { store, close: () => store.close() };
}

/** Threads cannot share a map in memory: without a data folder they share a passing one. */
async function openThreads(options: BrokerOptions, { gateway, queue, log }: World): Promise<Home> {
  const { startEnvironments } = await import('./environments.ts');
  const passing = options.memory
    ? await mkdtemp(join(tmpdir(), `stompway-${process.pid}-`))
    : undefined;
  const environments = await startEnvironments({
    count: options.environments ?? 0,
    birth: {
      path: passing ?? options.data ?? '.stompway',
      durable: options.durable ?? false,
      queued: options.ingress !== 'direct',
      limits: brokerLimits(options),
    },
    management: gateway.management,
    ingress: queue,
    log,
  });
  return {
    handlers: environments.handlers,
    close: async () => {
      await environments.close();
      if (passing !== undefined) await rm(passing, { recursive: true, force: true });
    },
  };
}

async function settle(gateway: Gateway, queue: Fifo): Promise<void> {
  await gateway.close();
  await queue.drained();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
