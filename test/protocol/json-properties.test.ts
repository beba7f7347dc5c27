import fc from 'fast-check';
import { BrokerError } from '../../broker/errors.ts';
import type { Command, SendCommand } from '../../broker/model.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { nesting, valueText } from '../../protocol/json/outline.ts';

const decode = (text: string): readonly Command[] =>
  jsonDialect.decode(Buffer.from(text), '1.2').commands;

function sent(request: object): SendCommand {
  const [command] = decode(JSON.stringify(request));
  if (command?.type !== 'send') throw new Error(`not sent: ${JSON.stringify(command)}`);
  return command;
}

function received({ destination, headers, body }: SendCommand): Record<string, unknown> {
  const bytes = jsonDialect.message({ id: 'm', destination, headers, body }, '1.2')('s');
  return JSON.parse(Buffer.from(bytes).toString());
}

const json = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });

test('any JSON value sent as a body comes back equal', () => {
  fc.assert(
    fc.property(json, (body) => {
      // A number written -0 stays -0 on the wire, but JSON.stringify writes 0.
      const asWritten: unknown = JSON.parse(JSON.stringify(body));
      expect(received(sent({ send: '/topic/a', body }))['body']).toEqual(asWritten);
    }),
  );
});

test('any octets sent as base64 come back, as text or as base64', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      const body = Buffer.from(octets).toString('base64');
      const object = received(sent({ send: '/topic/a', 'body-encoding': 'base64', body }));
      const encoding = object['body-encoding'] === 'base64' ? 'base64' : 'utf8';
      expect(Uint8Array.from(Buffer.from(String(object['body']), encoding))).toEqual(octets);
    }),
  );
});

test('any header of any name comes back as it was, unless the name is one a MESSAGE uses', () => {
  const used =
    /^(command|body|body-encoding|content-length|destination|transaction|receipt|subscription|message-id|ack)$/;
  const name = fc.string({ unit: 'binary' }).filter((each) => !used.test(each));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.string({ unit: 'binary' })), { maxLength: 9 }),
      (all) => {
        const headers = Object.fromEntries(all);
        const request = Object.entries(headers).map(
          ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
        );
        const text = `{${[...request, '"command":"SEND"', '"destination":"/topic/a"'].join(',')}}`;
        const [command] = decode(text);
        if (command?.type !== 'send') throw new Error(JSON.stringify(command));
        expect(command.headers).toEqual(Object.entries(headers));
        const object = received(command);
        for (const [key, value] of command.headers) expect(object[key]).toBe(value);
      },
    ),
  );
});

function assertDecoded(bytes: Uint8Array): void {
  const { commands, half } = jsonDialect.decode(bytes, '1.2');
  expect(half).toBeUndefined();
  expect(commands.length).toBeLessThanOrEqual(1);
  for (const command of commands) {
    if (command.type === 'refused') expect(command.error).toBeInstanceOf(BrokerError);
  }
}

test('any octets decode to commands or a refusal, never a throw', () => {
  fc.assert(fc.property(fc.uint8Array(), assertDecoded));
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assertDecoded(Buffer.from(text))));
});

test('any JSON decodes to commands or a refusal, never a throw', () => {
  const key = fc.constantFrom('command', 'send', 'subscribe', 'id', 'ack', 'body', 'receipt', 'x');
  const object = fc.dictionary(key, json).map((each) => JSON.stringify(each));
  const broken = fc.tuple(object, fc.nat(200)).map(([text, cut]) => text.slice(0, cut));
  for (const texts of [object, broken]) {
    fc.assert(fc.property(texts, (text) => assertDecoded(Buffer.from(text))));
  }
});

test('the text of a value is found in any object, however it is laid out', () => {
  const layout = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), json), layout, (object, indent) => {
      const text = JSON.stringify(object, null, indent);
      for (const [key, value] of Object.entries(object)) {
        expect(JSON.parse(valueText(text, key) ?? 'missing')).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }
      expect(valueText(text, 'no such key, surely')).toBeUndefined();
    }),
  );
});

test('nesting is the depth of arrays and objects', () => {
  const depth = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depth))
      : 0;
  fc.assert(
    fc.property(json, (value) => expect(nesting(JSON.stringify(value))).toBe(depth(value))),
  );
});
