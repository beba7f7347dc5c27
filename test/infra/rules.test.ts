/** The `rules` prop: checked at synth, written beside the bundles that read them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { withRules } from '../../infra/handler.ts';
import { type DestinationRule, rulesJson } from '../../infra/rules.ts';
import { readSettingsFile } from '../../infra/settings-file.ts';
import { readPolicies } from '../../lambda/rules.ts';
import { object, synthesize } from './synthesized.ts';

const folder = mkdtempSync(join(tmpdir(), 'stompway-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [Duration.hours(2), '7200s'],
  [Duration.days(7), '604800s'],
  [Duration.millis(1500), '1500ms'],
  ['2h', '2h'],
])('a Duration becomes the text of the same time, a text stays (%s)', (age, text) => {
  const rules = rulesJson([{ pattern: '/room/*', history: { count: 5, age } }]);
  expect(JSON.parse(rules)).toEqual([{ pattern: '/room/*', history: { count: 5, age: text } }]);
});

test.each<[rules: readonly DestinationRule[], words: string]>([
  [[{ pattern: '/room/a/b' }], 'rules[0].pattern "/room/a/b"'],
  [[{ pattern: '/room/*' }, { pattern: '/room/*', lane: 'direct' }], 'are always logged'],
  [[{ pattern: '/room/*', history: { age: '2 hours' } }], 'rules[0].history.age must be a time'],
  [[{ pattern: '/room/*', history: { count: -1 } }], 'rules[0].history.count'],
  [[Object.assign({ pattern: '/room/*' }, { histroy: 1 })], 'unknown key "histroy"'],
])('a mistake in a rule fails the synthesis, in words (%#)', (rules, words) => {
  expect(() => synthesize({ rules })).toThrow(words);
});

test('a file may hold the list, or be the one of npm start', () => {
  const file = join(folder, 'stompway.json');
  for (const text of ['[{"pattern":"/room/*"}]', '{"rules":[{"pattern":"/room/*"}]}']) {
    writeFileSync(file, text);
    expect(readSettingsFile(file).rules).toEqual([{ pattern: '/room/*' }]);
  }
  writeFileSync(file, '{"rulez":[]}');
  expect(() => readSettingsFile(file)).toThrow(`${file}: it has an unknown key "rulez"`);
  writeFileSync(file, '{"rules":{}}');
  expect(() => readSettingsFile(file)).toThrow(`${file}: rules must be a list`);
  expect(() => readSettingsFile(join(folder, 'none.json'))).toThrow('none.json');
});

test('functions of one bundle each find their own rules beside it, and none without', () => {
  const bundle = join(folder, 'bundle');
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'index.mjs'), 'export const message = () => {};');
  const app = new App({ outdir: join(folder, 'cdk.out') });
  const stack = new Stack(app, 'Test');
  for (const [id, count] of Object.entries({ One: 1, Two: 2, Same: 2 })) {
    made(stack, id, withRules(bundle, rulesJson([{ pattern: '/room/*', history: { count } }])));
  }
  made(stack, 'Plain', Code.fromAsset(bundle));
  const template = object(app.synth().getStackByName('Test').template);
  const room = parseDestination('/room/a', LIMITS);
  const kept = Object.entries(object(template['Resources'])).flatMap(([id, each]) => {
    const { Type, Properties } = object(each);
    if (Type !== 'AWS::Lambda::Function') return [];
    const key = String(object(object(Properties)['Code'])['S3Key']);
    const staged = join(folder, 'cdk.out', `asset.${key.replace('.zip', '')}`);
    expect(readFileSync(join(staged, 'index.mjs'), 'utf8')).toContain('message');
    const policies = readPolicies(pathToFileURL(join(staged, 'rules.json')));
    return [[id.slice(0, -8), policies(room).historyCount]];
  });
  const { historyCountDefault } = LIMITS;
  expect(Object.fromEntries(kept)).toEqual({ One: 1, Two: 2, Same: 2, Plain: historyCountDefault });
}, 60_000);

function made(stack: Stack, id: string, code: Code): void {
  new Lambda(stack, id, { code, handler: 'index.message', runtime: Runtime.NODEJS_24_X });
}

test('what the file holds is what the handlers go by, and a broken file is told by its name', () => {
  const file = join(folder, 'broken.json');
  writeFileSync(file, '[{"pattern":"/room/*","kept":1}]');
  expect(() => readPolicies(pathToFileURL(file))).toThrow(
    'rules.json beside the bundle: rules[0] has an unknown key "kept"',
  );
});
