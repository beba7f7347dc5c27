/** Two kinds of Lambda environment behind one face: a module in this process, a frozen worker. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { loadHandler, runHandler } from './environment.mjs';
import { isObject } from './json.ts';
import { isStreaming } from './streaming.mjs';

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
  /** Nothing of it runs afterwards (a module in this process merely gets no more events). */
  kill(): Promise<void>;
}

/**
 * `process`: a module instance of its own in this process, quick and easy to debug.
 * `frozen`: a worker thread that stops when its handler has returned.
 */
export type Mode = 'process' | 'frozen';

export type Logged = (line: string) => void;

/** Loads the handler; an answer instead of an environment says why it cannot be loaded. */
export function startEnvironment(
  mode: Mode,
  spec: FunctionSpec,
  log: Logged,
): Promise<Environment | Answer> {
  return mode === 'process' ? startModule(spec, log) : startWorker(spec, log);
}

/** Where module instances find what stands in for `process` and `console` in them. */
const shadows = new Map<string, { readonly process: unknown; readonly console: Console }>();
Object.assign(globalThis, { stompwayEnvironments: shadows });
let instances = 0;

async function startModule(spec: FunctionSpec, log: Logged): Promise<Environment | Answer> {
  instances += 1;
  const id = `${spec.name}-${instances}`;
  shadows.set(id, shadow(spec, log));
  try {
    const handler = await loadHandler(spec.folder, spec.handler, (file) => ownCopy(file, id));
    return {
      streams: isStreaming(handler),
      invoke: (eventText, context, tell) => runHandler(handler, eventText, context, tell),
      kill: async () => {
        shadows.delete(id);
      },
    };
  } catch (cause) {
    return answerOf(cause);
  }
}

/** The same source under another name: modules are cached by URL. Line numbers stay. */
function ownCopy(file: string, id: string): string {
  const copy = join(dirname(file), `${id}${extname(file)}`);
  const names = `const { process, console } = globalThis.stompwayEnvironments.get('${id}');`;
  writeFileSync(copy, names + readFileSync(file, 'utf8'));
  return copy;
}

function shadow(
  spec: FunctionSpec,
  log: Logged,
): { readonly process: unknown; readonly console: Console } {
  const lines = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      log(String(chunk).trimEnd());
      done();
    },
  });
  const environment = { ...spec.environment };
  const own = new Proxy(process, {
    get: (target, key) => {
      if (key === 'env') return environment;
      if (key === 'stdout' || key === 'stderr') return lines;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { process: own, console: new console.Console({ stdout: lines, stderr: lines }) };
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

function isPart(message: unknown): message is Part {
  return isObject(message) && ('contentType' in message || 'chunk' in message);
}

function isReady(message: unknown): message is { readonly streams?: unknown } {
  return isObject(message) && 'ready' in message;
}

/** What an environment said, as an answer. */
function answerOf(said: unknown): Answer {
  if (typeof said === 'object' && said !== null) {
    if ('value' in said && typeof said.value === 'string') return { value: said.value };
    if ('errorType' in said && 'errorMessage' in said) {
      const trace = 'trace' in said ? String(said.trace) : '';
      return { errorType: String(said.errorType), errorMessage: String(said.errorMessage), trace };
    }
  }
  return { errorType: 'Runtime.Unknown', errorMessage: String(said) };
}
