/** The processes of bench/post.ts and bench/post-burst.ts: a client, bundled and started. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLED } from '../infra/bundle-settings.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** As infra/bundle.ts does it, so that what is measured is what a Lambda runs. */
export async function bundledClient(folder: string): Promise<string> {
  const outfile = join(folder, 'post-client.mjs');
  await build({
    entryPoints: [join(here, 'post-client.ts')],
    outfile,
    ...BUNDLED,
    logLevel: 'error',
  });
  return outfile;
}

export interface ClientOptions {
  /** Of `bundledClient`. */
  readonly file: string;
  readonly kind: string;
  /** The gateway's. */
  readonly port: number;
  /** The file of its certificate. */
  readonly ca: string;
  readonly inFlight: number;
  readonly execArgv: readonly string[];
}

/** Ready to be told how many it posts. */
export async function startClient(options: ClientOptions): Promise<ChildProcess> {
  const { file, kind, port, ca, inFlight, execArgv } = options;
  const child = fork(file, [kind, `https://localhost:${port}/ws`, String(inFlight)], {
    execArgv: ['--no-warnings', ...execArgv],
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: ca,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
      AWS_SECRET_ACCESS_KEY: 'bench-secret-of-forty-characters-or-so..',
      // As long as a function's own.
      AWS_SESSION_TOKEN: 'token'.repeat(200),
    },
  });
  await once(child, 'message');
  keepTo(0, child);
  return child;
}

/**
 * Client and gateway have a core each, where there is `taskset`: on one core every request written
 * wakes the gateway, which throws the client off it, and the cost of that is nobody's post.
 */
export function keepTo(core: number, { pid }: ChildProcess): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log('without taskset: client and gateway disturb each other');
  }
}
