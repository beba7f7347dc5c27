/** What `-c key=value` asks of the broker's own stack, and how mistakes in it are told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { propsOf, unknownKeys } from '../../infra/context.ts';

const folder = mkdtempSync(join(tmpdir(), 'stompway-context-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('without a word the broker is as it is made', () => {
  expect(propsOf({})).toEqual({ ingress: 'fifo', http: false, cloudFront: false });
});

test('behind the front door there is HTTP', () => {
  expect(propsOf({ cloudFront: 'true' })).toMatchObject({ http: true, cloudFront: true });
});

test.each([
  [{ ingress: 'fast' }, '-c ingress=fast: there are "fifo" and "direct"'],
  [{ posting: 'slow' }, '-c posting=slow: there are "sdk" and "fast"'],
  [{ http: 'yes' }, '-c http=yes: there are "true" and "false"'],
  [{ postsPerSecond: 'abc' }, '-c postsPerSecond=abc: it is no number'],
  [{ inlinePosts: '' }, '-c inlinePosts=: it is no number'],
  [{ rules: '' }, '-c rules=: it names no file'],
  [
    { rules: 'nope.json' },
    `nope.json: it cannot be read: there is no such file in ${process.cwd()}`,
  ],
  [{ rules: folder }, `${folder}: it cannot be read: EISDIR`],
])('%j is refused in words', (context, words) => {
  expect(() => propsOf(context)).toThrow(words);
});

test.each([
  ['ingres', 'ingress'],
  ['ingresss', 'ingress'],
  ['igress', 'ingress'],
  ['Ingress', 'ingress'],
  ['rulse', 'rules'],
  ['rule', 'rules'],
  ['htpp', 'http'],
  ['https', 'http'],
  ['cloudfront', 'cloudFront'],
  ['postPerSecond', 'postsPerSecond'],
  ['inlineposts', 'inlinePosts'],
  ['pasting', 'posting'],
])('a misspelt key is refused, for the stack would be deployed without it: %s', (key, meant) => {
  expect(() => propsOf({ [key]: 'x' })).toThrow(
    `-c ${key}=…: there is no such key. Is it ${meant}?`,
  );
});

test('what nobody reads is told of; keys of the CDK are left alone', () => {
  const foreign = {
    '@aws-cdk/core:validateAgainstDefaultRules': true,
    'aws:cdk:bundling-stacks': ['**'],
    'availability-zones:account=1:region=x': ['a'],
    'acknowledged-issue-numbers': [1],
  };
  expect(unknownKeys({ ...foreign, http: 'true' })).toEqual([]);
  expect(unknownKeys({ ...foreign, foo: 'bar', stage: 'ws' })).toEqual(['foo', 'stage']);
  expect(propsOf({ ...foreign, foo: 'bar' })).toEqual(propsOf({}));
});
