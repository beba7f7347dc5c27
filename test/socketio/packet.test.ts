/** Packets of Socket.IO 5: the table of what is one and what is none, and the way there and back. */
import fc from 'fast-check';
import { engineioCarrier } from '../../protocol/engineio/carrier.ts';
import { type Packet, payloadText, readPayload } from '../../protocol/engineio/packet.ts';
import { readSocketPacket, socketText } from '../../protocol/socketio/packet.ts';
import { emptied, filled } from '../../protocol/socketio/placeholders.ts';

const NONE = { namespace: '/', attachments: 0 };

test.each([
  ['0', { ...NONE, type: 'connect' }],
  ['0{"token":"1"}', { ...NONE, type: 'connect', data: { token: '1' } }],
  ['0/a,', { ...NONE, type: 'connect', namespace: '/a' }],
  ['0/a', { ...NONE, type: 'connect', namespace: '/a' }],
  ['0/a?q=1,{}', { ...NONE, type: 'connect', namespace: '/a', data: {} }],
  ['1', { ...NONE, type: 'disconnect' }],
  ['1/a,', { ...NONE, type: 'disconnect', namespace: '/a' }],
  ['2["e",1]', { ...NONE, type: 'event', data: ['e', 1] }],
  ['2[1]', { ...NONE, type: 'event', data: [1] }],
  ['212["e"]', { ...NONE, type: 'event', id: 12, data: ['e'] }],
  ['2/a,0["e"]', { ...NONE, type: 'event', namespace: '/a', id: 0, data: ['e'] }],
  ['37[]', { ...NONE, type: 'ack', id: 7, data: [] }],
  ['4{"message":"no"}', { ...NONE, type: 'connect-error', data: { message: 'no' } }],
  ['51-["e"]', { ...NONE, type: 'binary-event', attachments: 1, data: ['e'] }],
  ['52-/a,3["e"]', { type: 'binary-event', namespace: '/a', attachments: 2, id: 3, data: ['e'] }],
  ['61-3[]', { ...NONE, type: 'binary-ack', attachments: 1, id: 3, data: [] }],
])('%s is a packet', (text, packet) => {
  expect(readSocketPacket(text)).toEqual(packet);
});

test.each([
  '',
  'abc',
  '7',
  '0"text"',
  '0[]',
  '1{}',
  '2',
  '2{}',
  '2[]',
  '2[{}]',
  '2,["e"]',
  '2abc["e"]',
  '2["e"',
  '2["connect"]',
  '2["connect_error"]',
  '2["disconnect"]',
  '2["disconnecting"]',
  '2["newListener"]',
  '2["removeListener"]',
  '21-["e"]',
  '3{}',
  '4',
  '5["e"]',
  '5x-["e"]',
  '511-["e"]',
  '6[]',
  `2["e",${'['.repeat(100)}${']'.repeat(100)}]`,
])('%j is no packet', (text) => {
  expect(readSocketPacket(text)).toBeUndefined();
});

const types = fc.constantFrom('event', 'binary-event', 'ack', 'binary-ack');

test('what is written is read as it was', () => {
  const packet = fc.record({
    type: types,
    namespace: fc.stringMatching(/^\/[a-z0-9/]{0,8}$/),
    id: fc.nat(),
    attachments: fc.integer({ min: 0, max: 10 }),
    data: fc.tuple(fc.constantFrom('e', 'message'), fc.jsonValue({ maxDepth: 4 })),
  });
  fc.assert(
    fc.property(packet, (one) => {
      const attachments = one.type.startsWith('binary') ? one.attachments : 0;
      const data: unknown = JSON.parse(JSON.stringify(one.data));
      const whole = { ...one, attachments, data };
      expect(readSocketPacket(socketText(whole, JSON.stringify(data)))).toEqual(whole);
    }),
  );
});

test('any text is a packet or none, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('', '2', '51-', '0/'), (text, start) => {
      readSocketPacket(start + text);
    }),
  );
});

test('octets taken out of a value are put back', () => {
  const octets = fc.uint8Array({ maxLength: 20 });
  const value = fc.array(
    fc.oneof(octets, fc.string(), fc.dictionary(fc.constantFrom('a', 'b'), octets)),
  );
  fc.assert(
    fc.property(value, (all) => {
      const { json, attachments } = emptied(all);
      expect(filled(JSON.parse(json), attachments)).toEqual(all);
    }),
  );
});

test('payloads of Engine.IO are read as they were written', () => {
  const packet: fc.Arbitrary<Packet> = fc.oneof(
    fc.record({
      type: fc.constant('message' as const),
      data: fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\x1e', '')),
    }),
    fc.uint8Array().map((data) => ({ type: 'binary' as const, data: Buffer.from(data) })),
  );
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1 }), (packets) => {
      expect(readPayload(payloadText(packets))).toEqual(packets);
    }),
  );
});

test('the carrier gives a text its octets back, whatever packets they came in', () => {
  const text = fc
    .tuple(fc.stringMatching(/^[a-z]{1,9}$/), fc.array(fc.base64String({ maxLength: 12 })))
    .map(([head, more]) => [head, ...more].join('\x1e'));
  fc.assert(
    fc.property(fc.array(text, { minLength: 1 }), (texts) => {
      const packets = engineioCarrier.wrap(
        texts.map((one) => Buffer.from(one)),
        false,
        32_768,
      );
      const payload = Buffer.from(packets.map((one) => Buffer.from(one).toString()).join('\x1e'));
      expect(engineioCarrier.unwrap(payload).map(String)).toEqual(texts);
    }),
  );
});

test.each(['abc', '2', '0{}', '4a\x1ex'])('the carrier refuses %j', (payload) => {
  expect(() => engineioCarrier.unwrap(Buffer.from(payload))).toThrow('no Engine.IO packet');
});
