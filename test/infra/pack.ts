/**
 * The package as others get it: packed, installed into two fresh apps, type-checked there and
 * synthesized: one as `cdk init app --language typescript` makes it (CommonJS), one in plain ESM.
 * No network: npm installs the tarball alone, everything else is linked. `npm run test:pack`.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HANDLERS } from '../../infra/handler.ts';

/** Functions that a stack has only if it asks for HTTP. */
const ON_REQUEST: ReadonlySet<string> = new Set(['http', 'greet']);

/** What an app has of its own: the peers, and the tools that `cdk init` asks for. */
const CDK = ['aws-cdk', 'aws-cdk-lib', 'constructs'];
/** The SDK is that of an app's own functions, or of Lambda's runtime. */
const LINKED = [...CDK, '@aws-sdk', 'typescript', 'tsx', '@types', '.bin'];

/** A function of the app's own, which says something to a room. */
const EMIT = `
import { Emitter, emitterByHttp, emitterOnAws, type RemoteSocket } from 'stompway/emitter';

const endpoint = 'https://abc.execute-api.eu-west-1.amazonaws.com/ws';
const io: Emitter = emitterOnAws({ tableName: 'broker', managementEndpoint: endpoint });
const sockets: () => Promise<readonly RemoteSocket[]> = () => io.to('a').except('b').fetchSockets();
// @ts-expect-error declarations that were not found would allow anything
io.nothing;
if (typeof sockets !== 'function' || !(emitterByHttp(endpoint) instanceof Emitter)) process.exit(1);
`;

/** Ten lines with a broker in them. */
const STACK = `
import * as cdk from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { StompBroker } from 'stompway';

export class ShopStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props?: cdk.StackProps) {
    super(scope, id, props);
    const age = cdk.Duration.hours(2);
    const broker = new StompBroker(this, 'Broker', {
      rules: [{ pattern: '/room/*', history: { count: 500, age } }],
    });
    new cdk.CfnOutput(this, 'Url', { value: broker.url });
    // @ts-expect-error declarations that were not found would allow anything
    broker.functions.nobody;
  }
}
`;

const modules = resolve('node_modules');
const work = mkdtempSync(join(tmpdir(), 'stompway-pack-'));
const started = Date.now();
let passed = 0;

try {
  const tarball = pack();
  await check('an app as `cdk init` makes it (CommonJS)', () => commonjs(tarball));
  await check('an app in ESM', () => esm(tarball));
  console.log(`${passed} passed, 0 failed (${((Date.now() - started) / 1000).toFixed(1)} s)`);
} finally {
  rmSync(work, { recursive: true });
}

async function check(name: string, run: () => Promise<void>): Promise<void> {
  await run();
  passed += 1;
  console.log(`ok  ${name}`);
}

function pack(): string {
  run('npm', ['pack', '--silent', '--pack-destination', work], process.cwd());
  const [file] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
  if (file === undefined) throw new Error('npm pack made no tarball');
  return join(work, file);
}

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true', npm_config_offline: 'true' };
  try {
    execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
  } catch (cause) {
    const { stdout, stderr } = Object(cause);
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause });
  }
}

/** The tarball from npm; its peers are not fetched but linked, as if the app had them before. */
function install(tarball: string, app: string): void {
  const quiet = ['--offline', '--legacy-peer-deps', '--omit=dev', '--no-audit', '--no-fund'];
  run('npm', ['install', '--no-save', '--no-package-lock', ...quiet, tarball], app);
  for (const name of LINKED) {
    const link = join(app, 'node_modules', name);
    rmSync(link, { recursive: true, force: true });
    symlinkSync(join(modules, name), link);
  }
}

async function commonjs(tarball: string): Promise<void> {
  const app = join(work, 'shop');
  mkdirSync(app);
  const cdk = join(modules, '.bin/cdk');
  run(cdk, ['init', 'app', '--language', 'typescript', '--generate-only'], app);
  writeFileSync(join(app, 'package.json'), '{ "name": "shop", "private": true }\n');
  install(tarball, app);
  rmSync(join(app, 'test'), { recursive: true });
  writeFileSync(join(app, 'lib/shop-stack.ts'), STACK);
  run(cdk, ['synth', '--quiet'], app);
  await inspect(join(app, 'cdk.out'), 'ShopStack');
}

async function esm(tarball: string): Promise<void> {
  const app = join(work, 'plain');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "plain", "type": "module" }\n');
  install(tarball, app);
  const start = `
const app = new cdk.App({ outdir: 'cdk.out' });
new ShopStack(app, 'ShopStack');
app.synth();
`;
  writeFileSync(join(app, 'app.ts'), STACK + start);
  writeFileSync(join(app, 'emit.ts'), EMIT);
  const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  run(join(modules, '.bin/tsc'), [...strict, 'app.ts', 'emit.ts'], app);
  run(process.execPath, ['app.js'], app);
  run(process.execPath, ['emit.js'], app);
  await inspect(join(app, 'cdk.out'), 'ShopStack');
}

/** The template has its routes, and each handler's asset holds the export the function names. */
async function inspect(assembly: string, stack: string): Promise<void> {
  const template = readFileSync(join(assembly, `${stack}.template.json`), 'utf8');
  for (const key of ['$connect', '$disconnect', '$default']) {
    if (!template.includes(`"RouteKey": "${key}"`)) throw new Error(`no route ${key}`);
  }
  const exported = new Set<string>();
  for (const asset of readdirSync(assembly).filter((name) => name.startsWith('asset.'))) {
    const bundle = join(assembly, asset, 'index.mjs');
    if (!existsSync(bundle)) continue;
    const names = Object.keys(await import(pathToFileURL(bundle).href));
    for (const name of names) exported.add(name);
    // `connect` meets no destination; all others go by the rules of the stack above.
    const rules = join(assembly, asset, 'rules.json');
    const text = existsSync(rules) ? readFileSync(rules, 'utf8') : '';
    const ruled = !names.includes('connect');
    if (text.includes('"7200s"') !== ruled) throw new Error(`${names}: rules.json holds ${text}`);
  }
  for (const name of HANDLERS.filter((each) => !ON_REQUEST.has(each))) {
    if (!template.includes(`"Handler": "index.${name}"`)) throw new Error(`no function ${name}`);
    if (!exported.has(name)) throw new Error(`no bundle exports ${name}`);
  }
}
