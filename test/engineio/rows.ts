/** Rows of the Engine.IO 4 protocol, against whatever serves it with an echo behind. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { handshake, opened, poll, push, query, socket, type Target, upgraded } from './peer.ts';

export interface EngineTarget extends Target {
  readonly pingMilliseconds: number;
  readonly pongMilliseconds: number;
}

export function handshakeRows(target: EngineTarget): void {
  test('a GET without a session opens one, and says on which terms', async () => {
    const response = await fetch(target.url + query());
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const text = await response.text();
    expect(text.startsWith('0')).toBe(true);
    expect(JSON.parse(text.slice(1))).toEqual({
      sid: expect.stringMatching(/^[\w-]{16,}$/),
      upgrades: ['websocket'],
      pingInterval: target.pingMilliseconds,
      pingTimeout: target.pongMilliseconds,
      maxPayload: 1_000_000,
    });
  });

  test('over a WebSocket there is nothing to upgrade to', async () => {
    const { ws, next } = socket(target);
    const text = String(await next());
    expect(JSON.parse(text.slice(1))).toMatchObject({ upgrades: [], maxPayload: 1_000_000 });
    ws.close();
  });

  test.each([
    ['no transport', 'GET', '?EIO=4', 0, 'Transport unknown'],
    ['an unknown transport', 'GET', '?EIO=4&transport=abc', 0, 'Transport unknown'],
    ['an unknown session', 'GET', query('&sid=zzz'), 1, 'Session ID unknown'],
    ['a handshake by POST', 'POST', query(), 2, 'Bad handshake method'],
    ['a handshake by PUT', 'PUT', query(), 2, 'Bad handshake method'],
    ['websocket without an upgrade', 'GET', '?EIO=4&transport=websocket', 3, 'Bad request'],
    ['no version', 'GET', '?transport=polling', 5, 'Unsupported protocol version'],
    ['version 3', 'GET', '?EIO=3&transport=polling', 5, 'Unsupported protocol version'],
    [
      'a version that is none',
      'GET',
      '?EIO=abc&transport=polling',
      5,
      'Unsupported protocol version',
    ],
  ])('%s is refused with its code', async (_name, method, search, code, message) => {
    const response = await fetch(target.url + search, { method });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ code, message });
  });

  test.each([
    ['no version', '?transport=websocket'],
    ['a version that is none', '?EIO=abc&transport=websocket'],
    ['no transport', '?EIO=4'],
    ['an unknown transport', '?EIO=4&transport=abc'],
    ['an unknown session', '?EIO=4&transport=websocket&sid=zzz'],
  ])('a WebSocket with %s is closed', async (_name, search) => {
    await socket(target, search).closed;
  });

  test('a preflight is answered', async () => {
    const response = await fetch(target.url + query(), {
      method: 'OPTIONS',
      headers: { origin: 'http://a.test', 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('http://a.test');
  });
}

export function packetRows(target: EngineTarget): void {
  test('polling: what is posted comes back by the next poll', async () => {
    const sid = await handshake(target);
    const sent = await push(target, sid, '4hello');
    expect(sent.status).toBe(200);
    expect(sent.headers.get('content-type')).toContain('text/html');
    expect(await sent.text()).toBe('ok');
    const got = await poll(target, sid);
    expect(got.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    expect(got.headers.get('cache-control')).toContain('no-store');
    expect(await got.text()).toBe('4hello');
  });

  test('polling: a payload of several packets keeps their order', async () => {
    const sid = await handshake(target);
    await push(target, sid, '4a\x1e4b\x1e4é€');
    expect(await (await poll(target, sid)).text()).toBe('4a\x1e4b\x1e4é€');
  });

  test('polling: octets travel as base64', async () => {
    const sid = await handshake(target);
    await push(target, sid, 'bAQIDBA==');
    expect(await (await poll(target, sid)).text()).toBe('bAQIDBA==');
  });

  test.each([['abc'], [''], ['4a\x1e\x1e4b'], ['b$$'], ['2'], ['5']])(
    'polling: %j is no packet of a client, and ends the session',
    async (body) => {
      const sid = await handshake(target);
      expect((await push(target, sid, body)).status).toBe(400);
      expect((await poll(target, sid)).status).toBe(400);
    },
  );

  test('polling: a payload over the bound is 413', async () => {
    const sid = await handshake(target);
    expect((await push(target, sid, `4${'x'.repeat(1_000_000)}`)).status).toBe(413);
  });

  test('polling: of two polls at once the first is closed, the other refused', async () => {
    const sid = await handshake(target);
    const first = poll(target, sid);
    await pause(30);
    const second = await poll(target, sid);
    expect(second.status).toBe(400);
    expect((await first).status).toBe(200);
    expect(await (await first).text()).toBe('1');
    expect((await poll(target, sid)).status).toBe(400);
  });

  test('polling: a poll taken back ends the session', async () => {
    const sid = await handshake(target);
    const abort = new AbortController();
    const taken = poll(target, sid, abort.signal).catch(() => 'taken back');
    await pause(30);
    abort.abort();
    expect(await taken).toBe('taken back');
    await pause(30);
    expect((await poll(target, sid)).status).toBe(400);
  });

  test('polling: a close lets the poll go, and then nothing is known', async () => {
    const sid = await handshake(target);
    const waiting = poll(target, sid);
    await pause(30);
    expect((await push(target, sid, '1')).status).toBe(200);
    expect(['6', '1']).toContain(await (await waiting).text());
    expect((await poll(target, sid)).status).toBe(400);
  });

  test('websocket: texts come back as texts', async () => {
    const { ws, next } = await opened(target);
    ws.send('4hello');
    expect(await next()).toBe('4hello');
    ws.close();
  });

  test('websocket: a close packet closes', async () => {
    const { ws, closed } = await opened(target);
    ws.send('1');
    await closed;
  });

  test.each(['abc', '2', '0', ''])('websocket: %j closes', async (text) => {
    const { ws, closed } = await opened(target);
    ws.send(text);
    await closed;
  });
}

/** Where binary frames are taken. */
export function binaryRows(target: EngineTarget): void {
  test('websocket: octets come back as octets', async () => {
    const { ws, next } = await opened(target);
    ws.send(Buffer.from([1, 2, 3, 4]));
    expect(await next()).toEqual(Buffer.from([1, 2, 3, 4]));
    ws.close();
  });
}

export function pingRows(target: EngineTarget): void {
  test('polling: pings come as long as they are answered', async () => {
    const sid = await handshake(target);
    for (let round = 0; round < 3; round++) {
      expect(await (await poll(target, sid)).text()).toBe('2');
      expect((await push(target, sid, '3')).status).toBe(200);
    }
  });

  test('polling: a ping that is not answered ends the session', async () => {
    const sid = await handshake(target);
    await pause(target.pingMilliseconds + target.pongMilliseconds + 100);
    expect((await poll(target, sid)).status).toBe(400);
  });

  test('websocket: pings come as long as they are answered', async () => {
    const { ws, next } = await opened(target);
    for (let round = 0; round < 3; round++) {
      expect(await next()).toBe('2');
      ws.send('3');
    }
    ws.close();
  });

  test('websocket: a ping that is not answered closes', async () => {
    const { next, closed } = await opened(target);
    expect(await next()).toBe('2');
    await closed;
  });
}

export function upgradeRows(target: EngineTarget): void {
  test('a probe, its answer, the change: then messages', async () => {
    const sid = await handshake(target);
    const { ws, next } = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
    await once(ws, 'open');
    ws.send('2probe');
    expect(await next()).toBe('3probe');
    ws.send('5');
    ws.send('4hello');
    expect(await next()).toBe('4hello');
    ws.close();
  });

  test('a poll that waits is let go by the probe', async () => {
    const sid = await handshake(target);
    const waiting = poll(target, sid);
    const { ws, next } = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
    await once(ws, 'open');
    ws.send('2probe');
    expect(await next()).toBe('3probe');
    expect(await (await waiting).text()).toBe('6');
    // The client may ask once more before it hears that its probe was answered.
    expect(await (await poll(target, sid)).text()).toBe('6');
    ws.close();
  });

  test('what waited while polling leaves first, in order', async () => {
    const sid = await handshake(target);
    const { ws, next } = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
    await once(ws, 'open');
    ws.send('2probe');
    expect(await next()).toBe('3probe');
    await push(target, sid, '4a\x1e4b');
    ws.send('5');
    ws.send('4c');
    expect([await next(), await next(), await next()]).toEqual(['4a', '4b', '4c']);
    ws.close();
  });

  test('after the change polling is refused, and the WebSocket goes on', async () => {
    const { sid, socket: one } = await upgraded(target);
    one.ws.send('4a');
    await one.next();
    expect((await poll(target, sid)).status).toBe(400);
    expect((await push(target, sid, '4b')).status).toBe(400);
    one.ws.send('4c');
    expect(await one.next()).toBe('4c');
    one.ws.close();
  });

  test('a second WebSocket of the session is refused, and the first goes on', async () => {
    const { sid, socket: one } = await upgraded(target);
    one.ws.send('4a');
    await one.next();
    await socket(target, `?EIO=4&transport=websocket&sid=${sid}`).closed;
    one.ws.send('4b');
    expect(await one.next()).toBe('4b');
    one.ws.close();
  });
}
