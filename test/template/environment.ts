/** Two kinds of Lambda environment behind one face: a module in a shared thread, a frozen worker. */
import { Worker } from 'node:worker_threads';
import { answerOf, isPart, isReady } from './said.ts';
import { sharedThread } from './shared-thread.ts';

/** What a function is, once its template is resolved. */
export interface FunctionSpec {
  readonly name: string;
  readonly arn: string;
  readonly role: string;
  /** A copy of the asset, outside the repository: nothing but the bundle can be imported. */
  readonly folder: string;
  /** `file.export`. */
  readonly handler: string;
  /** All of it: nothing of this process's own environment reaches the function. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMilliseconds: number;
  readonly memoryMegabytes: number;
  readonly logGroup: string;
}

/** `value` is JSON text. Errors are named as Lambda names them. */
export type Answer =
  | { readonly value: string }
  | { readonly errorType: string; readonly errorMessage: string; readonly trace?: string };

export interface InvocationContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly invokedFunctionArn: string;
  readonly timeoutMilliseconds: number;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
}

/** What a streaming handler says: the content type once, first, then octets. */
export type Part = { readonly contentType: string } | { readonly chunk: Uint8Array };
export type Tell = (part: Part) => void;

/** One at a time: `invoke` is not called again before it has answered. */
export interface Environment {
  /** Whether its handler streams its answers. */
  readonly streams: boolean;
  invoke(eventText: string, context: InvocationContext, tell: Tell): Promise<Answer>;
  /** Nothing of it runs afterwards (a module in a shared thread merely gets no more events). */
  kill(): Promise<void>;
}

/**
 * `process`: a module instance of its own in one thread for all of a runtime; quick.
 * `frozen`: a worker thread that stops when its handler has returned.
 */
export type Mode = 'process' | 'frozen';

export type Logged = (line: string) => void;

/** Where a runtime's environments come from. */
export interface Environments {
  /** Loads the handler; an answer instead of an environment says why it cannot be loaded. */
  start(spec: FunctionSpec, log: Logged): Promise<Environment | Answer>;
  /** Whatever they had in hand is over, and what they held is let go. */
  close(): Promise<void>;
}

export function environmentsOf(mode: Mode): Environments {
  if (mode === 'process') return sharedThread();
  return { start: startWorker, close: async () => undefined };
}

async function startWorker(spec: FunctionSpec, log: Logged): Promise<Environment | Answer> {
  const gate = new SharedArrayBuffer(4);
  const frozen = new Int32Array(gate);
  const worker = new Worker(new URL('./environment.mjs', import.meta.url), {
    env: { ...spec.environment },
    execArgv: ['--no-warnings'],
    stdout: true,
    stderr: true,
    workerData: { environment: { folder: spec.folder, handler: spec.handler, gate } },
  });
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.on('data', (chunk) => log(String(chunk).trimEnd()));
  }
  const first = await lastMessage(worker);
  if (!isReady(first)) {
    await worker.terminate();
    return answerOf(first);
  }
  worker.unref();
  return {
    streams: first.streams === true,
    invoke: async (event, context, tell) => {
      const answered = lastMessage(worker, tell);
      worker.postMessage({ event, context });
      Atomics.store(frozen, 0, 0);
      Atomics.notify(frozen, 0);
      return answerOf(await answered);
    },
    kill: async () => {
      await worker.terminate();
    },
  };
}

/** The next message that is no part of a stream, or what Lambda says of a process that ended. */
function lastMessage(worker: Worker, tell: Tell = () => undefined): Promise<unknown> {
  return new Promise((resolve) => {
    const settle = (value: unknown): void => {
      worker.off('message', heard).off('error', failed).off('exit', ended);
      resolve(value);
    };
    const heard = (value: unknown): void => {
      if (isPart(value)) tell(value);
      else settle(value);
    };
    const failed = (cause: unknown): void =>
      settle({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: String(cause) });
    const ended = (code: number): void =>
      settle({ errorType: 'Runtime.ExitError', errorMessage: `exited with status ${code}` });
    worker.on('message', heard).on('error', failed).on('exit', ended);
  });
}
