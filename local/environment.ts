/**
 * One execution environment: a worker thread with modules, store handle and caches of its own, over
 * the shared LMDB folder. Posts and queue sends go through the main thread, which owns the sockets.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { lmdbStore } from '../adapters/lmdb/store.ts';
import { consoleLog, systemClock, systemIds } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Ingress } from '../broker/ports.ts';
import { makeSlow } from '../broker/slow.ts';
import { type Handlers, type HandlerWorld, makeHandlers } from './handlers.ts';
import { shelfJobs } from './jobs.ts';
import type { PostStatus } from './management.ts';
import { openSecurity } from './security.ts';
import type { Birth, FromEnvironment, ToEnvironment } from './thread.ts';
import { environmentRequests } from './thread-requests.ts';

const port = parentPort;
if (port === null) throw new Error('An environment is a worker thread');
const birth: Birth = workerData;

/** Calls of ours that the main thread has not answered yet. */
const posts = new Map<number, (status: PostStatus) => void>();
const sends = new Map<number, (fault: string | undefined) => void>();
let calls = 0;

const management: HandlerWorld['management'] = {
  post: (connectionId, payload) =>
    new Promise((resolve) => {
      calls += 1;
      posts.set(calls, resolve);
      tell({ type: 'post', call: calls, connectionId, payload });
    }),
  delete: (connectionId) => tell({ type: 'delete', connectionId }),
  // Only the main thread sweeps.
  get: () => ({}),
};

const ingress: Ingress = {
  send: (event) =>
    new Promise((resolve, reject) => {
      calls += 1;
      sends.set(calls, (fault) => (fault === undefined ? resolve() : reject(new Error(fault))));
      tell({ type: 'queue', call: calls, event });
    }),
};

const store = lmdbStore({
  path: birth.path,
  durable: birth.durable,
  clock: systemClock,
  limits: { ...LIMITS, ...birth.limits },
});
const log = consoleLog({ level: 'warn', write: console.error });
const handlers = makeHandlers({
  keeping: { store, ...store },
  rules: birth.rules,
  socketio: birth.socketio,
  security: await openSecurity(birth.security, { log, limits: { ...LIMITS, ...birth.limits } }),
  management,
  log,
  limits: birth.limits,
  ingress: birth.queued ? ingress : undefined,
  slow: makeSlow(),
  // Done by the main thread, which looks for them.
  jobs: shelfJobs({ shelf: store.shelf, clock: systemClock, ids: systemIds }),
});

const requests = environmentRequests(handlers.http.handle, tell);

port.on('message', (message: ToEnvironment) => {
  switch (message.type) {
    case 'invoke':
      void invoke(message);
      return;
    case 'posted':
      posts.get(message.call)?.(message.status);
      posts.delete(message.call);
      return;
    case 'queued':
      sends.get(message.call)?.(message.fault);
      sends.delete(message.call);
      return;
    case 'request':
      requests.start(message.call, message.request);
      return;
    case 'gone':
      requests.gone(message.call);
      return;
    case 'leave':
      void leave();
      return;
    default:
      message satisfies never;
  }
});
tell({ type: 'ready' });

async function leave(): Promise<void> {
  handlers.http.stop();
  await requests.stop();
  await store.close();
  port?.close();
}

async function invoke({ call, handler, event }: ToEnvironment & { type: 'invoke' }): Promise<void> {
  try {
    // The event was made for this handler by the main thread's own types.
    const run = handlers[handler] as (event: unknown) => ReturnType<Handlers[keyof Handlers]>;
    tell({ type: 'done', call, result: await run(event) });
  } catch (cause) {
    tell({ type: 'failed', call, fault: cause instanceof Error ? cause.message : String(cause) });
  }
}

function tell(message: FromEnvironment): void {
  port?.postMessage(message);
}
