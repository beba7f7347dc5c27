/** What a good engineer's bundle on the SDK alone is: ESM, minified, with the settings of ours. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// Some of the SDK's packages are CommonJS and require what is Node's.
const BANNER =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** `contents` with all that it imports, as `outfile`. */
export async function sdkBundle(
  contents: string,
  outfile: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options: BuildOptions = {
    stdin: { contents, resolveDir: join(root, 'bench'), loader: 'ts' },
    absWorkingDir: root,
    outfile,
    alias: { ...alias },
    banner: { js: BANNER },
    external: ['@smithy/core/event-streams'],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
  };
  await build(options);
  return outfile;
}
