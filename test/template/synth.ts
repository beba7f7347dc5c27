/** Bundles the handlers and synthesizes the app, as `npx cdk synth` does, into a folder. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { INLINE_POSTS } from './journeys-audience.ts';
import { VARIANTS, type Variant } from './variants.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Synthesized {
  /** The cloud assembly of a variant. */
  folder(name: string): string;
  discard(): void;
}

export async function synthesize(variants: readonly Variant[] = VARIANTS): Promise<Synthesized> {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-assembly-'));
  await run('infra/bundle.ts', {});
  for (const { name, ingress, context } of variants) {
    await run('infra/app.ts', {
      CDK_OUTDIR: join(folder, name),
      CDK_CONTEXT_JSON: JSON.stringify({ ingress, inlinePosts: INLINE_POSTS, ...context }),
    });
  }
  return {
    folder: (name) => join(folder, name),
    discard: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function run(script: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${script} ended with ${code}`)),
    );
  });
}
