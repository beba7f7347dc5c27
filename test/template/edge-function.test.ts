/** CloudFront Functions as they are run here: the front door's own over URIs, and what is refused. */
import { socketioRequest, VIEWER_REQUEST } from '../../infra/front-door.ts';
import { edgeFunction } from './edge-function.ts';

const paths = edgeFunction(VIEWER_REQUEST, 'paths');
const plain = { method: 'GET', headers: {}, query: '' };

test.each([
  ['/sockjs/000/abc/websocket', '', '/', 'p=sockjs'],
  ['/sockjs/000/abc/websocket', 'token=a%2Bb&x', '/', 'token=a%2Bb&x=&p=sockjs'],
  ['/sockjs/000/abc/websocket', 'a=1&a=2', '/', 'a=1&a=2&p=sockjs'],
  ['/sockjs/websocket', '', '/', 'p=raw'],
  ['/sockjs/websocket', 'p=eio', '/', 'p=raw'],
  ['/ws', 'token=t', '/', 'token=t'],
  ['/ws/', '', '/', ''],
  ['/ws/more', '', '/ws/more', ''],
  ['/sockjs/000/abc/xhr', '', '/sockjs/000/abc/xhr', ''],
  ['/sockjs/0.0/abc/websocket', '', '/sockjs/0.0/abc/websocket', ''],
  ['/sockjs//abc/websocket', '', '/sockjs//abc/websocket', ''],
  ['/topic/%ff', 'since=a:1', '/topic/%ff', 'since=a:1'],
])('%s?%s goes on as %s?%s', (path, query, onward, more) => {
  expect(paths({ ...plain, path, query }, [])).toEqual({
    path: onward,
    query: more,
    chosen: undefined,
  });
});

const socketio = edgeFunction(socketioRequest('a.example', 'ws'), 'socketio');
const key = { 'sec-websocket-key': 'x', upgrade: 'websocket' };

test.each([
  ['polling stays', {}, 'EIO=4&transport=polling', false],
  ['a request that is no handshake stays', {}, 'EIO=4&transport=websocket', false],
  ['a handshake goes to the stage', key, 'EIO=4&transport=websocket&sid=s', true],
])('Socket.IO: %s', (_name, headers, query, leaves) => {
  const onward = socketio({ ...plain, headers, path: '/socket.io/', query }, []);
  expect(onward).toEqual(
    leaves
      ? {
          path: '/',
          query: `${query}&p=eio`,
          chosen: { domain: 'a.example', originPath: '/ws' },
        }
      : { path: '/socket.io/', query, chosen: undefined },
  );
});

test('an origin may be chosen by its id, if there is one', () => {
  const choosing = edgeFunction(
    `import cf from 'cloudfront';
function handler(event) { cf.selectRequestOriginById('b'); return event.request; }`,
    'choosing',
  );
  expect(choosing({ ...plain, path: '/' }, ['a', 'b']).chosen).toEqual({ id: 'b' });
  expect(() => choosing({ ...plain, path: '/' }, ['a'])).toThrow('there is no origin b');
});

const body = (code: string): string => `function handler(event) { ${code} return event.request; }`;

test.each([
  ['eval', body("eval('1');"), 'eval is not defined'],
  [
    'code out of text',
    body("handler.constructor('return 1')();"),
    'Code generation from strings disallowed',
  ],
  ['timers', body('setTimeout(handler, 1);'), 'setTimeout is not defined'],
  ['modules', body("require('fs');"), 'require is not defined'],
  ['the network', body("fetch('/');"), 'fetch is not defined'],
  ['Node.js', body('process.exit();'), 'process is not defined'],
  ['what later editions brought', body('new Map();'), 'Map is not defined'],
  ['all the time there is', body('for (;;);'), 'timed out'],
  ['other headers', body("event.request.headers.a = { value: 'b' };"), 'changes of method or'],
  ['a relative URI', body("event.request.uri = 'a';"), 'uri a'],
  ['an answer of its own', 'function handler() { return { statusCode: 404 }; }', 'are not served'],
  ['nothing', 'function handler() {}', 'returned nothing'],
])('a function that wants %s fails', (_name, code, words) => {
  expect(() => edgeFunction(code, 'f')({ ...plain, path: '/' }, [])).toThrow(words);
});

describe('the time that it takes by the clock', () => {
  const slow = body('var end = Date.now() + 250; while (Date.now() < end);');

  test('does not count while others have the cores', () => {
    const run = edgeFunction(slow, 'f', () => 0);
    expect(run({ ...plain, path: '/' }, []).path).toBe('/');
  });

  test('counts as far as it had them', () => {
    let computed = 0;
    const run = edgeFunction(slow, 'f', () => (computed += 200));
    expect(() => run({ ...plain, path: '/' }, [])).toThrow('timed out');
  });
});

test.each([
  ['a class', 'class A {}'],
  ['destructuring', 'var { a } = {};'],
  ['optional chaining', 'var a = b?.c;'],
  ['for … of', 'for (var a of []);'],
  ['default arguments', 'function f(a = 1) {}'],
  ['a module', "import fs from 'fs';"],
])('%s is refused before anything runs', (_name, code) => {
  expect(() => edgeFunction(`${code}\n${body('')}`, 'f')).toThrow('edge-function-failed: f');
});

test('10 KB is all there is', () => {
  expect(() => edgeFunction(`${body('')}//${'x'.repeat(10_240)}`, 'f')).toThrow('wrong-value: f');
});

test('a context is of one request: nothing is kept', () => {
  const counting = edgeFunction(
    `var count = 0;\n${body("count += 1; event.request.uri = '/' + count;")}`,
    'counting',
  );
  for (let time = 0; time < 2; time++) {
    expect(counting({ ...plain, path: '/x' }, []).path).toBe('/1');
  }
});
