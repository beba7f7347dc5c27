/**
 * A thread for many environments, each a module instance of its own: quick, and their work goes on
 * when their handlers have returned. It is a thread because nothing lets go of a module that it has
 * imported but by ending: at 2 MB an environment, a suite of thousands ran out of memory.
 */
import { Worker } from 'node:worker_threads';
import type { Answer, Environments, Logged, Tell } from './environment.ts';
import { answerOf, isPart, isReady } from './said.ts';

interface Pending {
  readonly tell: Tell;
  readonly settle: (answer: unknown) => void;
}

interface Thread {
  /** What the thread answers, or what Lambda says of a process that ended. */
  ask(what: object, tell?: Tell): Promise<unknown>;
  /** Who hears what is logged, by environment: those that have not ended. */
  readonly logs: Map<string, Logged>;
  forget(id: string): void;
  end(): Promise<void>;
}

/** Environments that a thread is given, before another begins: some 150 MB, never let go of. */
const STARTS_MAX = 64;

/** A thread begins with its first environment; what one does to it, all of them feel. */
export function sharedThread(): Environments {
  const threads = new Set<Thread>();
  let newest: Thread | undefined;
  let started = 0;
  const threadForOneMore = (): Thread => {
    if (newest !== undefined && started % STARTS_MAX !== 0) return newest;
    const thread = openThread(() => {
      threads.delete(thread);
      if (newest === thread) newest = undefined;
    });
    threads.add(thread);
    newest = thread;
    return thread;
  };
  return {
    start: async (spec, log) => {
      const thread = threadForOneMore();
      started += 1;
      const id = `${spec.name}-${started}`;
      thread.logs.set(id, log);
      const end = async (): Promise<void> => {
        thread.forget(id);
        if (thread.logs.size === 0 && thread !== newest) await thread.end();
      };
      const { folder, handler, environment } = spec;
      const first = await thread.ask({ type: 'load', id, folder, handler, environment });
      if (!isReady(first)) {
        await end();
        return answerOf(first);
      }
      return {
        streams: first.streams === true,
        invoke: async (event, context, tell) =>
          answerOf(await thread.ask({ type: 'invoke', id, event, context }, tell)),
        kill: end,
      };
    },
    close: async () => {
      await Promise.all([...threads].map((thread) => thread.end()));
    },
  };
}

function openThread(onEnd: () => void): Thread {
  const pending = new Map<number, Pending>();
  const logs = new Map<string, Logged>();
  let calls = 0;
  let over: Answer | undefined;
  // Nothing of this process's own environment reaches the functions.
  const url = new URL('./shared-thread.mjs', import.meta.url);
  const worker = new Worker(url, { env: {}, execArgv: ['--no-warnings'] });
  worker.unref();
  const ended = (answer: Answer): void => {
    over ??= answer;
    onEnd();
    for (const { settle } of pending.values()) settle(over);
    pending.clear();
  };
  worker.on('error', (cause) =>
    ended({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: String(cause) }),
  );
  worker.on('exit', (code) =>
    ended({ errorType: 'Runtime.ExitError', errorMessage: `exited with status ${code}` }),
  );
  worker.on('message', ({ call, id, line, part, answer }) => {
    if (id !== undefined) return logs.get(id)?.(line);
    const asked = pending.get(call);
    if (isPart(part)) return asked?.tell(part);
    pending.delete(call);
    asked?.settle(answer);
  });
  return {
    logs,
    forget: (id) => {
      logs.delete(id);
      worker.postMessage({ type: 'end', id });
    },
    ask: (what, tell = () => undefined) =>
      new Promise((settle) => {
        if (over !== undefined) return settle(over);
        calls += 1;
        pending.set(calls, { tell, settle });
        worker.postMessage({ ...what, call: calls });
      }),
    end: async () => {
      await worker.terminate();
    },
  };
}
