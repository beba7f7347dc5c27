import { rawCarrier } from '../../protocol/raw.ts';

const texts = (...lengths: number[]) =>
  lengths.map((length, index) => Buffer.alloc(length, 97 + index));
const lengths = (posts: readonly Uint8Array[]) => posts.map(({ length }) => length);

test('a message is one text, as it came', () => {
  const payload = Buffer.from('SEND');
  expect(rawCarrier.unwrap(payload)).toEqual([payload]);
  expect(rawCarrier.unwrap(payload)[0]).toBe(payload);
});

test.each([
  [[], 10, []],
  [[3], 10, [3]],
  [[3, 7], 10, [10]],
  [[3, 7, 1], 10, [10, 1]],
  [[3, 8, 2], 10, [3, 10]],
  [[4, 4, 4, 4, 4], 10, [8, 8, 4]],
  [[30], 10, [30]],
  [[3, 30, 3], 10, [3, 30, 3]],
  [[0, 10, 0], 10, [10]],
])('texts of %j octets within %i become posts of %j', (sizes, bytesMax, posts) => {
  const given = texts(...sizes);
  const wrapped = rawCarrier.wrap(given, true, bytesMax);
  expect(lengths(wrapped)).toEqual(posts);
  expect(Buffer.concat(wrapped)).toEqual(Buffer.concat(given));
});

test('texts that are messages of their own never share a post', () => {
  expect(lengths(rawCarrier.wrap(texts(3, 3, 3), false, 10))).toEqual([3, 3, 3]);
});

test('a text alone in its post is the same object, so that receivers share it', () => {
  const [small, large] = texts(3, 30);
  if (small === undefined || large === undefined) throw new Error('no texts');
  expect(rawCarrier.wrap([small], true, 10)[0]).toBe(small);
  expect(rawCarrier.wrap([small, large], true, 10)[1]).toBe(large);
  expect(rawCarrier.wrap([small, large], false, 10)[0]).toBe(small);
});
