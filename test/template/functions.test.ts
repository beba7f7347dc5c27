import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Environments, environmentsOf, type FunctionSpec, type Mode } from './environment.ts';
import { createFunction, type LambdaFunction } from './functions.ts';

const folders: string[] = [];
const functions: LambdaFunction[] = [];
const opened: Environments[] = [];

interface Started extends Partial<FunctionSpec> {
  readonly mode?: Mode;
}

function start(source: string, { mode = 'frozen', ...more }: Started = {}): LambdaFunction {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-test-'));
  folders.push(folder);
  writeFileSync(join(folder, 'index.mjs'), source);
  const spec: FunctionSpec = {
    name: 'f',
    arn: 'arn:f',
    role: 'r',
    folder,
    handler: 'index.handler',
    environment: { COLOUR: 'red' },
    timeoutMilliseconds: 5000,
    memoryMegabytes: 128,
    logGroup: 'g',
    ...more,
  };
  const environments = environmentsOf(mode);
  opened.push(environments);
  const made = createFunction(spec, { environments, log: () => undefined });
  functions.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(functions.splice(0).map((one) => one.close()));
  await Promise.all(opened.splice(0).map((one) => one.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const MODES = ['frozen', 'process'] as const;

test.each(MODES)('%s: a function sees its own environment and nothing of ours', async (mode) => {
  const made = start(
    'export const handler = async (event, context) => [event, process.env, context.functionName];',
    { mode },
  );
  expect(await made.invoke({ a: 1 })).toEqual({ value: '[{"a":1},{"COLOUR":"red"},"f"]' });
});

test.each(MODES)(
  '%s: an environment is used again, and serves one event at a time',
  async (mode) => {
    const made = start(
      `let count = 0;
    export const handler = async () => {
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return count;
    };`,
      { mode },
    );
    expect(await made.invoke(0)).toEqual({ value: '1' });
    expect(await made.invoke(0)).toEqual({ value: '2' });
    const both = await Promise.all([made.invoke(0), made.invoke(0)]);
    expect(both).toEqual([{ value: '3' }, { value: '1' }]);
    expect(made.counts).toMatchObject({ invocations: 4, coldStarts: 2 });
  },
);

test.each(MODES)('%s: what throws is an answer, and the environment stays', async (mode) => {
  const made = start("export const handler = async () => { throw new TypeError('no'); };", {
    mode,
  });
  expect(await made.invoke(0)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no' });
  await made.invoke(0);
  expect(made.counts).toMatchObject({ coldStarts: 1, errors: 2 });
});

test('what takes too long is killed, even in an endless loop', async () => {
  const made = start('export const handler = async () => { for (;;); };', {
    timeoutMilliseconds: 200,
  });
  expect(await made.invoke(0)).toMatchObject({
    errorType: 'Sandbox.Timedout',
    errorMessage: 'Task timed out after 0.20 seconds',
  });
  expect(made.counts).toMatchObject({ timeOuts: 1 });
});

test.each(MODES)('%s: a process that ends itself is told as such', async (mode) => {
  const made = start('export const handler = async () => process.exit(3);', { mode });
  expect(await made.invoke(0)).toMatchObject({ errorType: 'Runtime.ExitError' });
});

test.each([
  ['other.handler', 'Runtime.ImportModuleError', "Error: Cannot find module 'other'"],
  ['index.other', 'Runtime.HandlerNotFound', 'index.other is undefined or not exported'],
  ['handler', 'Runtime.MalformedHandlerName', 'Bad handler handler'],
])('%s is refused as Lambda refuses it: %s', async (handler, errorType, errorMessage) => {
  const made = start('export const handler = async () => 1;', { handler });
  expect(await made.warm()).toMatchObject({ errorType, errorMessage });
});

test('what an environment holds, work and modules, ends with its runtime', async () => {
  let beats = 0;
  const server = createServer((_, response) => {
    beats += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const made = start(
    `const beat = () => fetch('http://127.0.0.1:${port}').catch(() => undefined);
    export const handler = async () => {
      await beat();
      setInterval(beat, 5);
    };`,
    { mode: 'process' },
  );
  await made.invoke(0);
  await once(server, 'request');
  expect(beats).toBeGreaterThan(1);
  await made.close();
  await Promise.all(opened.splice(0).map((one) => one.close()));
  const other = start(
    `export const handler = async () => {
      for (let count = 0; count < 20; count++) await fetch('http://127.0.0.1:${port}');
    };`,
  );
  // What was on its way has come by then.
  await other.invoke(0);
  const before = beats;
  await other.invoke(0);
  expect(beats - before).toBe(20);
  server.closeAllConnections();
  server.close();
});

test('events that nobody waits for are in hand side by side without a warning', () => {
  // In a process of its own: a test's is not told of warnings.
  const script = `
    import { createFunction } from './test/template/functions.ts';
    const invoke = () => new Promise((resolve) => setTimeout(resolve, 100, { value: '1' }));
    const environment = { streams: false, invoke, kill: async () => undefined };
    const environments = { start: async () => environment, close: async () => undefined };
    const spec = { name: 'f', timeoutMilliseconds: 5_000 };
    const all = Array.from({ length: 3 }, () => createFunction(spec, { environments }));
    const answers = all.flatMap((one) => Array.from({ length: 5 }, () => one.invoke(0)));
    console.log((await Promise.all(answers)).length);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stdout).toBe('15\n');
  expect(stderr).not.toContain('Warning: Possible EventTarget memory leak');
});

test('work that was not awaited stands still until the next event', async () => {
  const arrived: string[] = [];
  const server = createServer((request, response) => {
    arrived.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const made = start(`
    const call = (path) => fetch('http://127.0.0.1:${port}' + path);
    export const handler = async (event) => {
      if (event === 'awaited') await call('/awaited');
      else setTimeout(() => call('/not-awaited'), 1);
    };`);
  await made.invoke('forgotten');
  // Another environment's whole event passes; the frozen one has had every chance to run on.
  const other = start(`export const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await fetch('http://127.0.0.1:${port}/other');
  };`);
  await other.invoke(0);
  expect(arrived).toEqual(['/other']);
  await made.invoke('awaited');
  expect(arrived).toEqual(expect.arrayContaining(['/awaited']));
  server.closeAllConnections();
  server.close();
});
