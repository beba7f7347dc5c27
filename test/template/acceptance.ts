/**
 * The acceptance suite: what a client may count on, at any URL that serves the broker: AWS, the
 * template runtime, `npm start`. `npm run acceptance -- ws://127.0.0.1:8080/ws [--ingress direct]
 * [--http http://127.0.0.1:8080] [--front-door http://127.0.0.1:8080]` prints a line for each journey and `N passed, M failed[, K waived]`.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readFlags, refuse } from '../../local/flags.ts';
import type { Journey, Place } from './journey.ts';
import { JOURNEYS } from './journeys.ts';
import { serves } from './journeys-rooms.ts';
import { openPeer } from './stomp-client.ts';

export interface AcceptanceOptions {
  readonly url: string;
  /** Where the broker's HTTP is served, without a slash at its end; absent where it is not. */
  readonly httpUrl?: string | undefined;
  /** The one domain before both, the same. */
  readonly frontDoorUrl?: string | undefined;
  /** Whether journeys of half a minute are travelled as well. @default false */
  readonly slow?: boolean;
  /** Without the queue some promises are not made: they are waived by name. */
  readonly ingress: 'fifo' | 'direct';
  readonly print: (line: string) => void;
  /** How long a client waits for what should come. @default 10,000 */
  readonly patienceMilliseconds?: number;
  /** Only journeys for which this holds. */
  readonly only?: (name: string) => boolean;
}

export interface AcceptanceResult {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly waived: number;
}

export async function runAcceptance(options: AcceptanceOptions): Promise<AcceptanceResult> {
  const failed: string[] = [];
  let passed = 0;
  const open: Place['open'] = (protocols = [], path = '') =>
    openPeer(options.url + path, protocols, options.patienceMilliseconds);
  let waived = 0;
  const selected = travelled(options);
  const unserved = new Set<Journey['needs']>();
  for (const what of ['rooms', 'queues'] as const) {
    if (!selected.some(({ needs }) => needs === what)) continue;
    const probe = serves(what, { open, topic: uniqueTopic(), http: '' });
    if (!(await probe.catch(() => true))) unserved.add(what);
  }
  for (const { name, needsOrder, needs, http, run } of selected) {
    const waiver =
      needsOrder && options.ingress === 'direct'
        ? 'direct ingress promises no order'
        : unserved.has(needs)
          ? `no ${needs} served here`
          : undefined;
    if (waiver !== undefined) {
      waived += 1;
      options.print(`waived  ${name} (${waiver})`);
      continue;
    }
    const began = Date.now();
    try {
      await run({ open, topic: uniqueTopic(), http });
      passed += 1;
      options.print(`ok      ${name} (${Date.now() - began} ms)`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      failed.push(`${name}: ${why}`);
      options.print(`FAIL    ${name}: ${why}`);
    }
  }
  return { passed, failed, waived };
}

/** The journeys that are asked for, once by each door that they may take. */
function travelled(options: AcceptanceOptions): readonly (Journey & { readonly http: string })[] {
  const { httpUrl, frontDoorUrl, slow = false, only = () => true } = options;
  return JOURNEYS.filter((one) => slow || !one.slow)
    .flatMap((journey) => {
      const { name, door } = journey;
      if (door === undefined) return [{ ...journey, http: '' }];
      const doors = [
        ['the function URL', door === 'http' ? httpUrl : undefined],
        ['the front door', frontDoorUrl],
      ] as const;
      return doors.flatMap(([by, http]) =>
        http === undefined ? [] : [{ ...journey, name: `${name}, by ${by}`, http }],
      );
    })
    .filter(({ name }) => only(name));
}

/** Runs may share a broker with one another and with others. */
function uniqueTopic(): string {
  return `/topic/acceptance-${process.pid}-${Date.now()}-${Math.round(Math.random() * 1e9)}`;
}

const USAGE =
  'npm run acceptance -- ws://host:port/ws [--ingress direct] [--http URL] [--front-door URL]';

/** What hinders any connection at all: one sentence, instead of one of every journey. */
async function unreachable(url: string): Promise<string | undefined> {
  try {
    (await openPeer(url)).close();
    return undefined;
  } catch (cause) {
    if (!(cause instanceof Error)) return String(cause);
    return 'code' in cause ? String(cause.code) : cause.message;
  }
}

async function main(): Promise<void> {
  const { values, positionals } = readFlags(USAGE, (args) =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        ingress: { type: 'string', default: 'fifo' },
        http: { type: 'string' },
        'front-door': { type: 'string' },
      },
    }),
  );
  const { ingress } = values;
  const [url] = positionals;
  if (url === undefined || !/^wss?:/.test(url)) return refuse('It needs an address.', USAGE);
  if (ingress !== 'fifo' && ingress !== 'direct') {
    return refuse('--ingress is fifo or direct.', USAGE);
  }
  const fault = await unreachable(url);
  if (fault !== undefined) {
    console.error(`${url} cannot be reached: ${fault}`);
    process.exitCode = 1;
    return;
  }
  const { passed, failed, waived } = await runAcceptance({
    url,
    httpUrl: values.http?.replace(/\/$/, ''),
    frontDoorUrl: values['front-door']?.replace(/\/$/, ''),
    ingress,
    print: console.log,
  });
  console.log(`${passed} passed, ${failed.length} failed${waived > 0 ? `, ${waived} waived` : ''}`);
  process.exit(failed.length === 0 ? 0 : 1);
}

const entry = process.argv[1];
if (entry !== undefined && import.meta.url === pathToFileURL(entry).href) {
  await main();
}
