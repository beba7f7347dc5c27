/**
 * A whole broker in this process: gateway, queue, handlers, store and port, wired as the stack
 * wires them on AWS. `npm start` runs it; so may any test or program.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleLog, systemClock, systemIds } from '../adapters/system.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { Log } from '../broker/ports.ts';
import { bounded } from '../broker/rates.ts';
import type { Rule } from '../broker/rules.ts';
import { makeSlow } from '../broker/slow.ts';
import type { SocketioSettings } from '../broker/socketio-settings.ts';
import { Emitter } from '../emitter/emitter.ts';
import type { Perform } from '../emitter/operation.ts';
import type { Http } from '../lambda/http.ts';
import { startAgenda } from './agenda.ts';
import type { Jitter, Routes } from './dispatch.ts';
import { emitterMount } from './emitter-http.ts';
import { type Faults, faultDice } from './faults.ts';
import { type Fifo, fifoQueue } from './fifo.ts';
import { occupy } from './folder.ts';
import { type Gateway, startGateway } from './gateway.ts';
import {
  ENGINE_PREFIX,
  type Handlers,
  type HandlerWorld,
  type Keeping,
  makeBackgroundHandlers,
  makeHandlers,
  makePerform,
  SOCKJS_PREFIX,
} from './handlers.ts';
import { httpMounts } from './http.ts';
import { shelfJobs, startJobs } from './jobs.ts';
import type { GatewayLimits, QueueLimits } from './limits.ts';
import { startPump } from './pump.ts';
import { openSecurity, type SecuritySettings } from './security.ts';
import { type HttpPatience, type Mount, startServer } from './server.ts';

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
  /** How often connections are looked at. @default 15,000, or 1,000 where identity is configured */
  readonly sweepMilliseconds?: number;
  /** Names of Socket.IO's events, and namespaces beside `/`. */
  readonly socketio?: SocketioSettings;
  /** Who may come in. Without: everybody, who may do everything. */
  readonly security?: SecuritySettings;
  readonly limits?: Partial<Limits>;
  readonly gateway?: Partial<GatewayLimits>;
  readonly queue?: Partial<QueueLimits>;
  readonly faults?: Faults;
  readonly jitter?: Jitter;
  /** Two messages of one millisecond may swap in the queue, by this seed. */
  readonly swapSeed?: number;
  /** How long HTTP requests may take to come in. */
  readonly patience?: Partial<HttpPatience>;
  /** More HTTP protocols on the same port. */
  readonly mounts?: readonly Mount[];
  readonly log?: Log;
}

export interface Broker {
  readonly port: number;
  readonly host: string;
  readonly gateway: Gateway;
  /** Socket.IO's server side, for programs that run the broker in their own process. */
  readonly emitter: Emitter;
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
    inProcess: (options.environments ?? 0) === 0,
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
  const { identity, administration = [] } = options.security ?? {};
  const managementKeys = identity === undefined ? undefined : administration;
  const mounts = [
    ...(options.mounts ?? []),
    emitterMount({
      perform: home.perform,
      keys: managementKeys,
      bodyBytesMax: LIMITS.httpBodyBytesMax,
    }),
    ...httpMounts({
      handler: home.http.handle,
      gateway,
      sockjsPrefix: SOCKJS_PREFIX,
      enginePrefix: ENGINE_PREFIX,
      bodyBytesMax: LIMITS.httpBodyBytesMax,
    }),
  ];
  try {
    const { port, patience } = options;
    const shared = { gateway, managementKeys, mounts, log };
    const server = await startServer({ ...shared, host, port, patience });
    return {
      port: server.port,
      host,
      gateway,
      emitter: new Emitter(home.perform),
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
      : { enqueue: queue.enqueueNew },
  };
}

interface World {
  readonly gateway: Gateway;
  readonly queue: Fifo;
  readonly log: Log;
}

/** What costs money on AWS alone. */
const HOME_LIMITS: Partial<Limits> = {
  /** Nobody pays for the seconds of a stream here, and no item bounds a mailbox. */
  streamSeconds: 2 * 3600,
  mailboxBytesMax: 1024 * 1024,
  /** A post takes 8 µs here, so that these take the event loop some 80 ms… */
  inlinePostsMax: 10_000,
  /** …and a shard, between two of which it turns, 10. */
  shardPostsMax: 1000,
};

/**
 * This gateway's 410 is a fact, unless faults are asked for: nobody shall wait ten seconds for a
 * newborn that has left.
 */
function brokerLimits({ faults, limits, security }: BrokerOptions): Partial<Limits> {
  const all = {
    ...LIMITS,
    ...HOME_LIMITS,
    ...(faults === undefined ? { youngConnectionSeconds: 0 } : {}),
    ...limits,
  };
  return bounded(all, security?.limits);
}

/** Handlers, and what is kept below them. */
interface Home {
  readonly handlers: Handlers;
  readonly http: Http;
  readonly perform: Perform;
  close(): Promise<void>;
}

/** How often connections in watched rooms are looked at: a minute on AWS. */
const SWEEP_MILLISECONDS = 15_000;
/** …and where identity is configured, whose token has run out. */
const GUARD_MILLISECONDS = 1_000;
/** Other threads append to the stream unseen: how often it is looked at. */
const POLL_MILLISECONDS = 10;

async function openHome(options: BrokerOptions, { gateway, queue, log }: World): Promise<Home> {
  const { rules, socketio } = options;
  const limits = brokerLimits(options);
  const threads = (options.environments ?? 0) > 0;
  // Threads cannot share a map in memory: without a data folder they share a passing one.
  const passing =
    threads && options.memory
      ? await mkdtemp(join(tmpdir(), `stompway-${process.pid}-`))
      : undefined;
  const path = passing ?? options.data ?? '.stompway';
  const { keeping, close } = await openKeeping(options, threads ? path : undefined);
  const ingress = options.ingress === 'direct' ? undefined : queue;
  const settings = options.security ?? {};
  const security = await openSecurity(settings, { log, limits: { ...LIMITS, ...limits } });
  const { management } = gateway;
  const jobs = shelfJobs({ shelf: keeping.shelf, clock: systemClock, ids: systemIds });
  const world = {
    keeping,
    rules,
    socketio,
    security,
    log,
    limits,
    management,
    ingress,
    jobs,
    slow: makeSlow(),
  };
  const background = makeBackgroundHandlers(world);
  const pump = startPump({
    stream: keeping.journal.stream,
    deliver: background.deliver,
    log,
    pollMilliseconds: threads ? POLL_MILLISECONDS : 0,
  });
  const { agenda } = keeping;
  const { perform } = background;
  const working = startJobs({
    jobs,
    shelf: keeping.shelf,
    perform,
    clock: systemClock,
    log,
    pollMilliseconds: threads ? POLL_MILLISECONDS : 0,
  });
  const planned = startAgenda({ agenda, perform, clock: systemClock, log });
  const vanished = background
    .endVanished(keeping.openConnections())
    .catch((cause: unknown) => log.error('vanished-failed', cause));
  const usual = security.identity === undefined ? SWEEP_MILLISECONDS : GUARD_MILLISECONDS;
  const interval = options.sweepMilliseconds ?? usual;
  const sweeping = setInterval(() => {
    background.sweep().catch((cause: unknown) => log.error('sweep-failed', cause));
  }, interval);
  sweeping.unref();
  const environments = threads ? await openThreads(options, path, world, queue) : undefined;
  const here = makeHandlers(world);
  return {
    handlers: environments?.handlers ?? here,
    http: environments?.http ?? here.http,
    perform: makePerform(world),
    close: async () => {
      clearInterval(sweeping);
      await planned.stop();
      await vanished;
      here.http.stop();
      await environments?.close();
      await pump.stop();
      await working.stop();
      await close();
      if (passing !== undefined) await rm(passing, { recursive: true, force: true });
    },
  };
}

/** With `path` on disk, whatever `memory` says. Throws if another broker has the folder. */
async function openKeeping(
  options: BrokerOptions,
  path: string | undefined,
): Promise<{ readonly keeping: Keeping; close(): Promise<void> }> {
  const limits = { ...LIMITS, ...brokerLimits(options) };
  if (options.memory && path === undefined) {
    const { memoryKeeping } = await import('./memory.ts');
    return { keeping: memoryKeeping(limits), close: async () => undefined };
  }
  const folder = path ?? options.data ?? '.stompway';
  const { lmdbStore } = await import('../adapters/lmdb/store.ts');
  const { release } = await occupy(folder);
  const durable = options.durable ?? false;
  try {
    const store = lmdbStore({ path: folder, durable, clock: systemClock, limits });
    const close = () => store.close().finally(release);
    return { keeping: { store, ...store }, close };
  } catch (cause) {
    await release();
    throw cause;
  }
}

async function openThreads(
  options: BrokerOptions,
  path: string,
  { management, log }: HandlerWorld,
  queue: Fifo,
) {
  const { startEnvironments } = await import('./environments.ts');
  return startEnvironments({
    count: options.environments ?? 0,
    birth: {
      path,
      durable: options.durable ?? false,
      queued: options.ingress !== 'direct',
      limits: brokerLimits(options),
      rules: options.rules ?? [],
      ...(options.socketio === undefined ? {} : { socketio: options.socketio }),
      security: options.security ?? {},
    },
    management,
    ingress: queue,
    log,
  });
}

async function settle(gateway: Gateway, queue: Fifo): Promise<void> {
  await gateway.close();
  await queue.drained();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
