import { readFileSync } from 'node:fs';
import { meant, SYNONYMS } from '../../broker/synonyms.ts';

const page = readFileSync('docs/protocol.md', 'utf8');
const table = page.slice(page.indexOf('## Names of other brokers')).split('\n## ')[0] ?? '';

test('the table of header names is that of the broker, row by row', () => {
  const rows = [...table.matchAll(/^\| (\w+) \| (.+) \|$/gm)]
    .filter(([, meaning]) => meaning !== 'Meaning')
    .map(([, meaning, names]) => [
      meaning,
      [...String(names).matchAll(/`([^`]+)`/g)].map((m) => m[1]),
    ]);
  expect(rows).toEqual(Object.entries(SYNONYMS).map(([meaning, names]) => [meaning, [...names]]));
});

const ROWS = Object.entries(SYNONYMS).flatMap(([meaning, names]) =>
  names.map((name) => [name, meaning] as const),
);

test.each(ROWS)('%s means %s', (name, meaning) => {
  const key = Object.keys(SYNONYMS).find((one) => one === meaning) as keyof typeof SYNONYMS;
  expect(
    meant(
      [
        ['other', 'x'],
        [name, 'first'],
        [name, 'second'],
      ],
      key,
    ),
  ).toBe('first');
});
