import { BrokerError } from '../../broker/errors.ts';
import type { Dialect } from '../../broker/model.ts';
import { chooseSubprotocol, makeDetect } from '../../protocol/negotiate.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';

const json: Dialect = { ...stompDialect, name: 'json' };
const detect = makeDetect({ stomp: stompDialect, json });

test.each([
  [undefined, 'none-offered'],
  ['', 'none-offered'],
  [' , ', 'none-offered'],
  ['v10.stomp', 'v10.stomp'],
  ['v11.stomp', 'v11.stomp'],
  ['v12.stomp', 'v12.stomp'],
  ['v10.stomp, v11.stomp, v12.stomp', 'v12.stomp'],
  ['v11.stomp,v10.stomp', 'v11.stomp'],
  ['mqtt, v10.stomp', 'v10.stomp'],
  ['json.stompway', 'json.stompway'],
  ['mqtt', 'none-known'],
  ['v13.stomp', 'none-known'],
  ['V12.STOMP', 'none-known'],
])('WSK-01/04/05/06: offered %p is answered by %p', (offered, chosen) => {
  const answer = chooseSubprotocol(offered);
  expect(typeof answer === 'string' ? answer : answer.protocol).toBe(chosen);
});

test('a sub-protocol names its dialect', () => {
  expect(chooseSubprotocol('v12.stomp')).toEqual({ dialect: 'stomp', protocol: 'v12.stomp' });
  expect(chooseSubprotocol('json.stompway')).toEqual({
    dialect: 'json',
    protocol: 'json.stompway',
  });
});

test.each([
  ['{"subscribe":"/topic/a"}', 'json'],
  [' \n\t[{"subscribe":"/topic/a"}]', 'json'],
  ['CONNECT\naccept-version:1.2\n\n\0', 'stomp'],
  ['\n\r\nSTOMP\r\n', 'stomp'],
  ['\n', 'stomp'],
  ['\r\n\n', 'stomp'],
  ['', 'stomp'],
  ['C', 'stomp'],
  ['CONN', 'stomp'],
  ['SEND', 'stomp'],
  ['UNSUBSCRIBE\n', 'stomp'],
  ['send\ndestination:/topic/a\n\n\0', 'stomp'],
  ['DISCONNECT\0', 'stomp'],
])('a client that begins with %j speaks %s', (text, name) => {
  expect(detect(Buffer.from(text))).toHaveProperty('name', name);
});

test.each([
  'hello',
  'subscribe /topic/a',
  'SUBSCRIBE /topic/a',
  'connect',
  'CONNECTS\n',
  'GET / HTTP/1.1\r\n',
  ' CONNECT\n',
  ' ',
  '\0',
  '\u00e9',
  '"text"',
])('whoever begins with %j gets a line to paste', (text) => {
  const hint = detect(Buffer.from(text));
  if (!(hint instanceof BrokerError)) throw new Error('taken for a dialect');
  expect(hint.code).toBe('protocol-violation');
  expect(JSON.parse(hint.mend.slice(hint.mend.indexOf('{')))).toEqual({
    subscribe: '/topic/greetings',
  });
});

test('detection reads the beginning of a text, however long the text is', () => {
  expect(detect(Buffer.alloc(100_000, 'S'))).toBeInstanceOf(BrokerError);
  expect(detect(Buffer.concat([Buffer.from('SEND\n'), Buffer.alloc(100_000)]))).toBe(stompDialect);
});
