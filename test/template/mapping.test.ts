// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of AWS, not of JavaScript.
import { compileMapping, literalParameter, selectTemplate } from './mapping.ts';

const input = { context: { connectionId: 'a+b=', stage: 'ws' }, body: 'grüß\0' };

test.each([
  ['A=b&c', 'A=b&c'],
  ['I=$context.connectionId&s=$context.stage', 'I=a+b=&s=ws'],
  ['$util.urlEncode($context.connectionId)', 'a%2Bb%3D'],
  ['.$util.urlEncode($util.base64Encode($input.body))', '.Z3LDvMOfAA%3D%3D'],
  ['[$context.identity.userAgent]', '[]'],
])('%s is evaluated', (template, expected) => {
  expect(compileMapping(template, 'here')(input)).toBe(expected);
});

test.each([
  '$context.connectonId',
  '$input.json($)',
  '$input.params',
  '$util.parseJson($input.body)',
  "$util.urlEncode('text')",
  '#set($a = 1)',
  '$stageVariables.x',
  '${context.stage}',
  '\\$literal',
])('%s is refused by name', (template) => {
  expect(() => compileMapping(template, 'here')).toThrow('unknown-template-expression: here');
});

test('a constant selects its template, and nothing else does', () => {
  const templates = { $default: 'found' };
  expect(selectTemplate('\\$default', templates, 'here')).toBe('found');
  expect(selectTemplate('other', templates, 'here')).toBeUndefined();
  expect(() => selectTemplate('$request.body.action', templates, 'here')).toThrow('$request');
});

test('request parameters are quoted literals', () => {
  expect(literalParameter("'text/plain'", 'here')).toBe('text/plain');
  expect(() => literalParameter('text/plain', 'here')).toThrow('text/plain');
});
