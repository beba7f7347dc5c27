/** A broker in a process of its own, as `npm start` runs it, ended with its test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Broker {
  /** Where the page is, with a slash at its end. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const READY_MS = 30_000;

/** Resolves once the broker says that it is ready; its words are part of the error if it does not. */
export async function startBroker(port: number): Promise<Broker> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'local/main.ts', '--memory', '--port', String(port)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const url = await readyUrl(child);
  return {
    url,
    port: Number(new URL(url).port),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the broker has no output to read');
  const said: string[] = [];
  stderr.on('data', (data: Buffer) => said.push(data.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  try {
    for await (const line of createInterface({ input: stdout })) {
      said.push(line);
      const [, address] = /^ready on (\S+)$/.exec(line) ?? [];
      if (address === undefined) continue;
      stdout.resume();
      return `http://${address}/`;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the broker did not start: ${said.join('\n')}`);
}
