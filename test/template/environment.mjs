/**
 * One Lambda environment: loads a handler as the Node.js runtime does, runs one event at a time.
 * Plain JavaScript, because a worker thread loads it without a TypeScript loader. As a worker it
 * freezes on return: the thread stops in `Atomics.wait`, so that work which was not awaited does
 * not go on until the next event thaws it, as on AWS.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { awslambda, isStreaming, runStreaming } from './streaming.mjs';

// There for every function, whether it streams or not.
globalThis.awslambda = awslambda;

/** Errors are named as Lambda names them. Returns the handler, or throws `{errorType, …}`. */
export async function loadHandler(folder, handler, rewrite = (file) => file) {
  const dot = handler.lastIndexOf('.');
  const [name, exported] = [handler.slice(0, dot), handler.slice(dot + 1)];
  if (dot <= 0 || exported === '') {
    throw failure('Runtime.MalformedHandlerName', `Bad handler ${handler}`);
  }
  const file = ['.js', '.mjs', '.cjs'].map((end) => join(folder, name + end)).find(existsSync);
  if (file === undefined) {
    throw failure('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`);
  }
  let module;
  try {
    module = await import(pathToFileURL(rewrite(file)).href);
  } catch (cause) {
    const type = cause instanceof SyntaxError ? 'UserCodeSyntaxError' : 'ImportModuleError';
    throw failure(`Runtime.${type}`, String(cause?.stack ?? cause));
  }
  const found = module[exported] ?? module.default?.[exported];
  if (typeof found !== 'function') {
    throw failure('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  }
  return found;
}

/**
 * `{value}` as JSON text, or `{errorType, errorMessage}`. Never throws. What a handler streams is
 * told meanwhile.
 */
export async function runHandler(handler, eventText, context, tell = () => undefined) {
  try {
    const deadline = Date.now() + context.timeoutMilliseconds;
    const event = JSON.parse(eventText);
    const full = { ...context, getRemainingTimeInMillis: () => deadline - Date.now() };
    const value = isStreaming(handler)
      ? await runStreaming(handler, event, full, tell)
      : await handler(event, full);
    return { value: JSON.stringify(value ?? null) };
  } catch (cause) {
    return {
      errorType: cause?.name ?? 'Error',
      errorMessage: String(cause?.message ?? cause),
      trace: String(cause?.stack ?? ''),
    };
  }
}

function failure(errorType, errorMessage) {
  return { errorType, errorMessage };
}

if (workerData?.environment !== undefined) {
  const { folder, handler, gate } = workerData.environment;
  const frozen = new Int32Array(gate);
  try {
    const loaded = await loadHandler(folder, handler);
    parentPort.on('message', async ({ event, context }) => {
      const answer = await runHandler(loaded, event, context, (part) =>
        parentPort.postMessage(part),
      );
      Atomics.store(frozen, 0, 1);
      parentPort.postMessage(answer);
      Atomics.wait(frozen, 0, 1);
    });
    parentPort.postMessage({ ready: true, streams: isStreaming(loaded) });
  } catch (cause) {
    parentPort.postMessage(cause?.errorType ? cause : failure('Runtime.InitError', String(cause)));
  }
}
