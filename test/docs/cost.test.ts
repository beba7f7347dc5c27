import { readFileSync } from 'node:fs';
import { countedPart, durationInWords, withCounted } from '../../bench/cost/page.ts';

const page = readFileSync('docs/cost.md', 'utf8');

test('docs/cost.md says what a fresh count says (npm run cost -- --write renews it)', async () => {
  expect(page).toBe(withCounted(page, await countedPart()));
}, 120_000);

test('docs/cost.md tells how durations are reckoned', () => {
  expect(page.replaceAll(/\s+/g, ' ')).toContain(durationInWords());
});
