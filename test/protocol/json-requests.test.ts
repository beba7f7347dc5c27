import { BrokerError } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Command } from '../../broker/model.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';

function decodeAll(text: string | Uint8Array): readonly Command[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const { commands, half } = jsonDialect.decode(bytes, '1.2');
  expect(half).toBeUndefined();
  return commands;
}

function decode(text: string | Uint8Array): Command {
  const [command, ...more] = decodeAll(text);
  expect(more).toEqual([]);
  if (command === undefined) throw new Error('no command');
  return command;
}

function refusal(text: string | Uint8Array): BrokerError {
  const command = decode(text);
  if (command.type !== 'refused') throw new Error(`not refused: ${JSON.stringify(command)}`);
  expect(command.error).toBeInstanceOf(BrokerError);
  return command.error;
}

const octets = (text: string) => Buffer.from(text);

test.each<[name: string, text: string, command: Command]>([
  [
    'a key that is a command holds its destination, which is the id and the receipt too',
    '{"subscribe":"/topic/greetings"}',
    {
      type: 'subscribe',
      id: '/topic/greetings',
      destination: '/topic/greetings',
      ack: 'auto',
      headers: [],
      receipt: '/topic/greetings',
    },
  ],
  [
    'a subscription id named is the receipt as well',
    '{"subscribe":"/topic/a","id":"s1"}',
    {
      type: 'subscribe',
      id: 's1',
      destination: '/topic/a',
      ack: 'auto',
      headers: [],
      receipt: 's1',
    },
  ],
  [
    'a receipt named is the receipt, and "ack" beside "subscribe" is its header',
    '{"subscribe":"/topic/a","ack":"client","receipt":7,"x-note":true}',
    {
      type: 'subscribe',
      id: '/topic/a',
      destination: '/topic/a',
      ack: 'client',
      headers: [['x-note', 'true']],
      receipt: '7',
    },
  ],
  [
    'the flat spelling',
    '{"command":"SEND","destination":"/topic/a","body":"hi","receipt":"r"}',
    { type: 'send', destination: '/topic/a', headers: [], body: octets('hi'), receipt: 'r' },
  ],
  [
    'with "command" every other key is a header, a command\'s name too',
    '{"command":"Send","destination":"/topic/a","subscribe":"x"}',
    { type: 'send', destination: '/topic/a', headers: [['subscribe', 'x']], body: octets('') },
  ],
  [
    'a body that is no string is sent as it is written, as JSON',
    '{"SEND":"/topic/a", "body" : {"n": 12345678901234567890, "z":[-0, 1e400]} }',
    {
      type: 'send',
      destination: '/topic/a',
      headers: [['content-type', 'application/json']],
      body: octets('{"n": 12345678901234567890, "z":[-0, 1e400]}'),
    },
  ],
  [
    'a content-type named stays, and null is a header not given',
    '{"send":"/topic/a","content-type":"application/geo+json","x":null,"body":[1]}',
    {
      type: 'send',
      destination: '/topic/a',
      headers: [['content-type', 'application/geo+json']],
      body: octets('[1]'),
    },
  ],
  [
    'null is a body',
    '{"send":"/topic/a","body":null}',
    {
      type: 'send',
      destination: '/topic/a',
      headers: [['content-type', 'application/json']],
      body: octets('null'),
    },
  ],
  [
    'of a key given twice the last counts',
    '{"send":"/topic/a","body":1,"body":2}',
    {
      type: 'send',
      destination: '/topic/a',
      headers: [['content-type', 'application/json']],
      body: octets('2'),
    },
  ],
  [
    'octets come as base64',
    '{"send":"/topic/a","body-encoding":"base64","body":"/wA="}',
    { type: 'send', destination: '/topic/a', headers: [], body: Buffer.from([255, 0]) },
  ],
  [
    "what the broker sets is not the sender's to set; a transaction is not forwarded",
    '{"send":"/topic/a","subscription":"s","message-id":"m","content-length":"9","transaction":"t"}',
    { type: 'send', destination: '/topic/a', headers: [], body: octets(''), transaction: 't' },
  ],
  [
    'a header named __proto__ is a header',
    '{"send":"/topic/a","__proto__":"x","constructor":1}',
    {
      type: 'send',
      destination: '/topic/a',
      headers: [
        ['__proto__', 'x'],
        ['constructor', '1'],
      ],
      body: octets(''),
    },
  ],
  [
    'a subscription is left by destination',
    '{"unsubscribe":"/topic/a","receipt":"r"}',
    { type: 'unsubscribe', destination: '/topic/a', headers: [], receipt: 'r' },
  ],
  [
    'or by id',
    '{"command":"UNSUBSCRIBE","id":"s1"}',
    { type: 'unsubscribe', id: 's1', headers: [] },
  ],
  ['ack holds what MESSAGE called ack', '{"ack":"m-1"}', { type: 'ack', id: 'm-1', headers: [] }],
  [
    'nack in a transaction',
    '{"nack":"m-1","transaction":"t"}',
    { type: 'nack', id: 'm-1', transaction: 't', headers: [] },
  ],
  ['begin', '{"begin":"t"}', { type: 'begin', transaction: 't', headers: [] }],
  ['commit', '{"Commit":"t"}', { type: 'commit', transaction: 't', headers: [] }],
  [
    'abort',
    '{"command":"abort","transaction":"t","receipt":"r"}',
    { type: 'abort', transaction: 't', headers: [], receipt: 'r' },
  ],
  ['disconnect', '{"disconnect":true}', { type: 'disconnect' }],
  ['connect needs nothing', '{"connect":true}', { type: 'connect', version: '1.2', headers: [] }],
  [
    'a connect with all it may say',
    '{"command":"STOMP","accept-version":"1.1,1.2","host":"h","login":"l","passcode":"p","heart-beat":"10,20","x":1}',
    {
      type: 'connect',
      version: '1.2',
      host: 'h',
      login: 'l',
      passcode: 'p',
      heartBeat: [10, 20],
      headers: [['x', '1']],
    },
  ],
  [
    'a connect that offers other versions agrees on none',
    '{"connect":"","accept-version":"1.0,1.1"}',
    { type: 'connect', version: undefined, headers: [] },
  ],
])('%s', (_name, text, command) => {
  expect(decode(text)).toEqual(command);
});

test.each(['', ' ', '\n', '\r\n', ' \t\n '])('a blank text %j is no command', (text) => {
  expect(decodeAll(text)).toEqual([]);
});

const many = Array.from({ length: LIMITS.headersMax + 1 }, (_, index) => [`h${index}`, '1']);
const long = 'x'.repeat(LIMITS.headerLineBytesMax + 1);

test.each<[text: string, code: string, words: RegExp]>([
  ['hello', 'protocol-violation', /not JSON/],
  ["{'subscribe':'/topic/a'}", 'protocol-violation', /not JSON.*double quotes/],
  ['SEND\ndestination:/topic/a\n\nhi\0', 'protocol-violation', /not JSON/],
  ['{"subscribe":"/topic/a"}{"send":"/topic/a"}', 'protocol-violation', /not JSON/],
  ['[{"subscribe":"/topic/a"}]', 'protocol-violation', /array/],
  ['7', 'protocol-violation', /no JSON object/],
  ['null', 'protocol-violation', /no JSON object/],
  ['"subscribe"', 'protocol-violation', /no JSON object/],
  ['{}', 'unknown-command', /empty/],
  ['{"publish":"/topic/a"}', 'unknown-command', /"publish".*subscribe, unsubscribe/],
  ['{"command":"publish"}', 'unknown-command', /"publish"/],
  ['{"command":null}', 'unknown-command', /no text/],
  ['{"command":"toString"}', 'unknown-command', /"toString"/],
  ['{"__proto__":{"subscribe":"/topic/a"}}', 'unknown-command', /"__proto__"/],
  ['{"command":"MESSAGE"}', 'unknown-command', /what the broker sends/],
  ['{"send":"/topic/a","subscribe":"/topic/a"}', 'protocol-violation', /two commands/],
  ['{"send":"/topic/a","ack":"x"}', 'protocol-violation', /two commands/],
  ['{"subscribe":"/topic/a","ACK":"client"}', 'protocol-violation', /two commands/],
  ['{"subscribe":"/topic/a","body":"x"}', 'protocol-violation', /SUBSCRIBE has no body/],
  ['{"command":"SEND"}', 'header-missing', /"destination".*\{"send":"\/topic\/greetings"\}/],
  ['{"command":"SEND","send":"/topic/a"}', 'header-missing', /"destination"/],
  ['{"subscribe":""}', 'header-missing', /destination/],
  ['{"command":"ACK"}', 'header-missing', /"id"/],
  ['{"command":"BEGIN"}', 'header-missing', /"transaction"/],
  ['{"command":"UNSUBSCRIBE"}', 'header-missing', /"destination"/],
  ['{"subscribe":["/topic/a"]}', 'header-malformed', /"subscribe".*destination/],
  ['{"send":"/topic/a","destination":"/topic/b"}', 'header-malformed', /same thing/],
  ['{"disconnect":"/topic/a"}', 'header-malformed', /"disconnect".*true/],
  ['{"send":"/topic/a","meta":{"a":1}}', 'header-malformed', /"meta".*"body"/],
  ['{"send":"/topic/a","n":12345678901234567890}', 'header-malformed', /"n".*as text/],
  ['{"send":"/topic/a","n":1e400}', 'header-malformed', /"n".*as text/],
  ['{"send":"/topic/a","n":"\\ud800"}', 'header-malformed', /"n" holds half a character/],
  ['{"send":"/topic/a","body":"\\udc00"}', 'header-malformed', /"body" holds half/],
  ['{"send":"/topic/a","body-encoding":"base64","body":"?"}', 'header-malformed', /encoding/],
  ['{"send":"/topic/a","body-encoding":"gzip","body":"AA=="}', 'header-malformed', /encoding/],
  ['{"send":"/topic/a","body-encoding":"base64","body":1}', 'header-malformed', /body-encoding/],
  ['{"subscribe":"/topic/a","ack":"sometimes"}', 'header-malformed', /"sometimes".*client/],
  ['{"subscribe":"/topic/a","id":""}', 'header-malformed', /"id"/],
  [`{"subscribe":"/topic/${'a'.repeat(300)}"}`, 'header-malformed', /shorter "id"/],
  [`{"send":"/topic/a","receipt":"${'r'.repeat(257)}"}`, 'header-malformed', /"receipt".*256/],
  [`{"begin":"${'t'.repeat(257)}"}`, 'header-malformed', /"transaction".*256/],
  [`{"ack":"m","transaction":"${'t'.repeat(257)}"}`, 'header-malformed', /"transaction".*256/],
  ['{"connect":true,"heart-beat":"often"}', 'header-malformed', /heart-beat/],
  [`${'['.repeat(100_000)}`, 'protocol-violation', /too deeply/],
  [`{"send":"/topic/a","body":${'['.repeat(64)}${']'.repeat(64)}}`, 'protocol-violation', /deep/],
  [JSON.stringify({ send: '/topic/a', ...Object.fromEntries(many) }), 'too-many-headers', /128/],
  [JSON.stringify({ send: '/topic/a', x: long }), 'too-many-headers', /8192/],
])('%.60j is refused as %s', (text, code, words) => {
  const error = refusal(text);
  expect(error.code).toBe(code);
  expect(`${error.message} ${error.mend}`).toMatch(words);
});

test('a refused subscribe names its id, or its destination, where it asked for no receipt', () => {
  const bogus = (more: string) => decode(`{"subscribe":"/queue/jobs","ack":"bogus"${more}}`);
  expect(bogus(',"id":"w2"')).toMatchObject({ type: 'refused', receipt: 'w2' });
  expect(bogus(',"id":"w2","receipt":"r"')).toMatchObject({ type: 'refused', receipt: 'r' });
  expect(bogus('')).toMatchObject({ type: 'refused', receipt: '/queue/jobs' });
  expect(bogus(`,"id":"${'i'.repeat(10_000)}"`)).not.toHaveProperty('receipt');
});

test('a refused object names the receipt it asked for', () => {
  expect(decode('{"command":"SEND","receipt":"r1"}')).toMatchObject({ receipt: 'r1' });
  expect(decode('{"publish":"x","receipt":5}')).toMatchObject({ receipt: '5' });
  expect(decode('{"publish":"x","receipt":{}}')).not.toHaveProperty('receipt');
});

test('a byte order mark before the object is white space', () => {
  expect(decode('\ufeff{"disconnect":true}')).toEqual({ type: 'disconnect' });
});

test('octets that are no UTF-8 are refused, saying how octets are sent', () => {
  const error = refusal(Uint8Array.of(0x7b, 0xff, 0x7d));
  expect(error).toMatchObject({ code: 'protocol-violation', fatal: false });
  expect(error.mend).toContain('base64');
});

test('what is larger than a message can be is refused for good', () => {
  const body = 'x'.repeat(LIMITS.publishBytesMax + 1);
  expect(refusal(`{"send":"/topic/a","body":"${body}"}`)).toMatchObject({
    code: 'frame-too-large',
    fatal: true,
  });
  const blank = Buffer.alloc(LIMITS.messageBytesMax + 1, ' ');
  expect(refusal(blank)).toMatchObject({ code: 'frame-too-large', fatal: true });
});

test('the deepest body allowed is allowed', () => {
  const deep = `${'['.repeat(LIMITS.jsonDepthMax - 1)}${']'.repeat(LIMITS.jsonDepthMax - 1)}`;
  expect(decode(`{"send":"/topic/a","body":${deep}}`)).toMatchObject({ body: octets(deep) });
});

test('a mend that shows a line to paste shows one that works', () => {
  for (const text of ['x', '[]', '{}', '{"command":"SEND"}', '{"command":"COMMIT"}']) {
    const [example] = /\{.*\}/.exec(refusal(text).mend) ?? [];
    expect(example).toBeDefined();
    expect(decode(example ?? '').type).not.toBe('refused');
  }
});
