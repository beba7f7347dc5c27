/** Starts the peers of the benches, and reads what they use. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ASKED, type PeerName } from './manner.ts';
import { startRabbitMq } from './rabbitmq.ts';

export interface Peer {
  readonly name: PeerName;
  readonly url: string;
  /** Of the server's processes alone, user and system. */
  cpuMicroseconds(): number | Promise<number>;
  /** Octets resident. */
  memoryBytes(): number | Promise<number>;
  stop(): Promise<void>;
}

export interface PeerOptions {
  /** Where it may keep what it stores; its own names in it. */
  readonly folder: string;
  /** Where a CPU profile of it is written when it ends. */
  readonly profile?: string | undefined;
}

/** Flags of Node as `npm start` has them, for the broker… */
export const STARTED = flagsOf(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);
/** …and for the others: Node's own defaults. */
export const LOADED = ['--import', new URL('../../local/sources.mjs', import.meta.url).href];

function flagsOf(manifest: string): readonly string[] {
  const { scripts }: { scripts: { start: string } } = JSON.parse(manifest);
  return scripts.start.split(' ').slice(1, -1);
}

function isBroker(name: PeerName): boolean {
  return name === 'memory' || name === 'lmdb';
}

/** Undefined: it is not installed. */
export async function startPeer(
  name: PeerName,
  { folder, profile }: PeerOptions,
): Promise<Peer | undefined> {
  if (name === 'rabbitmq') {
    const server = await startRabbitMq(folder);
    return server === undefined ? undefined : { name, ...server };
  }
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const file = fileURLToPath(new URL('server.ts', import.meta.url));
  const child = fork(file, [name, join(folder, name)], {
    execArgv: [...(isBroker(name) ? STARTED : LOADED), '--expose-gc', ...profiling],
  });
  const [url] = await once(child, 'message');
  const ask = async (what: string): Promise<number> => {
    child.send(what);
    const [answer] = await once(child, 'message');
    return Number(answer);
  };
  return {
    name,
    url: String(url),
    cpuMicroseconds: () => ask(ASKED.cpu),
    memoryBytes: () => ask(ASKED.memory),
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
