/**
 * `--environments N`: handlers in N worker threads, each an execution environment as Lambda has
 * them: module state of its own, one invocation at a time. An invocation that finds none idle waits
 * its turn; an environment that dies fails its invocation and is replaced.
 */
import { Worker } from 'node:worker_threads';
import type { Ingress, Log } from '../broker/ports.ts';
import type { QueueResult, RouteResult } from '../lambda/events.ts';
import type { Http } from '../lambda/http.ts';
import type { Handlers, HandlerWorld } from './handlers.ts';
import type { Birth, FromEnvironment, ToEnvironment } from './thread.ts';
import { type RequestPool, requestPool } from './thread-requests.ts';

export interface EnvironmentsOptions {
  readonly count: number;
  readonly birth: Birth;
  readonly management: HandlerWorld['management'];
  readonly ingress: Ingress;
  readonly log: Log;
  /** The module that an environment runs. @default our own */
  readonly entry?: string;
}

export interface Environments {
  readonly handlers: Handlers;
  readonly http: Http;
  close(): Promise<void>;
}

interface Invocation {
  readonly handler: keyof Handlers;
  readonly event: unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (cause: Error) => void;
}

interface Environment {
  readonly worker: Worker;
  current: Invocation | undefined;
}

interface Pool {
  readonly options: EnvironmentsOptions;
  readonly all: Set<Environment>;
  readonly idle: Environment[];
  readonly waiting: Invocation[];
  closing: boolean;
  calls: number;
  readonly requests: RequestPool;
}

const NONE_LEFT = 'There is no environment left';

const ENTRY = new URL('./environment.ts', import.meta.url).href;
const SOURCES = new URL('./sources.mjs', import.meta.url).href;
/** A worker's own entry is read before `--import` takes effect (Node 20), so TypeScript comes second. */
const BOOTSTRAP = `const { sources, entry } = require('node:worker_threads').workerData;
import(sources).then(() => import(entry));`;

/** Resolves once every environment is ready to be invoked; rejects if one is not to be had. */
export async function startEnvironments(options: EnvironmentsOptions): Promise<Environments> {
  const all = new Set<Environment>();
  const pool: Pool = {
    options,
    all,
    requests: requestPool(inTurn(all)),
    idle: [],
    waiting: [],
    closing: false,
    calls: 0,
  };
  try {
    await Promise.all(Array.from({ length: options.count }, () => spawn(pool)));
  } catch (cause) {
    pool.closing = true;
    await Promise.all([...all].map(({ worker }) => worker.terminate()));
    throw cause;
  }
  const invoke = (handler: keyof Handlers, event: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (all.size === 0) throw new Error(NONE_LEFT);
      pool.waiting.push({ handler, event, resolve, reject });
      assign(pool);
    });
  // What an environment answers comes from the same handlers, cloned.
  const routed = (handler: keyof Handlers) => (event: unknown) =>
    invoke(handler, event) as Promise<RouteResult>;
  return {
    handlers: {
      connect: routed('connect'),
      disconnect: routed('disconnect'),
      message: routed('message'),
      batch: (event) => invoke('batch', event) as Promise<QueueResult>,
      dead: (event) => invoke('dead', event),
    },
    http: pool.requests,
    close: () => close(pool),
  };
}

/** Every environment in its turn. */
function inTurn(all: ReadonlySet<Environment>): Parameters<typeof requestPool>[0] {
  let turn = 0;
  return () => {
    turn += 1;
    const environment = [...all][turn % all.size];
    return environment && { environment, tell: (message) => tell(environment, message) };
  };
}

function assign(pool: Pool): void {
  while (pool.idle.length > 0 && pool.waiting.length > 0) {
    const environment = pool.idle.shift();
    const invocation = pool.waiting.shift();
    if (environment === undefined || invocation === undefined) return;
    environment.current = invocation;
    pool.calls += 1;
    const { handler, event } = invocation;
    tell(environment, { type: 'invoke', call: pool.calls, handler, event });
  }
}

function spawn(pool: Pool): Promise<void> {
  const { entry = ENTRY, birth } = pool.options;
  const worker = new Worker(BOOTSTRAP, {
    eval: true,
    execArgv: [],
    workerData: { sources: SOURCES, entry, ...birth },
  });
  const environment: Environment = { worker, current: undefined };
  pool.all.add(environment);
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromEnvironment) => {
      if (message.type === 'ready') {
        resolve();
        rest(pool, environment);
      } else {
        hear(pool, environment, message);
      }
    });
    worker.on('error', (cause) => {
      pool.options.log.error('environment.died', cause);
      reject(cause);
    });
    worker.on('exit', (status) => {
      // Without effect on one that was born.
      reject(new Error(`An environment ended at its birth, with status ${status}`));
      bury(pool, environment);
    });
  });
}

function rest(pool: Pool, environment: Environment): void {
  environment.current = undefined;
  pool.idle.push(environment);
  assign(pool);
}

function hear(pool: Pool, environment: Environment, message: FromEnvironment): void {
  const { management, ingress } = pool.options;
  const { current } = environment;
  switch (message.type) {
    case 'done':
      rest(pool, environment);
      current?.resolve(message.result);
      return;
    case 'failed':
      rest(pool, environment);
      current?.reject(new Error(message.fault));
      return;
    case 'post': {
      const { call, connectionId, payload } = message;
      void Promise.resolve(management.post(connectionId, payload)).then((status) =>
        tell(environment, { type: 'posted', call, status }),
      );
      return;
    }
    case 'delete':
      management.delete(message.connectionId);
      return;
    case 'queue': {
      const { call } = message;
      ingress.send(message.event).then(
        () => tell(environment, { type: 'queued', call }),
        (cause: unknown) => tell(environment, { type: 'queued', call, fault: String(cause) }),
      );
      return;
    }
    case 'ready':
      return;
    case 'started':
    case 'wrote':
    case 'ended':
    case 'broke':
      pool.requests.hear(message);
      return;
    default:
      message satisfies never;
  }
}

function bury(pool: Pool, environment: Environment): void {
  pool.all.delete(environment);
  pool.requests.buried(environment);
  const at = pool.idle.indexOf(environment);
  if (at >= 0) pool.idle.splice(at, 1);
  environment.current?.reject(new Error('The environment died'));
  // A fault at birth would come again and again: only one that has worked is replaced.
  if (!pool.closing && (at >= 0 || environment.current !== undefined)) {
    spawn(pool).catch((cause: unknown) => pool.options.log.error('environment.birth', cause));
  }
  if (pool.all.size > 0) return;
  for (const { reject } of pool.waiting.splice(0)) reject(new Error(NONE_LEFT));
}

async function close(pool: Pool): Promise<void> {
  pool.closing = true;
  await Promise.all(
    [...pool.all].map(
      (environment) =>
        new Promise<void>((resolve) => {
          environment.worker.once('exit', () => resolve());
          tell(environment, { type: 'leave' });
        }),
    ),
  );
}

function tell(environment: Environment, message: ToEnvironment): void {
  environment.worker.postMessage(message);
}
