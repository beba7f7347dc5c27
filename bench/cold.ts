/**
 * What a cold start loads: the size of each handler's bundle, and how long Node takes to import it,
 * beside a bundle that holds nothing but the two SDK clients every handler needs (DynamoDB's
 * document client and the management API), with the environment as the only place to find
 * credentials, and as it comes. Then an import and the first publish to a hundred, beside a handler
 * on the SDK alone (bench/publish.ts). Each in a fresh process; CPU and wall time, the medians of
 * rounds that take turns. Lambda's own start of the runtime is not in it.
 *
 *   npm run bench:cold
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HANDLERS } from '../infra/handler.ts';
import { takeNoFlags } from '../local/flags.ts';
import { type Load, openPublishing, readLoad, SUBSCRIBERS } from './publish.ts';
import { sdkBundle } from './sdk-bundle.ts';

takeNoFlags('npm run bench:cold takes no options.');

const ROUNDS = 21;
const PUBLISH_ROUNDS = 11;
const BYTES_MAX = 300 * 1024;
const SDK = 'sdk clients';
/** The same, bundled as anybody would: with the ways to find credentials that a Lambda never goes. */
const WHOLE_SDK = 'sdk, whole';
const IMPORT_MOST = 0.6;
const PUBLISH_MOST = 0.7;
const root = fileURLToPath(new URL('..', import.meta.url));

const CLIENTS = `
export { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
export { DynamoDBClient } from '@aws-sdk/client-dynamodb';
export { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand, DeleteCommand } from '@aws-sdk/lib-dynamodb';
`;

interface Row {
  readonly name: string;
  readonly bytes: number;
  readonly cpuMilliseconds: number;
  readonly wallMilliseconds: number;
  /** CPU ÷ the two clients'. */
  readonly ratio: number;
  /** CPU ÷ the two clients' as they come. */
  readonly ofWhole: number;
}

const folder = mkdtempSync(join(tmpdir(), 'stompway-cold-'));
try {
  const paths = await bundles();
  const rows = compare(paths);
  console.log('bundle            KB   CPU ms  wall ms   CPU ÷ sdk clients, ÷ sdk, whole');
  for (const row of rows) console.log(line(row));
  const ours = rows.filter(({ name }) => name !== SDK && name !== WHOLE_SDK);
  const published = await comparePublish(paths);
  console.log(publishLine(published));
  const met =
    ours.every(({ bytes, ofWhole }) => bytes <= BYTES_MAX && ofWhole <= IMPORT_MOST) &&
    published.ratio <= PUBLISH_MOST;
  const all = { bench: 'cold', rows, published, bytesMax: BYTES_MAX, met };
  console.log(`BENCH ${JSON.stringify(all)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Path by name: the handlers as `npm run bundle` makes them, and the clients made alike. */
async function bundles(): Promise<ReadonlyMap<string, string>> {
  const bundling = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(root, 'infra/bundle.ts'), folder],
    { stdio: ['ignore', 'ignore', 'inherit'], cwd: root },
  );
  if (bundling.status !== 0) throw new Error('the bundles could not be made');
  // What is shipped beside a bundle, and loaded only where it is configured, is none.
  const made = HANDLERS.map((name) => [name, join(folder, name, 'index.mjs')] as const);
  const lean = await sdkBundle(CLIENTS, join(folder, 'clients', 'index.mjs'), {
    '@aws-sdk/credential-provider-node': join(root, 'adapters/environment-credentials.ts'),
    '@aws-sdk/endpoint-cache': join(root, 'infra/left-out.ts'),
  });
  const whole = await sdkBundle(CLIENTS, join(folder, 'whole', 'index.mjs'));
  return new Map([[WHOLE_SDK, whole], [SDK, lean], ...made]);
}

interface Published {
  readonly subscribers: number;
  readonly ours: Load;
  readonly sdk: Load;
  /** Of CPU, the median of the rounds' own. */
  readonly ratio: number;
  readonly wallRatio: number;
}

async function comparePublish(paths: ReadonlyMap<string, string>): Promise<Published> {
  const sample = "export { handler } from './publish-sample.ts';";
  const publishing = await openPublishing({
    connect: paths.get('connect') ?? '',
    message: paths.get('message') ?? '',
    sample: await sdkBundle(sample, join(folder, 'sample', 'index.mjs')),
  });
  const rounds: (readonly [ours: Load, sdk: Load])[] = [];
  try {
    for (let round = 0; round < PUBLISH_ROUNDS; round++) {
      rounds.push([await publishing.publish('message'), await publishing.publish('sample')]);
    }
  } finally {
    publishing.close();
  }
  const of = (loads: readonly Load[]): Load => ({
    cpu: rounded(median(loads.map(({ cpu }) => cpu)), 1),
    wall: rounded(median(loads.map(({ wall }) => wall)), 1),
  });
  return {
    subscribers: SUBSCRIBERS,
    ours: of(rounds.map(([ours]) => ours)),
    sdk: of(rounds.map(([, sdk]) => sdk)),
    ratio: rounded(median(rounds.map(([ours, sdk]) => ours.cpu / sdk.cpu)), 2),
    wallRatio: rounded(median(rounds.map(([ours, sdk]) => ours.wall / sdk.wall)), 2),
  };
}

function compare(paths: ReadonlyMap<string, string>): readonly Row[] {
  const loads = new Map([...paths.keys()].map((name) => [name, [] as Load[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, path] of paths) loads.get(name)?.push(load(path));
  }
  const cpuOf = (name: string) => median((loads.get(name) ?? []).map(({ cpu }) => cpu));
  return [...paths].map(([name, path]) => ({
    name,
    bytes: statSync(path).size,
    cpuMilliseconds: rounded(cpuOf(name), 1),
    wallMilliseconds: rounded(median((loads.get(name) ?? []).map(({ wall }) => wall)), 1),
    ratio: rounded(cpuOf(name) / cpuOf(SDK), 2),
    ofWhole: rounded(cpuOf(name) / cpuOf(WHOLE_SDK), 2),
  }));
}

/** One import in a fresh process. */
function load(path: string): Load {
  const script = `
    const wall = performance.now(), before = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(path).href)});
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ cpu: (user + system) / 1000, wall: performance.now() - wall }));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return readLoad(stdout);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rounded(value: number, places: number): number {
  return Number(value.toFixed(places));
}

function line({ name, bytes, cpuMilliseconds, wallMilliseconds, ratio, ofWhole }: Row): string {
  const verdicts = [
    bytes <= BYTES_MAX ? '≤ 300 KB holds' : '300 KB MISSED',
    `≤ ${IMPORT_MOST} of the whole sdk ${ofWhole <= IMPORT_MOST ? 'holds' : 'MISSED'}`,
  ];
  const verdict = name === SDK || name === WHOLE_SDK ? '' : ` (${verdicts.join(', ')})`;
  return [
    name.padEnd(12),
    (bytes / 1024).toFixed(1).padStart(7),
    cpuMilliseconds.toFixed(1).padStart(8),
    wallMilliseconds.toFixed(1).padStart(8),
    ratio.toFixed(2).padStart(8),
    `${ofWhole.toFixed(2).padStart(8)}${verdict}`,
  ].join(' ');
}

function publishLine({ subscribers, ours, sdk, ratio, wallRatio }: Published): string {
  const verdict = `≤ ${PUBLISH_MOST} ${ratio <= PUBLISH_MOST ? 'holds' : 'MISSED'}`;
  return [
    `import and first publish to ${subscribers}:`,
    `message ${ours.cpu} ms of CPU, ${ours.wall} ms;`,
    `the sdk alone ${sdk.cpu} and ${sdk.wall};`,
    `${ratio.toFixed(2)} of its CPU (${verdict}), ${wallRatio.toFixed(2)} of its time`,
  ].join(' ');
}
