/**
 * Environments of one runtime side by side in one thread: each a module instance of its own, with
 * what stands in for `process` and `console` in it. Plain JavaScript, as `environment.mjs`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { Writable } from 'node:stream';
import { parentPort } from 'node:worker_threads';
import { loadHandler, runHandler } from './environment.mjs';
import { isStreaming } from './streaming.mjs';

/** Where module instances find their shadows, by environment. */
const shadows = new Map();
globalThis.stompwayEnvironments = shadows;
const handlers = new Map();

parentPort.on('message', async (asked) => {
  const { call, id } = asked;
  if (asked.type === 'end') {
    shadows.delete(id);
    handlers.delete(id);
    return;
  }
  const answer =
    asked.type === 'load'
      ? await load(asked)
      : await runHandler(handlers.get(id), asked.event, asked.context, (part) =>
          parentPort.postMessage({ call, part }),
        );
  parentPort.postMessage({ call, answer });
});

async function load({ id, folder, handler, environment }) {
  shadows.set(
    id,
    shadow(environment, (line) => parentPort.postMessage({ id, line })),
  );
  try {
    const loaded = await loadHandler(folder, handler, (file) => ownCopy(file, id));
    handlers.set(id, loaded);
    return { ready: true, streams: isStreaming(loaded) };
  } catch (cause) {
    shadows.delete(id);
    return cause?.errorType
      ? cause
      : { errorType: 'Runtime.InitError', errorMessage: String(cause) };
  }
}

/** The same source under another name: modules are cached by URL. Line numbers stay. */
function ownCopy(file, id) {
  const copy = join(dirname(file), `${id}${extname(file)}`);
  const names = `const { process, console } = globalThis.stompwayEnvironments.get('${id}');`;
  writeFileSync(copy, names + readFileSync(file, 'utf8'));
  return copy;
}

function shadow(environment, log) {
  const lines = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      log(String(chunk).trimEnd());
      done();
    },
  });
  const env = { ...environment };
  const own = new Proxy(process, {
    get: (target, key) => {
      if (key === 'env') return env;
      if (key === 'stdout' || key === 'stderr') return lines;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { process: own, console: new console.Console({ stdout: lines, stderr: lines }) };
}
