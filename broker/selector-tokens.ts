/** The words of a selector: literals, names and operators, each with where it stands. */
import { BrokerError } from './errors.ts';

export type Token =
  | { readonly type: 'text'; readonly value: string; readonly at: number }
  | { readonly type: 'number'; readonly value: number; readonly at: number }
  | { readonly type: 'name'; readonly value: string; readonly at: number }
  /** Keywords in capitals, signs as they are. */
  | { readonly type: 'sign'; readonly value: string; readonly at: number }
  | { readonly type: 'end'; readonly value: ''; readonly at: number };

const KEYWORDS: ReadonlySet<string> = new Set([
  'AND',
  'BETWEEN',
  'ESCAPE',
  'FALSE',
  'IN',
  'IS',
  'LIKE',
  'NOT',
  'NULL',
  'OR',
  'TRUE',
]);

/** Spaces; a text in quotes, doubled inside; a number; a name; an operator. */
const WORD =
  /\s+|('(?:[^']|'')*')|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dfDFlL]?)(?![\w$])|([\p{L}_$][\p{L}\p{N}_$.-]*)|(<>|<=|>=|[=<>+\-*/(),])/uy;

/** Throws where no word can stand. */
export function tokens(selector: string): readonly Token[] {
  const found: Token[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < selector.length) {
    const at = WORD.lastIndex;
    const match = WORD.exec(selector);
    if (match === null) throw wrong(selector, at);
    const [, text, digits, word, sign] = match;
    if (text !== undefined) {
      found.push({ type: 'text', value: text.slice(1, -1).replaceAll("''", "'"), at });
    } else if (digits !== undefined) {
      found.push({ type: 'number', value: Number(digits.replace(/[dfl]$/i, '')), at });
    } else if (word !== undefined) found.push(named(word, at));
    else if (sign !== undefined) found.push({ type: 'sign', value: sign, at });
  }
  found.push({ type: 'end', value: '', at: selector.length });
  return found;
}

function named(word: string, at: number): Token {
  const capital = word.toUpperCase();
  return KEYWORDS.has(capital)
    ? { type: 'sign', value: capital, at }
    : { type: 'name', value: word, at };
}

/** Says where, for the person who wrote it. */
export function wrong(selector: string, at: number): BrokerError {
  const rest = selector.slice(at, at + 20).replace(/\p{Cc}/gu, '?');
  return new BrokerError(
    'header-malformed',
    rest === '' ? 'The selector ends too soon' : `The selector makes no sense at: ${rest}`,
    "Write a condition as in SQL: color = 'red' AND weight > 2.5.",
  );
}
