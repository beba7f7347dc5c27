/**
 * Makes the bundles that AWS, the template runtime and the tests all load: one folder a handler, so
 * that each holds no more than its own handler reaches. ESM, since that is smaller and loads faster;
 * no source map and no path of the machine in it, so that the same sources give the same asset hash
 * everywhere. `node --import tsx infra/bundle.ts [folder]`, by default build/.
 */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { HANDLERS, type HandlerName } from './handler.ts';

/** Loading counts in every cold start. */
const BUNDLE_BYTES_MAX = 300 * 1024;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A Lambda has its credentials in variables. The SDK's default chain knows files, SSO and other
 * machines besides, and is a third of a bundle.
 */
const credentials = join(root, 'adapters/environment-credentials.ts');

function options(handler: HandlerName, folder: string): BuildOptions {
  return {
    stdin: { contents: `export { ${handler} } from './lambda/main.ts';`, resolveDir: root },
    absWorkingDir: root,
    outfile: join(folder, handler, 'index.mjs'),
    alias: { '@aws-sdk/credential-provider-node': credentials },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    // Wiring one handler has no effect on another: what is not exported here falls away.
    pure: ['wired'],
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  };
}

function report(handler: HandlerName, { outputs }: Metafile): void {
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`${handler.padEnd(12)}${(bytes / 1024).toFixed(1).padStart(7)} KB`);
  if (bytes > BUNDLE_BYTES_MAX) {
    throw new Error(`${handler}: ${bytes} octets are more than the ${BUNDLE_BYTES_MAX} allowed`);
  }
}

const folder = resolve(process.argv[2] ?? join(root, 'build'));
for (const handler of HANDLERS) {
  rmSync(join(folder, handler), { recursive: true, force: true });
  const { metafile } = await build(options(handler, folder));
  if (metafile !== undefined) report(handler, metafile);
}
