/** SockJS protocol: static URLs, session URLs, CORS, cookies. */
import { type Answer, ask, get, open, post } from './browser.ts';
import { echoServer } from './echo.ts';

const echo = echoServer();

const NOT_CACHED = 'no-store, no-cache, no-transform, must-revalidate, max-age=0';

function expectNotCached({ headers }: Pick<Answer, 'headers'>): void {
  expect(headers['cache-control']).toBe(NOT_CACHED);
  expect(headers['expires']).toBeUndefined();
  expect(headers['last-modified']).toBeUndefined();
}

describe('static URLs', () => {
  test.each(['', '/'])('GET base%s greets, without a cookie', async (suffix) => {
    const { status, headers, body } = await get(`${echo.url}/echo${suffix}`);
    expect({ status, body, type: headers['content-type'] }).toEqual({
      status: 200,
      body: 'Welcome to SockJS!\n',
      type: 'text/plain; charset=UTF-8',
    });
    expect(headers['set-cookie']).toBeUndefined();
  });

  test.each([
    '/a',
    '/a.html',
    '//',
    '///',
    '/a/a',
    '/a/a/',
    '/a/',
    '/iframe.htm',
    '/iframe',
    '/IFRAME.HTML',
    '/IFRAME',
    '/iframe.HTML',
    '/iframe.xml',
    '/iframe-/.html',
    '/a/b/c',
    '/__proto__',
    '/a/b/constructor',
  ])('GET base%s is not found', async (suffix) => {
    expect((await get(`${echo.url}/echo${suffix}`)).status).toBe(404);
  });

  test.each([
    '/iframe.html',
    '/iframe-a.html',
    '/iframe-.html',
    '/iframe-0.1.2.html',
    '/iframe-0.1.2abc-dirty.2144.html',
    '/iframe-a.html?t=1234',
  ])('%s is the page of the protocol, cached for a year', async (suffix) => {
    const { status, headers, body } = await get(`${echo.url}/echo${suffix}`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=UTF-8');
    expect(headers['cache-control']).toBe('public, max-age=31536000');
    expect(headers['expires']).toBeDefined();
    expect(headers['last-modified']).toBeUndefined();
    expect(headers['set-cookie']).toBeUndefined();
    expect(body).toMatch(
      /^<!DOCTYPE html>\n<html>\n<head>\n {2}<meta http-equiv="X-UA-Compatible" content="IE=edge" \/>\n {2}<meta http-equiv="Content-Type" content="text\/html; charset=UTF-8" \/>\n {2}<script src="(http|\/)[^"]*"><\/script>\n {2}<script>\n {4}document\.domain = document\.domain;\n {4}SockJS\.bootstrap_iframe\(\);\n {2}<\/script>\n<\/head>\n<body>\n {2}<h2>Don't panic!<\/h2>\n {2}<p>This is a SockJS hidden iframe\. It's used for cross domain magic\.<\/p>\n<\/body>\n<\/html>$/,
    );
    const tag = headers['etag'] ?? '';
    expect(tag).not.toBe('');
    const again = await get(`${echo.url}/echo${suffix}`, { 'if-none-match': tag });
    expect(again).toMatchObject({ status: 304, body: '' });
    expect(again.headers['content-type']).toBeUndefined();
  });
});

describe('/info', () => {
  test('tells what the server can, uncached, to the origin that asks', async () => {
    const answer = await get(`${echo.url}/echo/info`, { origin: 'test' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=UTF-8');
    expectNotCached(answer);
    expect(answer.headers['access-control-allow-origin']).toBe('test');
    expect(answer.headers['access-control-allow-credentials']).toBe('true');
    expect(answer.headers['set-cookie']).toBeUndefined();
    const { entropy, ...info } = JSON.parse(answer.body);
    expect(info).toEqual({ websocket: true, cookie_needed: false, origins: ['*:*'] });
    expect(Number.isInteger(entropy) && entropy >= 0 && entropy < 2 ** 32).toBe(true);
  });

  test('entropy is new each time', async () => {
    const bodies = await Promise.all([1, 2, 3, 4].map(() => get(`${echo.url}/echo/info`)));
    expect(new Set(bodies.map(({ body }) => body)).size).toBe(4);
  });

  test('without an origin the answer is for all, and without credentials', async () => {
    const { headers } = await get(`${echo.url}/echo/info`);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  test('says where there is no WebSocket, and where cookies are wanted', async () => {
    const off = await get(`${echo.url}/disabled_websocket_echo/info`);
    expect(JSON.parse(off.body)).toMatchObject({ websocket: false });
    const cookie = await get(`${echo.url}/cookie_needed_echo/info`);
    expect(JSON.parse(cookie.body)).toMatchObject({ cookie_needed: true });
    expect(cookie.headers['set-cookie']).toBeUndefined();
  });
});

describe('OPTIONS', () => {
  const rows = ['/info', '/a/a/xhr', '/a/a/xhr_send', '/a/a/xhr_streaming'].flatMap((path) =>
    ['test', 'null'].map((origin) => [path, origin] as const),
  );

  test.each(rows)('%s may be asked by %s, for a year', async (path, origin) => {
    const method = path === '/info' ? 'GET' : 'POST';
    const headers = { origin, 'access-control-request-method': method };
    const answer = await ask(`${echo.url}/echo${path}`, { method: 'OPTIONS', headers });
    expect([200, 204]).toContain(answer.status);
    expect(answer.body).toBe('');
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000');
    expect(answer.headers['expires']).toBeDefined();
    expect(Number(answer.headers['access-control-max-age'])).toBeGreaterThan(1_000_000);
    expect(answer.headers['access-control-allow-methods']).toBe(`OPTIONS, ${method}`);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers['access-control-allow-credentials']).toBe('true');
    expect(answer.headers['vary']).toBe('Origin');
  });

  test.each([
    [{ 'access-control-request-headers': 'a, b, c' }, 'a, b, c'],
    [{ 'access-control-request-headers': '' }, undefined],
    [{}, undefined],
  ])('request headers %j are allowed as %s', async (more, allowed) => {
    const headers = { origin: 'test', 'access-control-request-method': 'POST', ...more };
    const answer = await ask(`${echo.session()}/xhr`, { method: 'OPTIONS', headers });
    expect(answer.headers['access-control-allow-headers']).toBe(allowed);
  });
});

describe('session URLs', () => {
  test.each(['/a/a', '/_/_', '/1/', '/abcdefgh_i-j%20/abcdefg_i-j%20'])(
    'any server and session will do: %s',
    async (part) => {
      const answer = await post(
        `${echo.url}/echo${part}${Math.random().toString(36).slice(2)}/xhr`,
      );
      expect(answer).toMatchObject({ status: 200, body: 'o\n' });
    },
  );

  test.each(['//', '/a./a', '/a/a.', '/./.', '/', '///'])(
    'a part that is empty or holds a dot is not found: %s',
    async (suffix) => {
      expect((await get(`${echo.url}/echo${suffix}/xhr`)).status).toBe(404);
      expect((await post(`${echo.url}/echo${suffix}/xhr`)).status).toBe(404);
    },
  );

  test('the server part is ignored', async () => {
    const session = Math.random().toString(36).slice(2);
    expect((await post(`${echo.url}/echo/000/${session}/xhr`)).body).toBe('o\n');
    expect((await post(`${echo.url}/echo/000/${session}/xhr_send`, '["a"]')).status).toBe(204);
    expect((await post(`${echo.url}/echo/999/${session}/xhr`)).body).toBe('a["a"]\n');
  });

  test('a session belongs to its service', async () => {
    const session = Math.random().toString(36).slice(2);
    await post(`${echo.url}/echo/000/${session}/xhr`);
    const other = await post(`${echo.url}/cookie_needed_echo/000/${session}/xhr_send`, '["a"]');
    expect(other.status).toBe(404);
  });
});

describe('cookies', () => {
  const urls = [
    ['xhr', 'POST'],
    ['xhr_streaming', 'POST'],
    ['eventsource', 'GET'],
    ['htmlfile?c=cb', 'GET'],
    ['jsonp?c=cb', 'GET'],
  ] as const;

  test.each(urls)('%s sets JSESSIONID where it is wanted', async (path, method) => {
    const answer = await open(`${echo.session('cookie_needed_echo')}/${path}`, { method });
    expect(answer.headers['set-cookie']).toEqual(['JSESSIONID=dummy; path=/']);
    answer.abort();
  });

  test('a JSESSIONID that came is given back', async () => {
    const headers = { cookie: 'x=1; JSESSIONID=abcdef; y=2' };
    const { headers: back } = await post(`${echo.session('cookie_needed_echo')}/xhr`, '', headers);
    expect(back['set-cookie']).toEqual(['JSESSIONID=abcdef; path=/']);
  });

  test('jsonp_send and xhr_send carry it too; nobody else does', async () => {
    const session = echo.session('cookie_needed_echo');
    await post(`${session}/xhr`);
    for (const path of ['xhr_send', 'jsonp_send']) {
      const { headers } = await post(`${session}/${path}`, '["a"]');
      expect(headers['set-cookie']).toEqual(['JSESSIONID=dummy; path=/']);
    }
    const plain = await post(`${echo.session()}/xhr`);
    expect(plain.headers['set-cookie']).toBeUndefined();
  });
});
