import { parseArgs } from 'node:util';
import { countFrom, parseFlags } from '../../local/flags.ts';

const USAGE = 'npm run it -- [--seeds N]';
const read = (...given: string[]) =>
  parseFlags(
    given,
    USAGE,
    (args) => parseArgs({ args, options: { seeds: { type: 'string', default: '7' } } }).values,
  );

test('flags that are known are read, with their defaults', () => {
  expect(read()).toEqual({ flags: { seeds: '7' } });
  expect(read('--seeds', '3')).toEqual({ flags: { seeds: '3' } });
});

test('--help is answered with the usage alone, whatever stands beside it', () => {
  for (const given of [['--help'], ['-h'], ['--sedes', '3', '--help']]) {
    expect(read(...given)).toEqual({ told: USAGE, exitCode: 0 });
  }
});

test('what is not understood is named, the usage follows, and the exit code tells', () => {
  for (const [given, word] of [
    [['--sedes', '3'], '--sedes'],
    [['--seeds'], '--seeds'],
    [['stray'], 'stray'],
  ] as const) {
    const told = read(...given);
    expect(told).toEqual({ told: expect.stringContaining(word), exitCode: 2 });
    expect(told).toEqual({ told: expect.stringMatching(/\n\nnpm run it/), exitCode: 2 });
    expect(told).toEqual({ told: expect.not.stringMatching(/^ +at /m), exitCode: 2 });
  }
});

test.each([
  ['0', 0, 0],
  ['1', 1, 1],
  ['0', 1, undefined],
  ['-1', 0, undefined],
  ['1.5', 0, undefined],
  ['', 0, undefined],
  ['x', 0, undefined],
  ['9'.repeat(16), 0, undefined],
])('a count of "%s" from %d on is %s', (text, least, count) => {
  expect(countFrom(least, text)).toBe(count);
});
