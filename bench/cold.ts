/**
 * What a cold start loads: the size of each handler's bundle, and how long Node takes to import it,
 * beside a bundle that holds nothing but the two SDK clients every handler needs (DynamoDB's
 * document client and the management API), with the environment as the only place to find
 * credentials, and as it comes. Each import in a fresh process; CPU and wall time, the
 * medians of rounds that take turns. Lambda's own start of the runtime is not in it.
 *
 *   npm run bench:cold
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { HANDLERS } from '../infra/handler.ts';

const ROUNDS = 21;
const BYTES_MAX = 300 * 1024;
const SDK = 'sdk clients';
/** The same, bundled as anybody would: with the ways to find credentials that a Lambda never goes. */
const WHOLE_SDK = 'sdk, whole';
const IMPORT_MOST = 0.6;
const root = fileURLToPath(new URL('..', import.meta.url));

const CLIENTS = `
export { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
export { DynamoDBClient } from '@aws-sdk/client-dynamodb';
export { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand, DeleteCommand } from '@aws-sdk/lib-dynamodb';
`;

interface Load {
  readonly cpu: number;
  readonly wall: number;
}

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
  const rows = compare(await bundles());
  console.log('bundle            KB   CPU ms  wall ms   CPU ÷ sdk clients, ÷ sdk, whole');
  for (const row of rows) console.log(line(row));
  const ours = rows.filter(({ name }) => name !== SDK && name !== WHOLE_SDK);
  const met = ours.every(({ bytes, ofWhole }) => bytes <= BYTES_MAX && ofWhole <= IMPORT_MOST);
  console.log(`BENCH ${JSON.stringify({ bench: 'cold', rows, bytesMax: BYTES_MAX, met })}`);
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
  const lean = await clientsBundle('clients', {
    '@aws-sdk/credential-provider-node': join(root, 'adapters/environment-credentials.ts'),
    '@aws-sdk/endpoint-cache': join(root, 'infra/left-out.ts'),
  });
  return new Map([[WHOLE_SDK, await clientsBundle('whole', {})], [SDK, lean], ...made]);
}

async function clientsBundle(name: string, alias: Record<string, string>): Promise<string> {
  const outfile = join(folder, name, 'index.mjs');
  // Some of the SDK's packages are CommonJS and require what is Node's.
  const banner =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  await build({
    stdin: { contents: CLIENTS, resolveDir: root },
    absWorkingDir: root,
    outfile,
    alias,
    banner: { js: banner },
    external: ['@smithy/core/event-streams'],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
  });
  return outfile;
}

function compare(paths: ReadonlyMap<string, string>): readonly Row[] {
  const loads = new Map([...paths.keys()].map((name) => [name, [] as Load[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, path] of paths) loads.get(name)?.push(load(path));
  }
  const cpuOf = (name: string) => median((loads.get(name) ?? []).map(({ cpu }) => cpu));
  return [...paths].map(([name, path]) => ({
    name,
    bytes: startBytes(path),
    cpuMilliseconds: rounded(cpuOf(name), 1),
    wallMilliseconds: rounded(median((loads.get(name) ?? []).map(({ wall }) => wall)), 1),
    ratio: rounded(cpuOf(name) / cpuOf(SDK), 2),
    ofWhole: rounded(cpuOf(name) / cpuOf(WHOLE_SDK), 2),
  }));
}

/** What an import loads: the file, and what it imports from beside it before it runs. */
function startBytes(path: string, seen = new Set<string>()): number {
  if (seen.has(path)) return 0;
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  const beside = [...text.matchAll(/(?<!")\b(?:from|import)\s*"\.\/([^"]+)"/g)];
  return beside.reduce(
    (sum, [, name = '']) => sum + startBytes(join(dirname(path), name), seen),
    statSync(path).size,
  );
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
  const told: unknown = JSON.parse(stdout);
  if (typeof told !== 'object' || told === null || !('cpu' in told) || !('wall' in told)) {
    throw new Error(`no times in ${stdout}`);
  }
  return { cpu: Number(told.cpu), wall: Number(told.wall) };
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
