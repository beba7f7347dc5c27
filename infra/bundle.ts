/**
 * Makes the bundles that AWS, the template runtime and the tests all load: one folder a handler, so
 * that each holds no more than its own handler reaches, with one file in it, since each file more
 * costs a start more than what is left out of the first. ESM, since that is smaller and loads faster;
 * no source map and no path of the machine in it, so that the same sources give the same asset hash
 * everywhere. `node --import tsx infra/bundle.ts [folder]`, by default build/.
 */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { builtins } from './builtins.ts';
import { BUNDLED } from './bundle-settings.ts';
import { HANDLERS, type HandlerName } from './handler.ts';
import { ALIASES, thinSdk } from './thin-sdk.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is posted through the SDK with is loaded from beside the bundle, and where it is asked for. */
const sdkPosting: Plugin = {
  name: 'sdk-posting',
  setup({ onResolve }) {
    onResolve({ filter: /\/apigateway\/sdk\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './sdk.mjs', external: true } : undefined,
    );
  },
};

/** Of `http` alone; elsewhere the import goes with the code around it, which nothing reaches. */
const httpParts: Plugin = {
  name: 'http-parts',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/\w+\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/** A file of ours does nothing by being loaded: one of which nothing is used is not. */
const pureSources: Plugin = {
  name: 'pure-sources',
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, resolveDir, kind }) =>
      kind === 'import-statement'
        ? { path: join(resolveDir, path), sideEffects: path.endsWith('/main.ts') }
        : undefined,
    );
  },
};

/** Imported when an operation streams events, or in a browser. None of ours does, or runs there. */
const NEVER_LOADED = ['@smithy/core/event-streams', 'bowser'];

function options(handler: HandlerName, folder: string): BuildOptions {
  return {
    stdin: { contents: `export { ${handler} } from './lambda/main.ts';`, resolveDir: root },
    absWorkingDir: root,
    outdir: join(folder, handler),
    entryNames: 'index',
    outExtension: { '.js': '.mjs' },
    alias: ALIASES,
    external: NEVER_LOADED,
    plugins: [
      thinSdk('dynamodb'),
      builtins,
      sdkPosting,
      ...(handler === 'http' ? [] : [httpParts]),
      pureSources,
    ],
    ...BUNDLED,
    metafile: true,
    logLevel: 'warning',
  };
}

function report(handler: HandlerName, { outputs }: Metafile): void {
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`${handler.padEnd(12)}${kilobytes(bytes).padStart(10)}`);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

/** Files shipped beside a bundle where they are needed: who is known, what is asked of AWS, how to post. */
const BESIDE = {
  identity: 'adapters/identity/shipped.ts',
  asked: 'adapters/asked.ts',
  sdk: 'adapters/apigateway/sdk.ts',
} as const;

function beside(name: keyof typeof BESIDE, folder: string): BuildOptions {
  const { stdin: _, ...common } = options('connect', folder);
  return {
    ...common,
    plugins: [thinSdk('any'), builtins],
    entryPoints: [join(root, BESIDE[name])],
    outdir: join(folder, name),
  };
}

const folder = resolve(process.argv[2] ?? join(root, 'build'));
for (const handler of HANDLERS) {
  rmSync(join(folder, handler), { recursive: true, force: true });
  const { metafile } = await build(options(handler, folder));
  if (metafile !== undefined) report(handler, metafile);
}
for (const name of ['identity', 'asked', 'sdk'] as const) {
  rmSync(join(folder, name), { recursive: true, force: true });
  await build(beside(name, folder));
}
