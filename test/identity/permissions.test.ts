/**
 * What may be done, against an oracle that knows nothing of the code: it tries every destination of
 * up to five names from a small alphabet, by regular expressions of its own.
 */
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { ACTIONS, type Action, type Grant } from '../../broker/model.ts';
import { allows, parseGrants, parsePermissions, resolveGrants } from '../../broker/permission.ts';

/** `x` stands in no pattern: it is any name that nobody thought of. */
const ALPHABET = ['a', 'b', 'x'];
const WORDS = words(5);

function words(most: number): readonly (readonly string[])[] {
  let last: string[][] = [[]];
  const all: string[][] = [];
  for (let length = 1; length <= most; length++) {
    last = last.flatMap((word) => ALPHABET.map((name) => [...word, name]));
    all.push(...last);
  }
  return all;
}

/** `/topic/a.*` as the words it matches, each name followed by a dot. */
function expression(pattern: string): RegExp {
  const names = pattern.slice('/topic/'.length).split('.');
  const parts = names.map((name) =>
    name === '**' ? '(?:[^.]+\\.)*' : name === '*' ? '[^.]+\\.' : `${name}\\.`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

function oracle(grants: readonly Grant[], action: Action, wanted: string): boolean {
  const asked = expression(wanted);
  const mine = WORDS.filter((word) => asked.test(`${word.join('.')}.`));
  return grants
    .filter(({ actions }) => actions.includes(action))
    .some(({ pattern }) => mine.every((word) => expression(pattern).test(`${word.join('.')}.`)));
}

function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

function makers(random: () => number) {
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const pattern = (wild: number): string => {
    const names = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
      random() < wild ? one(['*', '**']) : one(['a', 'b']),
    );
    return `/topic/${names.join('.')}`;
  };
  const grant = (): Grant => ({
    pattern: pattern(0.45),
    actions: ACTIONS.filter(() => random() < 0.6),
  });
  return { one, pattern, grant };
}

describe('300 generated cases', () => {
  const { one, pattern, grant } = makers(randomness(20_261_124));
  const cases = Array.from({ length: 300 }, () => ({
    grants: [grant(), grant(), grant()],
    action: one(ACTIONS),
    wanted: pattern(0.4),
  }));

  test.each(cases)('%#: $action $wanted', ({ grants, action, wanted }) => {
    const destination = parseDestination(wanted, LIMITS);
    expect(allows(grants, action, destination)).toBe(oracle(grants, action, wanted));
  });

  test('some are allowed and some are not', () => {
    const answers = cases.map(({ grants, action, wanted }) => oracle(grants, action, wanted));
    expect(answers.filter((yes) => yes).length).toBeGreaterThan(60);
    expect(answers.filter((yes) => !yes).length).toBeGreaterThan(60);
  });
});

const may = (grants: readonly Grant[], action: Action, destination: string) =>
  allows(grants, action, parseDestination(destination, LIMITS));

test('a claim is a name, and never a wildcard, another level or another claim', () => {
  const permissions = parsePermissions([
    { pattern: '/room/{room}', actions: ['subscribe'] },
    { pattern: '/topic/own.{sub}.**', actions: ['subscribe'] },
  ]);
  const claims = { rooms: ['a', '*', '**', 'a/b', '', '{sub}', 7, null, {}, '#'], sub: 'x.y' };
  const grants = resolveGrants(permissions, { user: 'x.y', claims }, LIMITS) ?? [];
  expect(grants.map(({ pattern }) => pattern)).toEqual(['/room/a', '/room/7']);
  expect(may(grants, 'subscribe', '/room/a')).toBe(true);
  expect(may(grants, 'subscribe', '/room/b')).toBe(false);
  expect(may(grants, 'publish', '/room/a')).toBe(false);
  expect(may(grants, 'subscribe', '/queue/a')).toBe(false);
});

test('users alone, whoever is nobody, and whoever has a claim', () => {
  const permissions = parsePermissions([
    { pattern: '/topic/news', actions: ['subscribe'], for: 'anyone' },
    { pattern: '/topic/talk', actions: ['subscribe'] },
    { pattern: '/**', actions: ['publish'], claims: { role: 'admin' } },
  ]);
  const of = (user: string | undefined, claims: object) =>
    (resolveGrants(permissions, { ...(user ? { user } : {}), claims: { ...claims } }, LIMITS) ?? [])
      .length;
  expect(of(undefined, {})).toBe(1);
  expect(of('ann', {})).toBe(2);
  expect(of('ann', { role: 'admin' })).toBe(3);
  expect(of('ann', { role: ['user', 'admin'] })).toBe(3);
  expect(of(undefined, { role: 'admin' })).toBe(1);
  expect(of('ann', Object.create({ role: 'admin' }))).toBe(2);
});

test('more grants than a record may hold are none at all', () => {
  const permissions = parsePermissions([{ pattern: '/room/{room}', actions: ['subscribe'] }]);
  const rooms = Array.from({ length: 101 }, (_, index) => `r${index}`);
  expect(resolveGrants(permissions, { user: 'ann', claims: { rooms } }, LIMITS)).toBeUndefined();
});

test.each([
  ['{}', {}],
  ['a list of texts', ['/topic/a']],
  ['an unknown key', [{ pattern: '/topic/a', actions: ['publish'], who: 'ann' }]],
  ['an unknown action', [{ pattern: '/topic/a', actions: ['read'] }]],
  ['no action', [{ pattern: '/topic/a', actions: [] }]],
  ['an empty name', [{ pattern: '/topic/a..b', actions: ['publish'] }]],
  ['half a claim', [{ pattern: '/room/x-{room}', actions: ['publish'] }]],
  ['an unknown prefix', [{ pattern: '/topics/a', actions: ['publish'] }]],
])('%s is refused in words', (_, json) => {
  expect(() => parsePermissions(json)).toThrow(/^permissions/);
});

test('grants of a token hold no claims', () => {
  const json = [{ pattern: '/room/{room}', actions: ['publish'] }];
  expect(() => parseGrants(json, 'grants')).toThrow(/must name no claim/);
});
