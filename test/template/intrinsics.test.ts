// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of AWS, not of JavaScript.
import { holds, resolve, type Scope } from './intrinsics.ts';

const scope: Scope = {
  values: { 'AWS::Region': 'eu-west-1', Stage: 'ws' },
  conditions: {
    Here: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] },
    There: { 'Fn::Not': [{ Condition: 'Here' }] },
    Either: { 'Fn::Or': [{ Condition: 'There' }, { Condition: 'Here' }] },
  },
  ref: (id) => (id === 'Table' ? 'table-1' : undefined),
  attribute: (id, name) => (id === 'Table' && name === 'Arn' ? 'arn:table-1' : undefined),
};

test.each([
  ['Ref of a parameter', { Ref: 'Stage' }, 'ws'],
  ['Ref of a resource', { Ref: 'Table' }, 'table-1'],
  ['GetAtt', { 'Fn::GetAtt': ['Table', 'Arn'] }, 'arn:table-1'],
  ['GetAtt as text', { 'Fn::GetAtt': 'Table.Arn' }, 'arn:table-1'],
  ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Stage' }, 3]] }, 'a-ws-3'],
  ['Sub', { 'Fn::Sub': 'x/${Table}/${Table.Arn}/${!Raw}' }, 'x/table-1/arn:table-1/${Raw}'],
  ['Sub with names', { 'Fn::Sub': ['${a}', { a: { Ref: 'Stage' } }] }, 'ws'],
  ['Split and Select', { 'Fn::Select': ['1', { 'Fn::Split': [':', 'a:b'] }] }, 'b'],
  ['If', { 'Fn::If': ['There', 'yes', { Ref: 'Table' }] }, 'table-1'],
  [
    'NoValue',
    { a: 1, b: { Ref: 'AWS::NoValue' }, c: [{ Ref: 'AWS::NoValue' }, 2] },
    { a: 1, c: [2] },
  ],
])('%s is resolved', (_, value, expected) => {
  expect(resolve(value, scope, 'here')).toEqual(expected);
});

test.each([
  ['an unknown function', { 'Fn::ImportValue': 'x' }, 'unknown-intrinsic: here: Fn::ImportValue'],
  ['an unknown reference', { Ref: 'Tabel' }, 'unknown-reference: here: Ref Tabel'],
  ['an unknown attribute', { 'Fn::GetAtt': ['Table', 'Nme'] }, 'unknown-attribute'],
  ['a list too short', { 'Fn::Select': [2, ['a']] }, 'wrong-value'],
  ['an unknown condition', { 'Fn::If': ['Nowhere', 1, 2] }, 'unknown-reference'],
])('%s is refused by name', (_, value, expected) => {
  expect(() => resolve(value, scope, 'here')).toThrow(expected);
});

test('conditions are judged', () => {
  expect(['Here', 'There', 'Either'].map((name) => holds(name, scope, 'here'))).toEqual([
    true,
    false,
    true,
  ]);
});
