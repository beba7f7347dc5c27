/** SockJS protocol: WebSockets, raw ones, and what HTTP/1.0 and 1.1 demand of any answer. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { heard } from '../clients/heard.ts';
import { ask, get, post } from './browser.ts';
import { echoServer } from './echo.ts';

const echo = echoServer();
const UPGRADE = { upgrade: 'WebSocket', connection: 'Upgrade' };

async function socket(url: string) {
  const ws = new WebSocket(url.replace('http', 'ws'));
  const texts = heard<string>();
  const closed = once(ws, 'close');
  ws.on('message', (text) => texts.push(String(text)));
  await once(ws, 'open');
  const next = async () => (await texts.next()).value;
  return { ws, next, closed };
}

/** What a server writes on a bare connection, up to its end or until `enough`. */
async function bare(text: string, enough: (heard: string) => boolean): Promise<string> {
  const wire = connect(echo.port, '127.0.0.1');
  wire.setEncoding('latin1');
  wire.write(text);
  let all = '';
  for await (const chunk of wire) {
    all += chunk;
    if (enough(all)) break;
  }
  wire.destroy();
  return all;
}

describe('websocket', () => {
  test('opens, echoes, and takes a bare string as well as an array', async () => {
    const { ws, next } = await socket(`${echo.session()}/websocket`);
    expect(await next()).toBe('o');
    ws.send('["a"]');
    expect(await next()).toBe('a["a"]');
    ws.send('"b"');
    expect(await next()).toBe('a["b"]');
    ws.close();
  });

  test('empty messages say nothing', async () => {
    const { ws, next } = await socket(`${echo.session()}/websocket`);
    await next();
    for (const text of ['', '[]', '["a"]']) ws.send(text);
    expect(await next()).toBe('a["a"]');
    ws.close();
  });

  test('the close service says o, then why, and closes', async () => {
    const { next, closed } = await socket(`${echo.session('close')}/websocket`);
    expect(await next()).toBe('o');
    expect(await next()).toBe('c[3000,"Go away!"]');
    await closed;
  });

  test('two sockets may have one session id, at once and one after the other', async () => {
    const url = `${echo.session()}/websocket`;
    const [one, two] = [await socket(url), await socket(url)];
    expect([await one.next(), await two.next()]).toEqual(['o', 'o']);
    one.ws.send('["a"]');
    two.ws.send('["b"]');
    expect([await one.next(), await two.next()]).toEqual(['a["a"]', 'a["b"]']);
    one.ws.close();
    two.ws.close();
    await Promise.all([one.closed, two.closed]);
    const three = await socket(url);
    expect(await three.next()).toBe('o');
    three.ws.close();
  });

  test.each(['["a', '{"a":1}', '[1]'])('%s closes the connection', async (text) => {
    const { ws, next, closed } = await socket(`${echo.session()}/websocket`);
    await next();
    ws.send(text);
    await closed;
  });

  test('a plain GET is no handshake, nor one whose Connection a proxy has rewritten', async () => {
    expect((await get(`${echo.url}/echo/0/0/websocket`)).status).toBe(400);
    const rewritten = { upgrade: 'WebSocket', connection: 'close' };
    const answer = await get(`${echo.url}/echo/0/0/websocket`, rewritten);
    expect(answer).toMatchObject({ status: 400, body: 'Not a valid websocket request' });
  });

  test.each([UPGRADE, {}])('POST is not allowed, with headers %j', async (headers) => {
    const answer = await post(`${echo.url}/echo/0/0/websocket`, '', headers);
    expect(answer).toMatchObject({ status: 405, body: '' });
    expect(answer.headers['content-type']).toBeUndefined();
    expect(answer.headers['allow']).toBe('GET');
  });

  test.each(['disabled_websocket_echo/0/0/websocket', 'echo/0/0/xhr', 'echo/websockets'])(
    'an upgrade at /%s is not found',
    async (path) => {
      expect((await get(`${echo.url}/${path}`, UPGRADE)).status).toBe(404);
    },
  );

  test('the handshake is RFC 6455’s', async () => {
    const head = await bare(
      [
        'GET /echo/000/headers/websocket HTTP/1.1',
        'Host: 127.0.0.1',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
        '',
        '',
      ].join('\r\n'),
      (all) => all.includes('\r\n\r\n'),
    );
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toContain('Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=');
    expect(head).not.toMatch(/content-length/i);
  });

  test('the handshake of draft 76 is answered before its last word has come', async () => {
    const wire = connect(echo.port, '127.0.0.1');
    wire.setEncoding('latin1');
    const chunks = heard<string>();
    wire.on('data', (chunk) => chunks.push(String(chunk)));
    wire.write(
      [
        'GET /echo/000/haproxy/websocket HTTP/1.1',
        'Host: localhost:8081',
        'Connection: Upgrade',
        'Upgrade: WebSocket',
        'Origin: http://localhost:8081',
        'Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5',
        'Sec-WebSocket-Key2: 12998 5 Y3 1  .P00',
        '',
        '',
      ].join('\r\n'),
    );
    const head = (await chunks.next()).value;
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toContain(
      'Sec-WebSocket-Location: ws://localhost:8081/echo/000/haproxy/websocket',
    );
    expect(head).toContain('Sec-WebSocket-Origin: http://localhost:8081');
    wire.write('aaaaaaaa');
    expect((await chunks.next()).value).toBe('\xca4\x00\xd8\xa5\x08G\x97,\xd5qZ\xba\xbfC{');
    wire.destroy();
  });
});

describe('raw websocket', () => {
  test('has no framing at all', async () => {
    const { ws, next } = await socket(`${echo.url}/echo/websocket`);
    ws.send('Hello world!\uffff');
    expect(await next()).toBe('Hello world!\uffff');
    ws.close();
  });

  test('the close service gives its reason in the close frame', async () => {
    const { closed } = await socket(`${echo.url}/close/websocket`);
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([3000, 'Go away!']);
  });

  test('over plain HTTP it is refused', async () => {
    expect((await get(`${echo.url}/echo/websocket`)).status).toBe(400);
    expect((await ask(`${echo.url}/echo/websocket`, { method: 'POST' })).status).toBe(405);
  });
});

describe('HTTP', () => {
  test('1.0: a plain answer has a length and is not chunked', async () => {
    const request = 'GET /echo HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n';
    const all = await bare(request, (text) => text.endsWith('Welcome to SockJS!\n'));
    expect(all).toMatch(/\r\nContent-Length: 19\r\n/);
    expect(all).not.toMatch(/transfer-encoding/i);
  });

  test('1.0: a stream ends with the connection', async () => {
    const request = 'POST /close/000/http10/xhr_streaming HTTP/1.0\r\nHost: x\r\n\r\n';
    const all = await bare(request, () => false);
    expect(all).not.toMatch(/transfer-encoding|content-length/i);
    expect(all.endsWith(`${'h'.repeat(2048)}\no\nc[3000,"Go away!"]\n`)).toBe(true);
  });

  test('1.1: a stream is chunked, a chunk a frame', async () => {
    const request = 'POST /close/000/http11/xhr_streaming HTTP/1.1\r\nHost: x\r\n\r\n';
    const all = await bare(request, (text) => text.endsWith('0\r\n\r\n'));
    expect(all).toMatch(/transfer-encoding: chunked/i);
    expect(all).not.toMatch(/content-length/i);
    expect(all).toContain('\r\n2\r\no\n\r\n13\r\nc[3000,"Go away!"]\n\r\n0\r\n\r\n');
  });

  test('a request that names the whole URL, as proxies send it, is served', async () => {
    const request = `GET ${echo.url}/echo/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    expect(await bare(request, () => false)).toContain('"websocket":true');
  });
});
