/** What esbuild is told for every bundle, and for the ones that benches hold beside them. */
import type { BuildOptions } from 'esbuild';

export const BUNDLED = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
} satisfies BuildOptions;
