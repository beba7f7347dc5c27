import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { object } from './synthesized.ts';

/** Each test starts Node and loads the CDK, on a busy machine as well. */
const PATIENCE_MILLISECONDS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'stompway-app-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the app as the CDK's command does: context and output folder in variables. */
function run(context: Readonly<Record<string, unknown>>) {
  const outdir = mkdtempSync(join(folder, 'out-'));
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'infra/app.ts'], {
    encoding: 'utf8',
    env: {
      ...process.env,
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ 'aws:cdk:bundling-stacks': [], ...context }),
    },
  });
  return { status, stderr, template: join(outdir, 'Stompway.template.json') };
}

function outputs(context: Readonly<Record<string, unknown>>): readonly string[] {
  const { status, stderr, template } = run(context);
  if (status !== 0) throw new Error(stderr);
  const parsed: unknown = JSON.parse(readFileSync(template, 'utf8'));
  const found = object(object(parsed)['Outputs']);
  expect(object(found['Ingress'])['Value']).toBe(context['ingress'] ?? 'fifo');
  return Object.keys(found);
}

const ALWAYS = ['WebSocketUrl', 'TryIt', 'Ingress', 'TableName'];

test(
  'deployed as it is, the app tells where to connect and where dead letters go',
  () => {
    expect(outputs({})).toEqual([...ALWAYS, 'DeadLetterQueueUrl', 'UndeliveredBucket']);
  },
  PATIENCE_MILLISECONDS,
);

test(
  '-c ingress=direct takes the queue out',
  () => {
    expect(outputs({ ingress: 'direct' })).toEqual([...ALWAYS, 'UndeliveredBucket']);
  },
  PATIENCE_MILLISECONDS,
);

test(
  'a mistake is told in words alone, and what nobody reads is warned of',
  () => {
    const { status, stderr } = run({ rules: 'nope.json' });
    expect(status).toBe(1);
    const words = `nope.json: it cannot be read: there is no such file in ${process.cwd()}`;
    expect(stderr.trim()).toBe(words);
    const { template } = run({ foo: 'bar' });
    const told = readdirSync(dirname(template))
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFileSync(join(dirname(template), name), 'utf8'));
    expect(told.join()).toContain('-c foo=…: nothing here reads it');
  },
  2 * PATIENCE_MILLISECONDS,
);

test(
  '-c rules=FILE takes the file of npm start, and a mistake in it fails in words',
  () => {
    const file = join(folder, 'stompway.json');
    writeFileSync(file, '{"rules": [{"pattern": "/room/*", "history": {"age": "2h"}}]}');
    expect(outputs({ rules: file })).toContain('WebSocketUrl');
    writeFileSync(file, '{"rules": [{"pattern": "/room/*", "history": {"age": "2 hours"}}]}');
    const { status, stderr } = run({ rules: file });
    expect(status).toBe(1);
    expect(stderr).toContain(`${file}: rules[0].history.age must be a time with a unit`);
  },
  2 * PATIENCE_MILLISECONDS,
);
