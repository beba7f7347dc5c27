/** LIKE of SQL-92, over characters. */
export type LikePart = { readonly any: 'one' | 'many' } | string;

/** `%` is any number of characters, `_` one; behind the escape mark both are themselves. */
export function likeParts(pattern: string, mark: string | undefined): readonly LikePart[] {
  const parts: LikePart[] = [];
  const signs = [...pattern];
  for (let at = 0; at < signs.length; at++) {
    const sign = signs[at] ?? '';
    if (sign === mark) parts.push(signs[++at] ?? mark);
    else if (sign === '%') parts.push({ any: 'many' });
    else if (sign === '_') parts.push({ any: 'one' });
    else parts.push(sign);
  }
  return parts;
}

/** Goes back to the last `%` alone, so the work is bounded by the product of the lengths. */
export function isLike(text: readonly string[], parts: readonly LikePart[]): boolean {
  let [at, part, resumeAt, resumePart] = [0, 0, -1, -1];
  while (at < text.length) {
    const wanted = parts[part];
    if (typeof wanted === 'object' && wanted.any === 'many') {
      [resumeAt, resumePart] = [at, part++];
    } else if (wanted !== undefined && (typeof wanted === 'object' || wanted === text[at])) {
      at++;
      part++;
    } else if (resumePart >= 0) {
      part = resumePart + 1;
      at = ++resumeAt;
    } else return false;
  }
  return parts.slice(part).every((rest) => typeof rest === 'object' && rest.any === 'many');
}
