import fc from 'fast-check';
import { BrokerError } from '../../broker/errors.ts';
import { sockjsCarrier } from '../../protocol/sockjs/carrier.ts';
import { closeFrame, joinFrames, messagesFrame } from '../../protocol/sockjs/frames.ts';

const { unwrap, wrap } = sockjsCarrier;
const texts = (...all: string[]) => all.map((text) => Buffer.from(text));
const strings = (all: readonly Uint8Array[]) => all.map((bytes) => Buffer.from(bytes).toString());

test.each<[string, string[]]>([
  ['["a","b"]', ['a', 'b']],
  ['"a"', ['a']],
  ['', []],
  ['[]', []],
  ['["\\u0000\\ud83d\\ude00"]', ['\0😀']],
])('%s holds the texts %j', (payload, held) => {
  expect(strings(unwrap(Buffer.from(payload)))).toEqual(held);
});

test.each(['["a', '{"a":1}', '[1]', '["a",null]', 'null', 'SEND\n\n\0', '[["a"]]', '"a'])(
  '%j is refused, fatally: the client would not know what was lost',
  (payload) => {
    expect(() => unwrap(Buffer.from(payload))).toThrow(BrokerError);
    try {
      unwrap(Buffer.from(payload));
    } catch (cause) {
      expect(cause).toMatchObject({ code: 'envelope-malformed', fatal: true });
    }
  },
);

test('texts share a frame up to the bound, whether or not their dialect joins them', () => {
  for (const joins of [true, false]) {
    expect(strings(wrap(texts('a', 'b', 'c'), joins, 100))).toEqual(['a["a","b","c"]']);
    expect(strings(wrap(texts('aaaa', 'bbbb', 'cccc'), joins, 18))).toEqual([
      'a["aaaa","bbbb"]',
      'a["cccc"]',
    ]);
  }
});

test('a text larger than the bound has a frame of its own', () => {
  const large = 'x'.repeat(50);
  const expected = ['a["a"]', `a["${large}"]`, 'a["b"]'];
  expect(strings(wrap(texts('a', large, 'b'), false, 20))).toEqual(expected);
});

test('whatever is wrapped is unwrapped, joined or not, and frames keep to the bound', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 10, max: 200 }),
      (all, bytesMax) => {
        const posts = wrap(texts(...all), false, bytesMax);
        const back = posts.flatMap((post) => strings(unwrap(post.subarray(1))));
        expect(back).toEqual(strings(texts(...all)));
        expect(joinFrames(posts)).toBe(messagesFrame(back));
        for (const post of posts) {
          if (unwrap(post.subarray(1)).length > 1)
            expect(post.length).toBeLessThanOrEqual(bytesMax);
        }
      },
    ),
  );
});

test('any octets are texts or a refusal, never another fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
      try {
        unwrap(payload);
      } catch (cause) {
        expect(cause).toBeInstanceOf(BrokerError);
      }
    }),
  );
});

test('a reason is quoted as a text is', () => {
  expect(closeFrame({ code: 3000, reason: 'a"\u2028' })).toBe('c[3000,"a\\"\\u2028"]');
});
