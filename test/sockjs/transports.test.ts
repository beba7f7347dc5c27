/** SockJS protocol: framing, and each HTTP transport in turn. */
import { get, held, open, post } from './browser.ts';
import { echoServer } from './echo.ts';

const echo = echoServer();

const NOT_CACHED = 'no-store, no-cache, no-transform, must-revalidate, max-age=0';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const BYE = 'c[3000,"Go away!"]\n';

describe('sessions', () => {
  test('the first poll opens, what is sent comes back, an unknown session is not found', async () => {
    const session = echo.session();
    expect(await post(`${session}/xhr`)).toMatchObject({ status: 200, body: 'o\n' });
    expect(await post(`${session}/xhr_send`, '["a"]')).toMatchObject({ status: 204, body: '' });
    expect(await post(`${session}/xhr`)).toMatchObject({ status: 200, body: 'a["a"]\n' });
    expect((await post(`${echo.session()}/xhr_send`, '["a"]')).status).toBe(404);
  });

  test('a second receiver is told of the first, which goes on', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    const first = post(`${session}/xhr`);
    await untilBusy(session);
    await post(`${session}/xhr_send`, '["a"]');
    expect((await first).body).toBe('a["a"]\n');
  });

  test('a closed session repeats its reason', async () => {
    const session = echo.session('close');
    expect((await post(`${session}/xhr`)).body).toBe('o\n');
    for (let time = 0; time < 3; time++) {
      expect(await post(`${session}/xhr`)).toMatchObject({ status: 200, body: BYE });
    }
    expect((await post(`${session}/xhr_send`, '["a"]')).status).toBe(204);
  });

  test('closing unlinks the request under way: the next hears the reason, not of another', async () => {
    const session = echo.session('close');
    const first = await open(`${session}/xhr_streaming`, { method: 'POST' });
    expect(await rest(first)).toBe(`${'h'.repeat(2048)}\no\n${BYE}`);
    const second = await open(`${session}/xhr_streaming`, { method: 'POST' });
    expect(await rest(second)).toBe(`${'h'.repeat(2048)}\n${BYE}`);
  });

  test('a stream that is busy tells a second one so, and ends it', async () => {
    const session = echo.session();
    const first = await streaming(session);
    const second = await open(`${session}/xhr_streaming`, { method: 'POST' });
    expect(await rest(second)).toBe(
      `${'h'.repeat(2048)}\nc[2010,"Another connection still open"]\n`,
    );
    first.abort();
  });

  test.each(['xhr', 'xhr_streaming'])(
    'after an aborted %s the next hears that it was interrupted, within a second',
    async (transport) => {
      const session = echo.session();
      await post(`${session}/xhr`);
      const first = await held(`${session}/${transport}`, { method: 'POST' });
      await untilBusy(session);
      const before = Date.now();
      first.abort();
      let body = '';
      do body = (await post(`${session}/xhr`)).body;
      while (body.startsWith('c[2010'));
      expect(body).toBe('c[1002,"Connection interrupted"]\n');
      expect(Date.now() - before).toBeLessThan(1000);
    },
  );

  test('messages between two polls come as one frame, in order', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    await post(`${session}/xhr_send`, '["a","b"]');
    await post(`${session}/xhr_send`, '["c"]');
    expect((await post(`${session}/xhr`)).body).toBe('a["a","b","c"]\n');
  });
});

describe('xhr', () => {
  test('is a script, for the origin that asks, never cached', async () => {
    const session = echo.session();
    const opened = await post(`${session}/xhr`, '', { origin: 'test' });
    const sent = await post(`${session}/xhr_send`, '["x"]', { origin: 'test' });
    expect(opened.headers['content-type']).toBe('application/javascript; charset=UTF-8');
    expect(sent.headers['content-type']).toBe('text/plain; charset=UTF-8');
    for (const { headers } of [opened, sent]) {
      expect(headers['access-control-allow-origin']).toBe('test');
      expect(headers['access-control-allow-credentials']).toBe('true');
      expect(headers['cache-control']).toBe(NOT_CACHED);
    }
  });

  test.each([
    ['["x', 500, 'Broken JSON encoding.'],
    ['', 500, 'Payload expected.'],
    ['{"a":1}', 500, 'Payload expected.'],
    ['"a"', 500, 'Payload expected.'],
    ['[1]', 500, 'Payload expected.'],
  ])('%s is refused, and the session goes on', async (body, status, words) => {
    const session = echo.session();
    await post(`${session}/xhr`);
    expect(await post(`${session}/xhr_send`, body)).toMatchObject({ status, body: words });
    expect((await post(`${session}/xhr_send`, '["a"]')).status).toBe(204);
    expect((await post(`${session}/xhr`)).body).toBe('a["a"]\n');
  });

  test('a body of 2 MB is too large, and the session goes on', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    const large = await post(`${session}/xhr_send`, `["${'x'.repeat(2 * 1024 * 1024)}"]`);
    expect(large.status).toBe(413);
    await post(`${session}/xhr_send`, '["a"]');
    expect((await post(`${session}/xhr`)).body).toBe('a["a"]\n');
  });

  test('any content type is taken', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    const types = [
      'text/plain',
      'T',
      'application/json',
      'application/xml',
      '',
      'application/json; charset=utf-8',
      'text/xml; charset=utf-8',
      'text/xml',
    ];
    for (const type of types) {
      const headers = { 'content-type': type };
      expect(await post(`${session}/xhr_send`, '["a"]', headers)).toMatchObject({ status: 204 });
    }
    expect((await post(`${session}/xhr`)).body).toBe(`a[${types.map(() => '"a"').join(',')}]\n`);
  });

  test('a frame of no messages is taken, and says nothing', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    expect((await post(`${session}/xhr_send`, '[]')).status).toBe(204);
    expect((await post(`${session}/xhr_send`, '["a"]')).status).toBe(204);
    expect((await post(`${session}/xhr`)).body).toBe('a["a"]\n');
  });

  test.each(['GET', 'PUT', 'DELETE'])('%s is not allowed, and what is is told', async (method) => {
    const answer = await open(`${echo.session()}/xhr`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('OPTIONS, POST');
    expect(answer.headers['content-type']).toBeUndefined();
    expect(await answer.read()).toBe('');
  });
});

describe('xhr_streaming', () => {
  test('a prelude of 2 KB, then frames as they come', async () => {
    const session = echo.session();
    const headers = { origin: 'test' };
    const stream = await open(`${session}/xhr_streaming`, { method: 'POST', headers });
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('application/javascript; charset=UTF-8');
    expect(stream.headers['cache-control']).toBe(NOT_CACHED);
    expect(stream.headers['access-control-allow-origin']).toBe('test');
    expect(await stream.read()).toBe(`${'h'.repeat(2048)}\n`);
    expect(await stream.read()).toBe('o\n');
    await post(`${session}/xhr_send`, '["x"]');
    expect(await stream.read()).toBe('a["x"]\n');
    stream.abort();
  });

  test('ends after 4,096 octets, framing included, and the next goes on', async () => {
    const session = echo.session();
    const stream = await streaming(session);
    const text = `"${'x'.repeat(128)}"`;
    for (let count = 0; count < 31; count++) {
      expect((await post(`${session}/xhr_send`, `[${text}]`)).status).toBe(204);
      expect(await stream.read()).toBe(`a[${text}]\n`);
    }
    expect(await stream.read()).toBe('');
    await post(`${session}/xhr_send`, '["more"]');
    const next = await open(`${session}/xhr_streaming`, { method: 'POST' });
    expect(await next.read()).toBe(`${'h'.repeat(2048)}\n`);
    expect(await next.read()).toBe('a["more"]\n');
    next.abort();
  });
});

describe('eventsource', () => {
  test('a line first, then data', async () => {
    const session = echo.session();
    const stream = await open(`${session}/eventsource`);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    expect(stream.headers['cache-control']).toBe(NOT_CACHED);
    expect(await stream.read()).toBe('\r\n');
    expect(await stream.read()).toBe('data: o\r\n\r\n');
    await post(`${session}/xhr_send`, '["x"]');
    expect(await stream.read()).toBe('data: a["x"]\r\n\r\n');
    await post(`${session}/xhr_send`, '["  \\u0000\\n\\r "]');
    expect(await stream.read()).toBe('data: a["  \\u0000\\n\\r "]\r\n\r\n');
    stream.abort();
  });

  test('a percent sign is escaped here, for the client decodes it, and nowhere else', async () => {
    const session = echo.session();
    const stream = await open(`${session}/eventsource`);
    await stream.read();
    await stream.read();
    await post(`${session}/xhr_send`, '["100% %61"]');
    const line = await stream.read();
    expect(line).toBe('data: a["100%25 %2561"]\r\n\r\n');
    expect(decodeURI(line)).toBe('data: a["100% %61"]\r\n\r\n');
    stream.abort();
    const other = echo.session();
    await post(`${other}/xhr`);
    await post(`${other}/xhr_send`, '["100% %61"]');
    expect((await post(`${other}/xhr`)).body).toBe('a["100% %61"]\n');
  });

  test('ends after 4,096 octets', async () => {
    const session = echo.session();
    const stream = await open(`${session}/eventsource`);
    await stream.read();
    await stream.read();
    const text = `"${'x'.repeat(4096)}"`;
    await post(`${session}/xhr_send`, `[${text}]`);
    expect(await rest(stream)).toBe(`data: a[${text}]\r\n\r\n`);
  });
});

describe('htmlfile', () => {
  test('a page that calls its parent, frame by frame', async () => {
    const session = echo.session();
    const stream = await open(`${session}/htmlfile?c=%63allback`);
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('text/html; charset=UTF-8');
    expect(stream.headers['cache-control']).toBe(NOT_CACHED);
    const head = await stream.read();
    expect(head.length).toBeGreaterThan(1024);
    expect(head.trim()).toBe(`<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.callback;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`);
    expect(await stream.read()).toBe('<script>\np("o");\n</script>\r\n');
    await post(`${session}/xhr_send`, '["x"]');
    expect(await stream.read()).toBe('<script>\np("a[\\"x\\"]");\n</script>\r\n');
    await post(`${session}/xhr_send`, '["</script><script>alert(1)"]');
    expect(await stream.read()).not.toContain('</script><script>alert');
    stream.abort();
  });

  test('ends after 4,096 octets', async () => {
    const session = echo.session();
    const stream = await open(`${session}/htmlfile?c=callback`);
    await stream.read();
    await stream.read();
    const text = 'x'.repeat(4096);
    await post(`${session}/xhr_send`, `["${text}"]`);
    expect(await rest(stream)).toBe(`<script>\np("a[\\"${text}\\"]");\n</script>\r\n`);
  });
});

describe('jsonp', () => {
  test('calls back with each frame, and takes forms', async () => {
    const session = echo.session();
    const opened = await get(`${session}/jsonp?c=%63allback`);
    expect(opened).toMatchObject({ status: 200, body: '/**/callback("o");\r\n' });
    expect(opened.headers['content-type']).toBe('application/javascript; charset=UTF-8');
    expect(opened.headers['cache-control']).toBe(NOT_CACHED);
    const sent = await post(`${session}/jsonp_send`, 'd=%5B%22x%22%5D', FORM);
    expect(sent).toMatchObject({ status: 200, body: 'ok' });
    expect(sent.headers['content-type']).toBe('text/plain; charset=UTF-8');
    expect(sent.headers['cache-control']).toBe(NOT_CACHED);
    expect((await get(`${session}/jsonp?c=cb`)).body).toBe('/**/cb("a[\\"x\\"]");\r\n');
  });

  test('a form is decoded, a plain text is not', async () => {
    const session = echo.session();
    await get(`${session}/jsonp?c=x`);
    await post(`${session}/jsonp_send`, 'd=%5B%22abc%22%5D', FORM);
    await post(`${session}/jsonp_send`, '["%61bc"]', { 'content-type': 'text/plain' });
    expect((await get(`${session}/jsonp?c=x`)).body).toBe('/**/x("a[\\"abc\\",\\"%61bc\\"]");\r\n');
  });

  test.each([
    ['d=%5B%22x', 'Broken JSON encoding.'],
    ['', 'Payload expected.'],
    ['d=', 'Payload expected.'],
    ['p=p', 'Payload expected.'],
  ])('the form %s is refused, and the session goes on', async (body, words) => {
    const session = echo.session();
    await get(`${session}/jsonp?c=x`);
    expect(await post(`${session}/jsonp_send`, body, FORM)).toMatchObject({
      status: 500,
      body: words,
    });
    expect((await post(`${session}/jsonp_send`, 'd=%5B%5D', FORM)).body).toBe('ok');
    expect((await post(`${session}/jsonp_send`, 'd=%5B%22b%22%5D', FORM)).body).toBe('ok');
    expect((await get(`${session}/jsonp?c=x`)).body).toBe('/**/x("a[\\"b\\"]");\r\n');
  });

  test('a closed session repeats its reason', async () => {
    const session = echo.session('close');
    expect((await get(`${session}/jsonp?c=x`)).body).toBe('/**/x("o");\r\n');
    for (let time = 0; time < 2; time++) {
      expect((await get(`${session}/jsonp?c=x`)).body).toBe('/**/x("c[3000,\\"Go away!\\"]");\r\n');
    }
  });
});

describe.each(['jsonp', 'htmlfile'])('the callback of %s', (transport) => {
  test('must be there', async () => {
    const answer = await get(`${echo.session()}/${transport}`);
    expect(answer).toMatchObject({ status: 500, body: '"callback" parameter required' });
  });

  test.each(['%20', '*', 'abc(', 'abc%28', '%3Cscript%3Ealert(1)%3C/script%3E', 'a;b'])(
    'may not be %s',
    async (callback) => {
      const answer = await get(`${echo.session()}/${transport}?c=${callback}`);
      expect(answer).toMatchObject({ status: 500, body: 'invalid "callback" parameter' });
    },
  );
});

describe('JSON', () => {
  const killers: number[] = [];
  for (let code = 0xff; code <= 0xffff; code++) {
    if (/[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/.test(String.fromCharCode(code))) {
      killers.push(code);
    }
  }
  const escaped = killers.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');

  test('the server escapes what browsers and proxies mangle', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    await post(`${session}/xhr_send`, `["${JSON.parse(`"${escaped}"`)}"]`);
    expect((await post(`${session}/xhr`)).body).toBe(`a["${escaped}"]\n`);
  });

  test('control characters and lone surrogates come back escaped', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    const codes = Array.from({ length: 0x20 }, (_, code) => code);
    const text = [...codes, 0xdfff, 0xd800].map(
      (code) => `\\u${code.toString(16).padStart(4, '0')}`,
    );
    await post(`${session}/xhr_send`, `["${text.join('')}"]`);
    const { body } = await post(`${session}/xhr`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(body.slice(0, -1)).not.toMatch(/[\u0000-\u001f\ud800-\udfff]/);
    expect(JSON.parse(body.slice(1))).toEqual([JSON.parse(`"${text.join('')}"`)]);
  });

  test('the server reads every escape', async () => {
    const session = echo.session();
    await post(`${session}/xhr`);
    const codes = Array.from({ length: 0xd800 }, (_, code) => code);
    const text = codes.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');
    expect((await post(`${session}/xhr_send`, `["${text}"]`)).status).toBe(204);
    const { body } = await post(`${session}/xhr`);
    expect(JSON.parse(body.slice(1))).toEqual([String.fromCharCode(...codes)]);
  });
});

/** Opens a stream and reads up to its first frame. */
async function streaming(session: string) {
  const stream = await open(`${session}/xhr_streaming`, { method: 'POST' });
  expect(await stream.read()).toBe(`${'h'.repeat(2048)}\n`);
  expect(await stream.read()).toBe('o\n');
  return stream;
}

async function rest(stream: { read(): Promise<string> }): Promise<string> {
  let all = '';
  for (let chunk = await stream.read(); chunk !== ''; chunk = await stream.read()) all += chunk;
  return all;
}

/** Polls until somebody else is the receiver. */
async function untilBusy(session: string): Promise<void> {
  for (;;) {
    const probe = await open(`${session}/xhr`, { method: 'POST' });
    const first = await Promise.race([probe.read(), pause()]);
    if (first === 'c[2010,"Another connection still open"]\n') return;
    throw new Error(`the probe became the receiver: ${first}`);
  }
}

function pause(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, 2000, 'nothing').unref());
}
