/** What a good engineer's bundle on the SDK alone is: ESM, minified, with the settings of ours. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { BUNDLED } from '../infra/bundle-settings.ts';

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
    ...BUNDLED,
  };
  await build(options);
  return outfile;
}
