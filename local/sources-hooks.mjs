/** Loads TypeScript of this repository; runs in the thread that Node has for its loaders. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

const ROOT = new URL('..', import.meta.url).href;
const INSTALLED = new URL('../node_modules/', import.meta.url).href;

export async function load(url, context, next) {
  const own = url.startsWith(ROOT) && url.endsWith('.ts') && !url.startsWith(INSTALLED);
  if (!own) return next(url, context);
  const file = fileURLToPath(url);
  const { code } = await transform(await readFile(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: `node${process.versions.node}`,
    sourcefile: file,
    sourcemap: 'inline',
    sourcesContent: false,
  });
  return { format: 'module', source: code, shortCircuit: true };
}
