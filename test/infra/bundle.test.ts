import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock, systemTimer } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import { HANDLERS, type HandlerName } from '../../infra/handler.ts';
import { loadShipped } from '../../lambda/guard.ts';
import { checkSignature, type SignedRequest, secretOf } from '../template/signature.ts';

/** Loading counts in every cold start: what a bundle may weigh. */
const BUNDLE_BYTES_MAX = 300 * 1024;

const { publicKey, privateKey: PRIVATE } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC = publicKey.export({ type: 'spki', format: 'pem' }).toString();

const folder = mkdtempSync(join(tmpdir(), 'stompway-bundle-'));
const [first, second] = [join(folder, 'first'), join(folder, 'second')];
beforeAll(() => {
  for (const each of [first, second]) node('infra/bundle.ts', each);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

function node(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    encoding: 'utf8',
    env: { ...process.env, TABLE_NAME: '', MANAGEMENT_ENDPOINT: '', AWS_REGION: 'eu-west-1' },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function bundle(of: HandlerName, from = first): string {
  return readFileSync(join(from, of, 'index.mjs'), 'utf8');
}

test('there is one folder a handler, with one file in it', () => {
  expect(readdirSync(first).sort()).toEqual([...HANDLERS, 'asked', 'identity', 'sdk'].sort());
  for (const each of HANDLERS) expect(readdirSync(join(first, each))).toEqual(['index.mjs']);
});

test.each(HANDLERS)('%s loads at most 300 KB when it starts', (each) => {
  expect(statSync(join(first, each, 'index.mjs')).size).toBeLessThanOrEqual(BUNDLE_BYTES_MAX);
});

test.each(HANDLERS)('%s is the same however often it is made, and names no folder', (each) => {
  const text = bundle(each);
  // Not by toBe, which prints both.
  expect(text === bundle(each, second)).toBe(true);
  expect(text.includes(process.cwd())).toBe(false);
  expect(text.includes(folder)).toBe(false);
});

test.each(HANDLERS)('%s needs nothing but Node, and imports nothing of it', (each) => {
  const asked = all(bundle(each), /\bgetBuiltinModule\("([^"]+)"\)/g);
  expect(asked).toContain('node:https');
  expect(asked.filter((name) => !builtinModules.includes(name.replace(/^node:/, '')))).toEqual([]);
  expect(all(bundle(each), /(?<!")\b(?:from|import)\s*"([^"]+)"/g)).toEqual([]);
});

/** What the pattern's group holds, wherever it is met. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found);
}

test.each(HANDLERS)('%s loads later only the SDK’s posts', (each) => {
  const later = all(bundle(each), /\bimport\("([^"]+)"\)/g);
  const left = later.filter((name) => !builtinModules.includes(name.replace(/^node:/, '')));
  const posts = each === 'connect' ? [] : ['./sdk.mjs'];
  expect([...new Set(left)]).toEqual(posts);
});

test('each loads in Node as it is and exports its handler alone', () => {
  const load = HANDLERS.map(
    (each) => `Object.entries(await import(${JSON.stringify(join(first, each, 'index.mjs'))}))`,
  );
  const code = `console.log(JSON.stringify([${load}].map((m) => m.map(([n, v]) => n + ' ' + typeof v))))`;
  expect(JSON.parse(node('--input-type=module', '--eval', code))).toEqual(
    HANDLERS.map((each) => [`${each} function`]),
  );
});

test.each(['asked', 'identity', 'sdk'])(
  '%s.mjs, shipped beside a bundle, loads where there is nothing but Node',
  (name) => {
    const alone = mkdtempSync(join(tmpdir(), 'stompway-beside-'));
    try {
      copyFileSync(join(first, name, 'index.mjs'), join(alone, `${name}.mjs`));
      const code = `console.log(Object.keys(await import(${JSON.stringify(join(alone, `${name}.mjs`))})).length > 0)`;
      expect(node('--input-type=module', '--eval', code).trim()).toBe('true');
    } finally {
      rmSync(alone, { recursive: true });
    }
  },
);

test('what reads tokens needs nothing but Node, and knows a good one from a forged one', async () => {
  const file = join(first, 'identity', 'index.mjs');
  expect(readFileSync(file).length).toBeLessThan(40 * 1024);
  const beside = join(folder, 'beside');
  mkdirSync(beside);
  copyFileSync(file, join(beside, 'identity.mjs'));
  const security = {
    identity: { tokens: [{ algorithms: ['RS256'], publicKey: PUBLIC }] },
    permissions: [{ pattern: '/room/{room}', actions: ['subscribe'] }],
  };
  writeFileSync(join(beside, 'security.json'), JSON.stringify(security));
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const world = { clock: systemClock, timer: systemTimer, limits: LIMITS, log, variables: {} };
  const { identity } = await loadShipped(pathToFileURL(`${beside}/`), world);
  expect(await loadShipped(pathToFileURL(`${folder}/`), world)).toEqual({});
  const exp = Math.floor(Date.now() / 1000) + 60;
  const claims = Buffer.from(JSON.stringify({ sub: 'ann', room: 'x', exp })).toString('base64url');
  const header = Buffer.from('{"alg":"RS256"}').toString('base64url');
  const signature = sign('sha256', Buffer.from(`${header}.${claims}`), PRIVATE).toString(
    'base64url',
  );
  expect(await identity?.authenticate({ token: `${header}.${claims}.${signature}` })).toMatchObject(
    {
      user: 'ann',
      grants: [{ pattern: '/room/x', actions: ['subscribe'] }],
    },
  );
  const forged = `${signature.slice(0, 9)}${signature[9] === 'A' ? 'B' : 'A'}${signature.slice(10)}`;
  expect(await identity?.authenticate({ token: `${header}.${claims}.${forged}` })).toBe('refused');
});

/** What Lambda sets, the trace of the invocation too, which its SDK hands on. */
const OF_A_FUNCTION = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'bundled',
  AWS_SECRET_ACCESS_KEY: secretOf('bundled'),
  AWS_SESSION_TOKEN: 'token',
  AWS_LAMBDA_FUNCTION_NAME: 'f',
  _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
};

interface Beside {
  readonly asked: readonly (Omit<SignedRequest, 'body'> & { readonly body: string })[];
  readonly found: unknown;
}

/** A program over a file beside a bundle, with a service on this machine that answers 410. */
function beside(name: string, call: string): Beside {
  const file = JSON.stringify(join(first, name, 'index.mjs'));
  const code = `
    import { createServer } from 'node:http';
    Object.assign(process.env, ${JSON.stringify(OF_A_FUNCTION)});
    const asked = [];
    const server = createServer(async (request, response) => {
      const { method, url: target, headers } = request;
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push({ method, target, headers, body });
      response.writeHead(410).end('{"message":"Gone"}');
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const endpoint = 'http://127.0.0.1:' + server.address().port;
    process.env.AWS_ENDPOINT_URL = endpoint;
    const of = await import(${file});
    const found = await (${call});
    console.log(JSON.stringify({ asked, found }));
    process.exit();`;
  return JSON.parse(node('--input-type=module', '--eval', code));
}

test('the SDK’s posts beside a bundle reach the gateway, and tell what it says', () => {
  const call = `(async () => {
    const one = of.sdkManagement(of.managementClient(endpoint + '/ws'));
    const all = [await one.post('a=', Buffer.from('x')), await one.get('a='), await one.delete('a=')];
    return all.map(({ status }) => status);
  })()`;
  const { asked, found } = beside('sdk', call);
  expect(found).toEqual([410, 410, 410]);
  const target = '/ws/@connections/a%3D';
  const methods = ['POST', 'GET', 'DELETE'];
  expect(asked).toMatchObject(methods.map((method) => ({ method, target })));
  const signer = { role: 'bundled', region: 'eu-west-1', service: 'execute-api' };
  for (const { body, ...request } of asked) {
    expect(request.headers['x-amzn-trace-id']).toBe(OF_A_FUNCTION._X_AMZN_TRACE_ID);
    expect(checkSignature({ ...request, body: Buffer.from(body) })).toEqual(signer);
  }
});
