import { readAudit } from './audit.ts';

test('a grave finding fails, a light one does not', () => {
  const vulnerabilities = {
    bad: { severity: 'high', range: '<2' },
    worse: { severity: 'critical', range: '*' },
    dull: { severity: 'moderate', range: '*' },
  };
  expect(readAudit(JSON.stringify({ vulnerabilities }))).toEqual({
    found: ['bad <2: high', 'worse *: critical'],
  });
  expect(readAudit(JSON.stringify({ vulnerabilities: {} }))).toEqual({ found: [] });
});

test.each([
  ['{"message":"405 Method Not Allowed","error":{"summary":""}}', '405 Method Not Allowed'],
  ['{"error":{"summary":"audit endpoint returned an error"}}', 'audit endpoint'],
  ['', 'no answer'],
  ['npm error', 'no answer'],
  ['null', 'no answer'],
])('an audit that did not happen is no health: %s', (text, words) => {
  expect(readAudit(text).skipped).toContain(words);
});
