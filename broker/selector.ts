/**
 * Which messages a consumer wants, by their headers: the conditional expressions of JMS selectors, a
 * subset of SQL-92. A selector is read once per subscription into a function; what is unknown
 * (a header that is not there) stays unknown through AND, OR and NOT, and an unknown whole is no.
 *
 * Headers are text. Beside a number, text that looks like one counts as it; beside TRUE or FALSE,
 * `true` and `false` do.
 */
import { BrokerError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Headers } from './model.ts';
import { isLike, likeParts } from './selector-like.ts';
import { type Token, tokens, wrong } from './selector-tokens.ts';

export type Selector = (headers: Headers) => boolean;

/** Whether a subscriber wants a message; each text is read once for the life of the function. */
export function makeWants(): (
  subscriber: { readonly selector?: string },
  message: { readonly headers: Headers },
) => boolean {
  const known = new Map<string, Selector>();
  return ({ selector }, { headers }) => {
    if (selector === undefined) return true;
    const wants = known.get(selector) ?? makeSelector(selector);
    known.set(selector, wants);
    return wants(headers);
  };
}

type Value = string | number | boolean | undefined;
type Expression = (headers: Headers) => Value;

/** Without a text everything is wanted. Throws `header-malformed`, saying where it makes no sense. */
export function makeSelector(text: string | undefined): Selector {
  if (text === undefined) return () => true;
  if (Buffer.byteLength(text) > LIMITS.selectorBytesMax) {
    throw new BrokerError(
      'header-malformed',
      'The selector is too long',
      `A selector has at most ${LIMITS.selectorBytesMax} octets.`,
    );
  }
  const whole = parse(text);
  return (headers) => truth(whole(headers)) === true;
}

/** Recursive descent, loosest operator first; each nesting is counted. */
function parse(selector: string): Expression {
  const words = tokens(selector);
  let at = 0;
  let depth = 0;

  const peek = (): Token => words[at] ?? { type: 'end', value: '', at: selector.length };
  const fail = (): BrokerError => wrong(selector, peek().at);
  function take(sign: string): boolean {
    const { type, value } = peek();
    if (type !== 'sign' || value !== sign) return false;
    at++;
    return true;
  }
  function expect(sign: string): void {
    if (!take(sign)) throw fail();
  }
  function literal(): string {
    const token = peek();
    if (token.type !== 'text') throw fail();
    at++;
    return token.value;
  }

  function either(): Expression {
    if (++depth > LIMITS.selectorDepthMax) throw fail();
    let left = both();
    while (take('OR')) left = or(left, both());
    depth--;
    return left;
  }
  function both(): Expression {
    let left = negated();
    while (take('AND')) left = and(left, negated());
    return left;
  }
  function negated(): Expression {
    let odd = false;
    while (take('NOT')) odd = !odd;
    const inner = predicate();
    return odd ? not(inner) : inner;
  }

  function predicate(): Expression {
    const left = sum();
    const { type, value } = peek();
    const compare = type === 'sign' ? COMPARISONS[value] : undefined;
    if (compare !== undefined) {
      at++;
      return comparison(left, compare, sum());
    }
    if (take('IS')) {
      const no = take('NOT');
      expect('NULL');
      return (headers) => (left(headers) === undefined) !== no;
    }
    const no = take('NOT');
    const found = between(left) ?? among(left) ?? like(left);
    if (found !== undefined) return no ? not(found) : found;
    if (no) throw fail();
    return left;
  }
  function between(left: Expression): Expression | undefined {
    if (!take('BETWEEN')) return undefined;
    const low = sum();
    expect('AND');
    const high = sum();
    return and(
      comparison(left, (a, b) => a >= b, low),
      comparison(left, (a, b) => a <= b, high),
    );
  }
  function among(left: Expression): Expression | undefined {
    if (!take('IN')) return undefined;
    expect('(');
    const texts = new Set([literal()]);
    while (take(',')) texts.add(literal());
    expect(')');
    return (headers) => {
      const value = left(headers);
      return value === undefined ? undefined : texts.has(String(value));
    };
  }
  function like(left: Expression): Expression | undefined {
    if (!take('LIKE')) return undefined;
    const pattern = literal();
    const mark = take('ESCAPE') ? literal() : undefined;
    if (mark !== undefined && [...mark].length !== 1) throw fail();
    const parts = likeParts(pattern, mark);
    return (headers) => {
      const value = left(headers);
      return value === undefined ? undefined : isLike([...String(value)], parts);
    };
  }

  function sum(): Expression {
    let left = product();
    for (;;) {
      if (take('+')) left = arithmetic(left, (a, b) => a + b, product());
      else if (take('-')) left = arithmetic(left, (a, b) => a - b, product());
      else return left;
    }
  }
  function product(): Expression {
    let left = signed();
    for (;;) {
      if (take('*')) left = arithmetic(left, (a, b) => a * b, signed());
      else if (take('/')) left = arithmetic(left, (a, b) => a / b, signed());
      else return left;
    }
  }
  function signed(): Expression {
    let odd = false;
    for (;;) {
      if (take('-')) odd = !odd;
      else if (!take('+')) break;
    }
    const inner = primary();
    return odd
      ? arithmetic(
          () => 0,
          (a, b) => a - b,
          inner,
        )
      : inner;
  }
  function primary(): Expression {
    const token = peek();
    if (take('(')) {
      const inner = either();
      expect(')');
      return inner;
    }
    if (take('TRUE')) return () => true;
    if (take('FALSE')) return () => false;
    if (token.type === 'text' || token.type === 'number') {
      at++;
      return () => token.value;
    }
    if (token.type !== 'name') throw fail();
    at++;
    return (headers) => headers.find(([name]) => name === token.value)?.[1];
  }

  const whole = either();
  if (peek().type !== 'end') throw fail();
  return whole;
}

type Compare = (a: number, b: number) => boolean;

/** As of numbers; on texts and truths only `=` and `<>` mean anything. */
const COMPARISONS: Readonly<Record<string, Compare>> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function comparison(left: Expression, compare: Compare, right: Expression): Expression {
  return (headers) => {
    const [a, b] = [left(headers), right(headers)];
    if (a === undefined || b === undefined) return undefined;
    if (typeof a === 'number' || typeof b === 'number') {
      const [x, y] = [toNumber(a), toNumber(b)];
      return x !== undefined && y !== undefined && compare(x, y);
    }
    const same = String(a) === String(b) ? 0 : 1;
    if (compare === COMPARISONS['=']) return same === 0;
    if (compare === COMPARISONS['<>']) return same !== 0;
    const [x, y] = [toNumber(a), toNumber(b)];
    return x !== undefined && y !== undefined && compare(x, y);
  };
}

function arithmetic(
  left: Expression,
  operate: (a: number, b: number) => number,
  right: Expression,
): Expression {
  return (headers) => {
    const [a, b] = [toNumber(left(headers)), toNumber(right(headers))];
    return a === undefined || b === undefined ? undefined : operate(a, b);
  };
}

function toNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) {
    return undefined;
  }
  return Number(value);
}

/** Anything but TRUE and FALSE is unknown where a truth is asked: the text `true` is one. */
function truth(value: Value): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

function not(inner: Expression): Expression {
  return (headers) => {
    const value = truth(inner(headers));
    return value === undefined ? undefined : !value;
  };
}

function and(left: Expression, right: Expression): Expression {
  return (headers) => {
    const [a, b] = [truth(left(headers)), truth(right(headers))];
    if (a === false || b === false) return false;
    return a === undefined || b === undefined ? undefined : true;
  };
}

function or(left: Expression, right: Expression): Expression {
  return (headers) => {
    const [a, b] = [truth(left(headers)), truth(right(headers))];
    if (a === true || b === true) return true;
    return a === undefined || b === undefined ? undefined : false;
  };
}
