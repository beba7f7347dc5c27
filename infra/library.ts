/**
 * Makes dist/, the construct as others install it: one CommonJS file, which `require` and `import`
 * both load, so that no app ever holds two classes of one name; beside it the emitter, for the app's
 * own functions; and the declarations of both. The handlers'
 * bundles are in build/ beside it, see bundle.ts. Part of `npm pack`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
// The package is ESM by its package.json; what is in this folder is not.
writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
const common = {
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
} as const;
await build({
  ...common,
  entryPoints: [join(root, 'infra/stomp-broker.ts')],
  outfile: join(dist, 'index.js'),
});
// The SDK is the app's own, or that of Lambda's runtime.
await build({
  ...common,
  entryPoints: [join(root, 'emitter/entry.ts')],
  outfile: join(dist, 'emitter.js'),
});
const project = join(root, 'infra/tsconfig.library.json');
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', project], { stdio: 'inherit' });
