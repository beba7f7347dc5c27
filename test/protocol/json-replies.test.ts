import { BrokerError } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Message, Reply } from '../../broker/model.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const encode = (reply: Reply) => text(jsonDialect.encode(reply, '1.2'));

function message(parts: Partial<Message>): Message {
  return { id: 'm-1', destination: '/topic/a', headers: [], body: Buffer.from('hi'), ...parts };
}

function received(parts: Partial<Message>): Record<string, unknown> {
  return JSON.parse(text(jsonDialect.message(message(parts), '1.2')('s1')));
}

test('CONNECTED, RECEIPT and ERROR are flat objects', () => {
  expect(
    encode({
      type: 'connected',
      version: '1.2',
      session: 'abc',
      heartBeat: [0, 240_000],
      server: 'stompway/1',
    }),
  ).toBe(
    '{"command":"CONNECTED","version":"1.2","heart-beat":"0,240000","session":"abc","server":"stompway/1"}',
  );
  expect(encode({ type: 'receipt', receipt: 'r "1"', headers: [['position', 'e:1']] })).toBe(
    '{"command":"RECEIPT","receipt-id":"r \\"1\\"","position":"e:1"}',
  );
  const error = new BrokerError('forbidden', 'No', 'Ask.', [
    ['version', '1.2'],
    ['code', 'mine'],
    ['body', 'mine'],
  ]);
  expect(encode({ type: 'error', error, receipt: 'r' })).toBe(
    '{"command":"ERROR","message":"No","code":"forbidden","receipt-id":"r","version":"1.2","body":"Ask."}',
  );
});

test('a MESSAGE carries subscription, ack, id, destination, headers and body', () => {
  const splice = jsonDialect.message(message({ headers: [['x', '1']] }), '1.2');
  expect(text(splice('s"1'))).toBe(
    '{"command":"MESSAGE","subscription":"s\\"1","message-id":"m-1","destination":"/topic/a","x":"1","body":"hi"}',
  );
  expect(JSON.parse(text(splice('s1', 'a1')))).toEqual({
    command: 'MESSAGE',
    subscription: 's1',
    ack: 'a1',
    'message-id': 'm-1',
    destination: '/topic/a',
    x: '1',
    body: 'hi',
  });
});

test('the same receiver twice in a row gets the very same bytes', () => {
  const splice = jsonDialect.message(message({}), '1.2');
  const first = splice('s1');
  expect(splice('s1')).toBe(first);
  expect(splice('s1', 'a')).not.toBe(first);
  expect(splice('s2')).not.toBe(first);
  expect(text(splice('s1'))).toBe(text(first));
});

test('no header overwrites what a MESSAGE says itself, and the first of a name counts', () => {
  const mine = ['command', 'subscription', 'message-id', 'destination', 'body', 'content-length'];
  const headers = [...mine, 'ack', 'body-encoding'].map((name) => [name, 'evil'] as const);
  expect(received({ headers: [...headers, ['x', '1'], ['x', '2']] })).toEqual({
    command: 'MESSAGE',
    subscription: 's1',
    'message-id': 'm-1',
    destination: '/topic/a',
    x: '1',
    body: 'hi',
  });
});

test('a header named __proto__ arrives as a key and touches no prototype', () => {
  const object = received({ headers: [['__proto__', 'x']] });
  expect(Object.hasOwn(object, '__proto__')).toBe(true);
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
});

test.each<[contentType: string, body: string, value: unknown]>([
  ['application/json', '{"a":[1,null]}', { a: [1, null] }],
  ['Application/JSON ; charset=utf-8', ' 5 ', 5],
  ['application/problem+json', '"x"', 'x'],
  ['application/json', 'null', null],
  ['application/json', '{"a":', '{"a":'],
  ['application/json', '', ''],
  ['application/json', '1}, "command":"ERROR"', '1}, "command":"ERROR"'],
  ['text/plain', '{"a":1}', '{"a":1}'],
  ['application/jsonp', '1', '1'],
  ['text/plain; x=application/json', '1', '1'],
])('a body of type %j that is %j is returned as %j', (contentType, body, value) => {
  const object = received({
    headers: [['content-type', contentType]],
    body: Buffer.from(body),
  });
  expect(object['body']).toEqual(value);
  expect(object['command']).toBe('MESSAGE');
});

test('numbers keep their digits', () => {
  const splice = jsonDialect.message(
    message({
      headers: [['content-type', 'application/json']],
      body: Buffer.from('12345678901234567890.10'),
    }),
    '1.2',
  );
  expect(text(splice('s1'))).toContain('"body":12345678901234567890.10}');
});

test('a body nested deeper than readers can follow arrives as a string', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const typed = { headers: [['content-type', 'application/json']] as const };
  const least = nested(LIMITS.jsonDepthMax);
  expect(received({ ...typed, body: Buffer.from(least) })['body']).toBe(least);
  const most = nested(LIMITS.jsonDepthMax - 1);
  expect(received({ ...typed, body: Buffer.from(most) })['body']).toEqual(JSON.parse(most));
});

test('octets that are no UTF-8 arrive as base64, and say so', () => {
  expect(received({ body: Uint8Array.of(0xff, 0x00) })).toMatchObject({
    'body-encoding': 'base64',
    body: '/wA=',
  });
  expect(received({ body: Buffer.from('é\0') })).not.toHaveProperty('body-encoding');
});

test('it says what it is', () => {
  expect(jsonDialect).toMatchObject({
    name: 'json',
    endsOnError: false,
    joins: false,
    versions: ['1.2'],
    impliedVersion: '1.2',
  });
});
