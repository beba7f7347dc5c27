/** Starts this package's own server for the run, on loopback and a free port, and ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const START_MS_MAX = 20_000;

export interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

/** Resolves once the server says `ready`; rejects with what it printed if it ends before. */
export async function startServer(more: readonly string[]): Promise<Started> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      '--import',
      './local/sources.mjs',
      'local/main.ts',
      '--memory',
      '--port',
      String(port),
      ...more,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  // Whatever ends this process, a broken pipe for one, must not leave the server behind.
  process.once('exit', () => child.kill());
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
  };
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const said: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (!line.startsWith('ready')) continue;
    clearTimeout(deadline);
    child.stdout.resume();
    return { url: `ws://127.0.0.1:${port}/ws`, stop };
  }
  clearTimeout(deadline);
  throw new Error(`the server ended before it was ready:\n${said.join('\n')}`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
