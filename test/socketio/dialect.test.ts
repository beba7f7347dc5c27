/** Socket.IO as a dialect: which event is which command, and how each answer is told. */
import fc from 'fast-check';
import { BrokerError } from '../../broker/errors.ts';
import { socketioDialect as dialect } from '../../protocol/socketio/dialect.ts';

const read = (text: string, version: string | undefined = '5') =>
  dialect.decode(Buffer.from(text), version);
const TEXT = ['content-type', 'text/plain'];
const JSON_TYPE = ['content-type', 'application/json'];

test.each([
  ['20["join","k"]', { type: 'subscribe', id: 'mk', destination: '/room/k', receipt: 'a0' }],
  ['2["join","k",{"last":3}]', { type: 'subscribe', headers: [['last', '3']] }],
  ['27["leave","k"]', { type: 'unsubscribe', id: 'mk', receipt: 'a7' }],
  [
    '2["message","k","hi"]',
    { type: 'send', destination: '/room/k', headers: [['except', 'self'], TEXT] },
  ],
  ['2["message","k",{"a":1}]', { body: Buffer.from('{"a":1}') }],
  [
    '2["message","k",null]',
    { headers: [['except', 'self'], JSON_TYPE], body: Buffer.from('null') },
  ],
  ['2["subscribe","/topic/a"]', { type: 'subscribe', id: 's/topic/a', ack: 'auto' }],
  ['2["subscribe","/queue/a",{"ack":"client"}]', { ack: 'client', headers: [] }],
  ['2["unsubscribe","/topic/a"]', { type: 'unsubscribe', id: 's/topic/a' }],
  ['2["send","/topic/a","x",{"p":1}]', { headers: [['p', '1'], TEXT], body: Buffer.from('x') }],
  ['2["ack","id"]', { type: 'ack', id: 'id' }],
  ['2["nack","id",{"requeue":false}]', { type: 'nack', headers: [['requeue', 'false']] }],
  ['1', { type: 'disconnect' }],
])('%s is a command', (text, command) => {
  expect(read(text).commands).toMatchObject([command]);
});

test('what CONNECT brings in auth becomes headers, and nothing that nests', () => {
  expect(read('0{"token":"t","login":"l","passcode":"p","deep":{}}', undefined).commands).toEqual([
    { type: 'connect', version: '5', login: 'l', passcode: 'p', headers: [['token', 't']] },
  ]);
});

test.each([
  ['23["launch"]', 'unknown-command', false],
  ['2["join"]', 'header-missing', false],
  ['2["join",{}]', 'header-missing', false],
  ['2["message","k",1,2]', 'protocol-violation', false],
  ['2["send","/topic/a",1,{"a":[]}]', 'header-malformed', false],
  ['2["subscribe","/topic/a",{"ack":"x"}]', 'header-malformed', false],
  ['0/other', 'not-supported', false],
  ['x', 'envelope-malformed', true],
  ['2["a"]\x1eAA==', 'envelope-malformed', true],
  ['51-["a"]\x1e$', 'envelope-malformed', true],
])('%j is refused: %s', (text, code, fatal) => {
  const [command] = read(text).commands;
  if (command?.type !== 'refused') throw new Error('not refused');
  expect([command.error.code, command.error.fatal]).toEqual([code, fatal]);
});

test('a packet waits for all its attachments', () => {
  const text = '52-["message","k",{"_placeholder":true,"num":1}]\x1eAAE=';
  expect(read(text)).toEqual({ commands: [], half: Buffer.from(text) });
  expect(read(`${text}\x1eAgM=`).commands).toMatchObject([{ body: Buffer.from([2, 3]) }]);
});

const error = new BrokerError('forbidden', 'No', 'Ask somebody');

test.each([
  ['connected', '0{"sid":"s"}', { version: '5', session: 's', heartBeat: [0, 0], server: 'x' }],
  ['receipt', '37[{"ok":true}]', { receipt: 'a7' }],
  [
    'receipt',
    '37[{"ok":true,"position":"e:1"}]',
    { receipt: 'a7', headers: [['position', 'e:1']] },
  ],
  [
    'error',
    '37[{"ok":false,"code":"forbidden","message":"No","mend":"Ask somebody"}]',
    { error, receipt: 'a7' },
  ],
  ['error', '2["error",{"code":"forbidden","message":"No","mend":"Ask somebody"}]', { error }],
  ['error', '4/x,{"message":"No"}', { error, receipt: 'n/x' }],
])('%s is told as %s', (type, text, reply) => {
  expect(String(dialect.encode({ type, ...reply } as never, '5'))).toBe(text);
});

test('before CONNECT is answered an error is the refusal of it', () => {
  const text = String(dialect.encode({ type: 'error', error }, undefined));
  expect(text).toBe('4{"message":"No","data":{"code":"forbidden","mend":"Ask somebody"}}');
});

const message = (body: string | Buffer, contentType: string, destination = '/room/k') => ({
  id: 'm-1',
  destination,
  headers: [
    ['content-type', contentType],
    ['seq', '4'],
    ['epoch', 'e'],
  ] as const,
  body: Buffer.from(body),
});

test.each([
  ['mk', message('hi', 'text/plain'), '2["message","k","hi","e:4"]'],
  ['mk', message('{"a": 1e400}', 'application/json'), '2["message","k",{"a": 1e400},"e:4"]'],
  ['mk', message('{broken', 'application/json'), '2["message","k","{broken","e:4"]'],
  [
    'mk',
    message('AB', 'application/octet-stream'),
    '51-["message","k",{"_placeholder":true,"num":0},"e:4"]\x1eQUI=',
  ],
  [
    'mk',
    message(Buffer.from([255]), 'text/plain'),
    '51-["message","k",{"_placeholder":true,"num":0},"e:4"]\x1e/w==',
  ],
  [
    's/topic/*',
    message('hi', 'text/plain', '/topic/a'),
    '2["message","/topic/a","hi",{"epoch":"e","seq":"4","content-type":"text/plain","message-id":"m-1"}]',
  ],
  [
    's/presence/room/k',
    message('{"members":[]}', 'application/json', '/presence/room/k'),
    '2["presence","k",{"members":[]}]',
  ],
])('for the subscription %s a message is an event', (subscription, one, text) => {
  expect(String(dialect.message(one, '5')(subscription))).toBe(text);
});

test('any octets are commands, a half, or refused: nothing is thrown', () => {
  const start = fc.constantFrom('', '2["', '51-["message","k",', '0{', '2["send","/topic/a",');
  fc.assert(
    fc.property(start, fc.string({ unit: 'binary' }), (head, tail) => {
      read(head + tail);
    }),
  );
});

test('a payload sent is the payload heard', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const [command] = read(`2["message","k",${JSON.stringify(value)}]`).commands;
      if (command?.type !== 'send') throw new Error('no message');
      const told = String(dialect.message({ id: 'm', ...command }, '5')('mk'));
      expect(JSON.parse(told.slice(1))).toEqual([
        'message',
        'k',
        JSON.parse(JSON.stringify(value)),
        '',
      ]);
    }),
  );
});
