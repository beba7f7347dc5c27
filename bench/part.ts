/** Parts of a page that a command writes: between two marks, so that prose may stand around them. */

const END = '<!-- end of what is printed -->';

/**
 * `page` with the part that `mark` begins replaced by `text`; throws if its marks are not there.
 */
export function withPart(page: string, mark: string, text: string): string {
  const begin = `<!-- ${mark} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`the page has no place for what is ${mark}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}
