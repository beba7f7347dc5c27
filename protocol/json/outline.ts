/**
 * Looks at JSON text without building its values. A body is passed on as it was written and never
 * through a JavaScript value: 64-bit integers, -0 and 1e400 would not survive that, and writing a
 * deeply nested value out again overflows the stack.
 *
 * In text that `JSON.parse` accepts, only brackets, colons and commas matter outside strings; inside
 * them only the closing quote, and the backslash before any character. Both functions run once
 * over the text and are linear in it.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

/**
 * How deep arrays and objects nest: 0 for a bare value, 1 for a flat object. Works on any text, so
 * that depth is bounded before a parser sees it.
 */
export function nesting(text: string): number {
  let level = 0;
  let deepest = 0;
  for (const { code } of marks(text)) {
    if (isOpening(code)) deepest = Math.max(deepest, ++level);
    else if (isClosing(code)) level--;
  }
  return deepest;
}

/**
 * The text of one value of an object, without the white space around it; undefined if it has no
 * such key. Of a key given twice the last counts, as in `JSON.parse`. `object` is valid JSON.
 */
export function valueText(object: string, name: string): string | undefined {
  let found: string | undefined;
  let level = 0;
  let key = '';
  // Where the value begins; 0 while a key is awaited, which is never inside a nested value.
  let begin = 0;
  for (const { code, at, end } of marks(object)) {
    if (isOpening(code)) level++;
    else if (isClosing(code)) level--;
    if (begin === 0) {
      if (code === QUOTE) key = object.slice(at, end);
      if (code === COLON) begin = end;
    } else if (level === 0 || (level === 1 && code === COMMA)) {
      if (JSON.parse(key) === name) found = object.slice(begin, at).trim();
      begin = 0;
    }
  }
  return found;
}

interface Mark {
  readonly code: number;
  readonly at: number;
  readonly end: number;
}

/** Every string, bracket, colon and comma, in order; `end` is the index behind it. */
function* marks(text: string): Generator<Mark, void> {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = stringEnd(text, at) + 1;
      yield { code, at, end };
      at = end - 1;
    } else if (code === COMMA || code === COLON || isOpening(code) || isClosing(code)) {
      yield { code, at, end: at + 1 };
    }
  }
}

/** Index of the quote that ends the string begun at `start`, or of the text's last character. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length - 1;
}

function isOpening(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}
