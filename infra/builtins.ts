/**
 * Node's own modules, asked for by name and not imported. An import makes every one of a module's
 * exports, lazy ones too: of `node:http` in Node 24 a whole HTTP client of another make, of
 * `node:tls` every root certificate, of `node:process` the standard streams. There that was nearly
 * half of what importing a handler costs, and none of it is used (`npm run bench:cold`).
 */
import type { Plugin } from 'esbuild';

/** What is named of each. Written down, for the bundles are the same whichever Node makes them. */
const USED: Readonly<Record<string, readonly string[]>> = {
  buffer: ['isUtf8'],
  crypto: [
    'createHash',
    'createHmac',
    'createPublicKey',
    'getRandomValues',
    'hash',
    'randomUUID',
    'timingSafeEqual',
  ],
  fs: ['ReadStream', 'createReadStream', 'existsSync', 'fstatSync', 'lstatSync', 'readFileSync'],
  http: ['Agent', 'request'],
  https: ['Agent', 'request'],
  net: ['connect', 'isIP'],
  os: ['homedir', 'platform', 'release'],
  process: ['env', 'versions'],
  stream: ['PassThrough', 'Readable', 'Writable'],
  'timers/promises': ['setTimeout'],
  tls: ['connect', 'createSecureContext'],
  util: ['inspect'],
};

export const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?[a-z_]+(?:\/promises)?$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '');
      if (kind !== 'import-statement' || !(name in USED)) return undefined;
      return { path: name, namespace: 'builtin', sideEffects: false };
    });
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: stub(path, USED[path] ?? []),
    }));
  },
};

/** Each export is marked pure: what a bundle does not use is neither read nor in it. */
function stub(module: string, names: readonly string[]): string {
  return [
    `const all = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(`node:${module}`)});`,
    ...names.map((name, at) => `const of${at} = /* @__PURE__ */ (() => all.${name})();`),
    `export { all as default${names.map((name, at) => `, of${at} as ${name}`).join('')} };`,
  ].join('\n');
}
