import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const page = readFileSync('web/index.html', 'utf8');
const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? '';

test("the page's policy lets its one script run and no other", () => {
  const scripts = [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
  expect(scripts).toHaveLength(1);
  const hash = createHash('sha256')
    .update(scripts[0]?.[1] ?? '')
    .digest('base64');
  expect(policy).toContain(`script-src 'sha256-${hash}'`);
});

test('the page loads nothing and runs no text as code or markup', () => {
  expect(policy).toContain("default-src 'none'");
  expect(page).not.toMatch(
    /<script[^>]+src|<link[^>]+stylesheet|@import|https?:\/\/(?!www\.w3\.org)/,
  );
  expect(page).not.toMatch(
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| on\w+="/,
  );
});
