import fc from 'fast-check';
import { newScan, scanFrames, textFrames } from '../../local/frames.ts';
import { clientFrame } from './gateway.ts';

const max = { frameBytesMax: 32 * 1024, messageBytesMax: 128 * 1024 };

test.each([0, 1, 125, 126, 127, 32_768])('a payload of %i octets is one text frame', (bytes) => {
  const wire = textFrames(Buffer.alloc(bytes, 'a'), max.frameBytesMax);
  const header = bytes < 126 ? 2 : 4;
  expect(wire).toHaveLength(header + bytes);
  expect(wire[0]).toBe(0x81);
  expect(bytes < 126 ? wire[1] : wire.readUInt16BE(2)).toBe(bytes);
  expect(wire.subarray(header).every((octet) => octet === 97)).toBe(true);
});

test('a frame of 64 KB and more has a 64-bit length, where the limit allows it', () => {
  const wire = textFrames(Buffer.alloc(70_000), 128 * 1024);
  expect([...wire.subarray(0, 10)]).toEqual([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
});

test('the frames of a large payload hold it, in order', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 500 }),
      fc.integer({ min: 1, max: 125 }),
      (payload, most) => {
        const wire = textFrames(payload, most);
        const parts: Buffer[] = [];
        const firsts: number[] = [];
        for (let at = 0; at < wire.length; ) {
          const length = wire[at + 1] ?? 0;
          firsts.push(wire[at] ?? 0);
          expect(length).toBeLessThanOrEqual(most);
          parts.push(wire.subarray(at + 2, at + 2 + length));
          at += 2 + length;
        }
        expect(Buffer.concat(parts)).toEqual(Buffer.from(payload));
        expect(firsts.map((first) => first & 0x0f).join('')).toBe(
          `1${'0'.repeat(firsts.length - 1)}`,
        );
        expect(firsts.map((first) => first >> 7).join('')).toBe(
          `${'0'.repeat(firsts.length - 1)}1`,
        );
      },
    ),
  );
});

test('however a stream is cut, the same messages are counted', () => {
  const frame = fc.record({ bytes: fc.integer({ min: 0, max: 300 }), control: fc.boolean() });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat()), (frames, cuts) => {
      const stream = Buffer.concat(
        frames.map(({ bytes, control }) =>
          clientFrame(control ? 9 : 1, Buffer.alloc(control ? Math.min(bytes, 125) : bytes)),
        ),
      );
      const scan = newScan();
      for (const piece of pieces(stream, cuts))
        expect(scanFrames(scan, piece, max)).toBeUndefined();
      expect(scan.messages).toBe(frames.filter(({ control }) => !control).length);
      expect(scan.skip).toBe(0);
    }),
  );
});

test('however a stream is cut, the violation is found and what came before it counted', () => {
  const stream = Buffer.concat([
    clientFrame(1, Buffer.alloc(200)),
    clientFrame(1, Buffer.alloc(100), { fin: false }),
    clientFrame(9, Buffer.alloc(5)),
    clientFrame(0, Buffer.alloc(100)),
    clientFrame(1, Buffer.alloc(32 * 1024 + 1)),
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat()), (cuts) => {
      const scan = newScan();
      const found = pieces(stream, cuts)
        .map((piece) => scanFrames(scan, piece, max))
        .find((violation) => violation !== undefined);
      expect(found).toBe('frame-too-large');
      expect(scan.messages).toBe(2);
    }),
  );
});

test('binary is seen in its first frame', () => {
  const start = clientFrame(2, Buffer.alloc(10), { fin: false });
  expect(scanFrames(newScan(), start.subarray(0, 2), max)).toBe('binary');
});

function pieces(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => stream.subarray(at[index], end));
}
