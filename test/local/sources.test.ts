import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a process that runs the sources as `npm start` does prints. */
function printed(script: string): string {
  const args = ['--import', './local/sources.mjs', '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return stdout;
}

test('no function is given its name at run time, which would be paid for by each message', () => {
  const script = `const { tokenBucket } = await import('./local/limits.ts');
    console.log(tokenBucket.name, String(tokenBucket));`;
  const source = printed(script);
  expect(source).toMatch(/^tokenBucket function tokenBucket\(/);
  expect(source).not.toContain('__name');
});

test('a fault is told by the line of its source', () => {
  const script = `const { makePolicies } = await import('./broker/rules.ts');
    try { makePolicies('no list'); } catch ({ stack }) { console.log(stack); }`;
  const [, line] = /broker\/rules\.ts:(\d+):\d+/.exec(printed(script)) ?? [];
  const source = readFileSync('broker/rules.ts', 'utf8').split('\n')[Number(line) - 1];
  expect(source).toContain('rules.map(');
});

/** Packages that a file and what it imports load at once; types are nothing at run time. */
function packagesOf(file: string, seen = new Set<string>()): ReadonlySet<string> {
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?!type )[^;]*?'([^']+)';/gm,
  );
  for (const [, name = ''] of imports) {
    if (!name.startsWith('.')) seen.add(name);
    else if (!seen.has(join(dirname(file), name))) packagesOf(join(dirname(file), name), seen);
  }
  return seen;
}

test('a broker of this machine loads nothing of AWS', () => {
  const loaded = packagesOf('local/broker.ts');
  expect(loaded).toContain('lambda/message.ts');
  expect([...loaded].filter((name) => name.startsWith('@'))).toEqual([]);
  expect(packagesOf('lambda/main.ts')).toContain('@aws-sdk/client-sqs');
});
