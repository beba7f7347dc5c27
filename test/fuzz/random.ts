/** Bytes that nobody should send, most of them nearly right: those find more than noise does. */

export interface Random {
  number(below: number): number;
  one<T>(of: readonly T[]): T;
  chance(of: number): boolean;
}

export function randomness(seed: number): Random {
  let state = seed >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const number = (below: number): number => next() % Math.max(1, below);
  return {
    number,
    one: (of) => of[number(of.length)] as (typeof of)[number],
    chance: (of) => number(1000) < of * 1000,
  };
}

/** What breaks readers: ends, escapes, wildcards, numbers at their edges, names of objects' own. */
const SPICE = [
  '\0',
  '\n',
  '\r\n',
  ':',
  '\\',
  '\\n',
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  '/',
  '..',
  '*',
  '**',
  '#',
  '%',
  '%00',
  '%2e%2e',
  '\u{feff}',
  '\ud800',
  'é',
  '🫖',
  '-1',
  '0',
  '1e309',
  '9007199254740993',
  'NaN',
  '__proto__',
  'constructor',
  'null',
  'true',
  ' '.repeat(300),
  'x'.repeat(9000),
  'a\nb:c',
  '\x1e',
];

/** One of `seeds` with some of it cut, doubled, swapped, spiced. */
export function mutated(random: Random, seeds: readonly string[]): Buffer {
  let text = random.one(seeds);
  for (let times = random.number(5); times > 0; times--) {
    const at = random.number(text.length + 1);
    const to = at + random.number(12);
    const [before, middle, after] = [text.slice(0, at), text.slice(at, to), text.slice(to)];
    const ways = [
      () => before + after,
      () => before + middle + middle + after,
      () => before + random.one(SPICE) + after,
      () => before + random.one(seeds).slice(at),
      () => text + random.one(seeds),
    ];
    text = random.one(ways)().slice(0, 60_000);
  }
  const bytes = Buffer.from(text);
  if (bytes.length > 0 && random.chance(0.2))
    bytes[random.number(bytes.length)] = random.number(256);
  return bytes;
}
