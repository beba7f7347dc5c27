/**
 * Flags and variables of `npm start`. A flag beats its variable; what is unknown or contradictory
 * is refused in words before anything starts.
 */
import { parseArgs } from 'node:util';

export interface Options {
  readonly port: number;
  readonly host: string;
  /** The folder of the store; unused with `memory`. */
  readonly data: string;
  readonly memory: boolean;
  readonly ingress: 'fifo' | 'direct';
  /** Undefined: `stompway.json` if it is there. */
  readonly config: string | undefined;
  /** 0: handlers run in this process; else so many worker threads. */
  readonly environments: number;
  /** Every write is on the disk before it counts. */
  readonly durable: boolean;
}

/** More threads than this is a slip of the finger. */
const ENVIRONMENTS_MAX = 64;

export const USAGE = `npm start -- [options]
  --port N           port to listen on; 8080, or PORT
  --host HOST        address to listen on; 127.0.0.1, or HOST; beyond loopback with identity alone
  --data DIR         folder of the store; .stompway/
  --memory           keep nothing on disk
  --ingress KIND     fifo (default) or direct
  --config FILE      rules; stompway.json if it is there
  --environments N   worker threads, one invocation each; 0 is this process
  --durable          survive a power cut, at the price of slower writes
  --help, --version  say this, or which stompway this is`;

/** What is said in place of a start; undefined: nothing of the kind is asked. */
export function readQuestion(args: readonly string[], server: string): string | undefined {
  if (args.includes('--help') || args.includes('-h')) return USAGE;
  return args.includes('--version') ? server : undefined;
}

/** The options, or a sentence on what is wrong with them. */
export function readOptions(
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Options | string {
  const flags = readFlags(args);
  if (typeof flags === 'string') return flags;
  const host = flags.host ?? (variables['HOST'] || '127.0.0.1');
  const port = wholeNumber(flags.port ?? (variables['PORT'] || '8080'), 65_535);
  const environments = wholeNumber(flags.environments ?? '0', ENVIRONMENTS_MAX);
  const ingress = flags.ingress ?? 'fifo';
  if (port === undefined) return 'The port must be a number from 0 to 65535.';
  if (environments === undefined) {
    return `--environments must be a number from 0 to ${ENVIRONMENTS_MAX}.`;
  }
  if (ingress !== 'fifo' && ingress !== 'direct') return '--ingress is fifo or direct.';
  if (flags.memory && flags.data !== undefined) return '--memory and --data exclude each other.';
  if (flags.memory && flags.durable) return '--memory keeps nothing, so --durable cannot hold.';
  return {
    port,
    host,
    data: flags.data ?? '.stompway',
    memory: flags.memory ?? false,
    ingress,
    config: flags.config,
    environments,
    durable: flags.durable ?? false,
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        data: { type: 'string' },
        memory: { type: 'boolean' },
        ingress: { type: 'string' },
        config: { type: 'string' },
        environments: { type: 'string' },
        durable: { type: 'boolean' },
      },
    }).values;
  } catch (fault) {
    // parseArgs throws on an unknown flag, with words meant for the person who typed it.
    return `${fault instanceof Error ? fault.message : String(fault)}\n\n${USAGE}`;
  }
}

function wholeNumber(text: string, max: number): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

/** Why nobody may listen there; undefined: one may. */
export function hostFault(host: string, identified: boolean): string | undefined {
  if (identified || isLoopback(host)) return undefined;
  return `Cannot listen on ${host} (--host, or the variable HOST): without identities anybody there could read and write everything. Configure identity, or use 127.0.0.1, ::1 or localhost.`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
