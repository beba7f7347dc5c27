import { idleGrants } from './grants.ts';
import { createAuthority } from './iam.ts';
import { managedPolicy, statementsOf, wildcard } from './policy.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:123456789012:table/T';

function authority(...statements: readonly object[]) {
  const made = createAuthority();
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda' } };
  made.addRole('R', statementsOf({ Statement: [trust] }, 'trust'));
  made.grant('R', statementsOf({ Statement: statements }, 'policy'));
  return made;
}

const READ = { Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:Query'], Resource: TABLE };

test('what is not granted is refused, to an unknown role too', () => {
  const made = authority(READ);
  expect(made.allows('R', 'dynamodb:GetItem', TABLE)).toBe(true);
  expect(made.allows('R', 'dynamodb:PutItem', TABLE)).toBe(false);
  expect(made.allows('R', 'dynamodb:GetItem', `${TABLE}2`)).toBe(false);
  expect(made.allows('S', 'dynamodb:GetItem', TABLE)).toBe(false);
});

test('Deny outweighs Allow', () => {
  const made = authority(READ, { Effect: 'Deny', Action: 'dynamodb:*', Resource: '*' });
  expect(made.allows('R', 'dynamodb:GetItem', TABLE)).toBe(false);
});

test('a resource policy that denies plain HTTP lets the others through', () => {
  const made = authority(READ);
  const deny = { Effect: 'Deny', Action: 'dynamodb:*', Resource: '*', Principal: { AWS: '*' } };
  const Condition = { Bool: { 'aws:SecureTransport': 'false' } };
  made.guard(statementsOf({ Statement: [{ ...deny, Condition }] }, 'guard'));
  expect(made.allows('R', 'dynamodb:GetItem', TABLE)).toBe(true);
  made.guard(statementsOf({ Statement: [deny] }, 'guard'));
  expect(made.allows('R', 'dynamodb:GetItem', TABLE)).toBe(false);
});

test('a condition whose key the request lacks is not met', () => {
  const Condition = { StringEquals: { 'aws:PrincipalTag/team': 'a' } };
  expect(authority({ ...READ, Condition }).allows('R', 'dynamodb:GetItem', TABLE)).toBe(false);
});

test('the report tells used, unused and refused apart', () => {
  const made = authority(READ);
  made.allows('R', 'dynamodb:GetItem', TABLE);
  made.allows('R', 'dynamodb:PutItem', TABLE);
  expect(made.report()['R']).toEqual({
    used: [`dynamodb:GetItem on ${TABLE}`],
    granted: [`dynamodb:GetItem on ${TABLE}`, `dynamodb:Query on ${TABLE}`],
    unused: [`dynamodb:Query on ${TABLE}`],
    denied: [`dynamodb:PutItem on ${TABLE}`],
  });
});

test('a grant is idle if no report used it and nobody gave a reason', () => {
  const granted = ['a', 'b', 'c'];
  const role = (...unused: string[]) => ({ R: { used: [], granted, unused, denied: [] } });
  expect(idleGrants([role('a', 'b'), role('b', 'c')], [])).toEqual(['R: b']);
  expect(idleGrants([role('b')], [{ role: 'R', grant: 'b', reason: 'why' }])).toEqual([]);
});

test('a grant that only one of the reports has is used there or nowhere', () => {
  const without = { R: { used: [], granted: ['a'], unused: [], denied: [] } };
  const having = { R: { used: [], granted: ['a', 'b'], unused: ['a', 'b'], denied: [] } };
  expect(idleGrants([without, having], [])).toEqual(['R: b']);
  expect(idleGrants([{}, having], [])).toEqual(['R: a', 'R: b']);
});

test('a role is assumed by whom it trusts alone', () => {
  const made = authority();
  expect(() => made.assume('R', 'lambda', 'here')).not.toThrow();
  expect(() => made.assume('R', 'ec2', 'here')).toThrow('role-not-assumable: here: ec2');
});

test.each([
  [{ Effect: 'Allow', NotAction: 'a', Action: 'b', Resource: '*' }, 'unknown-property'],
  [{ Effect: 'Maybe', Action: 'b', Resource: '*' }, 'wrong-value'],
  [{ ...READ, Condition: { IpAddress: { k: 'v' } } }, 'unknown-condition-operator'],
])('%j is refused by name', (statement, code) => {
  expect(() => statementsOf({ Statement: statement }, 'here')).toThrow(code);
});

test('managed policies are known by name or refused', () => {
  const basic = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
  expect(managedPolicy(basic, 'here')).toHaveLength(1);
  expect(() => managedPolicy('arn:aws:iam::aws:policy/Admin', 'here')).toThrow('unknown-managed');
});

test.each([
  ['a*c', 'abbc', true],
  ['a?c', 'ac', false],
  ['a.c', 'abc', false],
  ['arn:*:table/T', 'arn:aws:table/T/index', false],
])('%s against %s', (pattern, text, expected) => {
  expect(wildcard(pattern, text)).toBe(expected);
});
