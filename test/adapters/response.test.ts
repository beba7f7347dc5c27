import fc from 'fast-check';
import { RESPONSE_BYTES_MAX, readResponse } from '../../adapters/apigateway/response.ts';

function read(text: string, ended = false) {
  const found = readResponse(Buffer.from(text, 'latin1'), ended);
  return found && { ...found, body: found.body.toString('latin1') };
}

test.each<[name: string, text: string, ended: boolean, found: object]>([
  ['nothing but a length', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', false, {}],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', false, {}],
  ['a body', 'HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n{}', false, { body: '{}' }],
  [
    'an error type',
    'HTTP/1.1 429 x\r\nX-Amzn-ErrorType:  LimitExceededException \r\nContent-Length: 1\r\n\r\n!',
    false,
    { status: 429, errorType: 'LimitExceededException', body: '!' },
  ],
  [
    'chunks with extensions and a trailer',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n',
    false,
    { body: 'abc0123456789' },
  ],
  [
    'interim answers before it',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    false,
    { status: 204 },
  ],
  [
    'an end told by closing',
    'HTTP/1.1 502 Bad Gateway\r\n\r\n<html>',
    true,
    { status: 502, body: '<html>', reusable: false },
  ],
  [
    'a farewell',
    'HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 0\r\n\r\n',
    false,
    { reusable: false },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false, { reusable: false }],
])('a response with %s is read', (_, text, ended, found) => {
  expect(read(text, ended)).toEqual({
    status: 200,
    errorType: '',
    body: '',
    reusable: true,
    ...found,
  });
});

test.each<[name: string, text: string, ended: boolean]>([
  ['what is not HTTP', 'SSH-2.0-x\r\n\r\n', false],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n', false],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', false],
  ['a switch of protocols', 'HTTP/1.1 101 Switching\r\n\r\n', false],
  ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n', false],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nx\r\n\r\n', false],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n', false],
  ['a folded header', 'HTTP/1.1 200 OK\r\nx: y\r\n z\r\n\r\n', false],
  ['a lone line feed', 'HTTP/1.1 200 OK\r\nx: y\nContent-Length: 0\r\n\r\n', false],
  ['octets behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy', false],
  ['another one behind it', 'HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n', false],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx', false],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', false],
  ['a length in hex', 'HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n', false],
  [
    'both framings',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    false,
  ],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', false],
  ['no chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n', false],
  ['a long chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n', false],
  ['a close in the head', 'HTTP/1.1 200 OK\r\n', true],
  ['a close in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx', true],
  ['a close in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx', true],
  ['a length beyond bounds', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n', false],
  ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(RESPONSE_BYTES_MAX)}`, false],
])('%s is no response, and nothing is guessed', (_, text, ended) => {
  expect(() => read(text, ended)).toThrow(Error);
});

test('until its last octet has come a response is not there, and then it is the same', () => {
  const body = fc.string({ maxLength: 40, unit: 'binary-ascii' });
  const framed = fc.oneof(
    body.map((text) => `HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
    fc.array(body.filter((text) => text !== '')).map((chunks) => {
      const all = chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('');
      return `HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n${all}0\r\n\r\n`;
    }),
  );
  fc.assert(
    fc.property(framed, (text) => {
      for (let length = 0; length < text.length; length++) {
        expect(read(text.slice(0, length))).toBeUndefined();
      }
      expect(read(text)?.reusable).toBe(true);
      expect(() => read(`${text}x`)).toThrow('octets behind');
    }),
    { numRuns: 50 },
  );
});

test('any octets at all are a response, none yet, or a fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (octets, ended) => {
      try {
        readResponse(Buffer.from(octets), ended);
      } catch (cause) {
        expect(cause).toBeInstanceOf(Error);
      }
    }),
  );
});
