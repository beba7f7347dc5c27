import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { makePolicies, parseRules, parseTime } from '../../broker/rules.ts';

const policy = (rules: unknown, destination: string) =>
  makePolicies(parseRules(rules))(parseDestination(destination, LIMITS));

test('rooms and queues are logged, topics are not, unless a rule says so', () => {
  expect(policy([], '/room/x').logged).toBe(true);
  expect(policy([], '/queue/x').logged).toBe(true);
  expect(policy([], '/topic/x').logged).toBe(false);
  expect(policy([{ pattern: '/topic/a.**', lane: 'logged' }], '/topic/a.b').logged).toBe(true);
});

test('the first rule that matches counts, the rest is the default', () => {
  const rules = [
    { pattern: '/room/kitchen', history: { count: 5 } },
    { pattern: '/room/*', history: { count: 7, age: '2h' }, publish: 'members', coalesce: '50ms' },
  ];
  expect(policy(rules, '/room/kitchen')).toMatchObject({ historyCount: 5, publish: 'anyone' });
  expect(policy(rules, '/room/hall')).toMatchObject({
    historyCount: 7,
    historySeconds: 7200,
    publish: 'members',
    coalesceMilliseconds: 50,
  });
});

test.each([
  ['50ms', 50],
  ['30s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['5', undefined],
  ['-1s', undefined],
  ['1.5s', undefined],
  ['', undefined],
])('%s is %s ms', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

test.each([
  [{}, 'rules must be a list'],
  [[1], 'rules[0] must be an object'],
  [[{}], 'rules[0].pattern must be'],
  [[{ pattern: '/room/*', colour: 'red' }], 'unknown key "colour"; known: pattern, lane, history'],
  [[{ pattern: '/room/*', lane: 'fast' }], 'rules[0].lane must be one of direct, logged'],
  [[{ pattern: '/room/*', lane: 'direct' }], 'always logged'],
  [[{ pattern: 'nowhere' }], 'rules[0].pattern "nowhere"'],
  [[{ pattern: '/room/*', history: { count: -1 } }], 'history.count must be'],
  [[{ pattern: '/room/*', history: { age: '5' } }], 'history.age must be'],
  [[{ pattern: '/room/*', history: { size: 5 } }], 'unknown key "size"'],
  [[{ pattern: '/room/*', coalesce: '5s' }], 'coalesce must be a time up to'],
  [[{ pattern: '/room/*', publish: 'nobody' }], 'publish must be one of'],
  [[{ pattern: '/topic/a', limits: { depth: 5 } }], 'limits.depth is of queues alone'],
])('%j is refused in words', (rules, words) => {
  expect(() => makePolicies(parseRules(rules))).toThrow(words);
});

test('a rule asks for as much history as one SUBSCRIBE can read, and for no more', () => {
  const ruled = (count: number) => parseRules([{ pattern: '/room/*', history: { count } }]);
  const most = LIMITS.replayMax;
  const room = parseDestination('/room/a', LIMITS);
  expect(makePolicies(ruled(most))(room).historyCount).toBe(most);
  expect(() => ruled(most + 1)).toThrow(`history.count must be a whole number from 0 to ${most}`);
});

test.each<[Record<string, unknown>, RegExp]>([
  [
    { slow: 'drop' },
    /slow must be one of drop-oldest, keep-last, disconnect, or {"keepLast": "a header"}/,
  ],
  [{ slow: { keepLast: '' } }, /keepLast/],
  [{ slow: { keepLast: 'a', count: 3 } }, /keepLast/],
  [
    { slow: 'keep-last', lane: 'logged' },
    /"\/topic\/x": what is logged .* slow must be disconnect/,
  ],
])('a rule for slow consumers that makes no sense is refused in words: %j', (more, words) => {
  const load = () => makePolicies(parseRules([{ pattern: '/topic/x', ...more }]));
  expect(load).toThrow(words);
});

test('rooms disconnect who is too slow, topics let messages wait, unless a rule says more', () => {
  const rules = parseRules([
    { pattern: '/topic/prices.*', slow: { keepLast: 'symbol' } },
    { pattern: '/topic/log', lane: 'logged' },
  ]);
  const slow = (name: string) => makePolicies(rules)(parseDestination(name, LIMITS)).slow;
  expect(slow('/topic/prices.eu')).toEqual({ policy: 'keep-last', header: 'symbol' });
  expect(slow('/topic/other')).toEqual({ policy: 'drop-oldest' });
  expect(slow('/topic/log')).toEqual({ policy: 'disconnect' });
  expect(slow('/room/x')).toEqual({ policy: 'disconnect' });
});
