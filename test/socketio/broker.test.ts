/** The broker's own Engine.IO and Socket.IO on the wire: what it refuses, and how it goes on. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { LIMITS } from '../../broker/limits.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { handshake, opened, poll, push, socket, upgraded } from '../engineio/peer.ts';
import { handshakeRows } from '../engineio/rows.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({
    port: 0,
    memory: true,
    limits: { holdSeconds: 0.3, engineUpgradeSeconds: 0.3, halfSecondsMax: 0.2 },
  });
});
afterAll(() => broker.close());

const target = {
  pingMilliseconds: LIMITS.enginePingSeconds * 1000,
  pongMilliseconds: LIMITS.enginePongSeconds * 1000,
  get url() {
    return `http://127.0.0.1:${broker.port}/socket.io/`;
  },
};

async function text(response: Promise<Response>): Promise<string> {
  return (await response).text();
}

/** Polls until something comes that is neither a ping nor a noop. */
async function said(sid: string): Promise<string> {
  for (;;) {
    const body = await text(poll(target, sid));
    if (body !== '2' && body !== '6') return body;
  }
}

describe('handshake', () => handshakeRows(target));

test('the bare URL of the gateway speaks Engine.IO as well', async () => {
  const bare = { url: `http://127.0.0.1:${broker.port}/ws` };
  const { ws, next } = socket(bare);
  expect(await next()).toMatch(/^0\{"sid":"/);
  ws.send('40');
  expect(await next()).toMatch(/^40\{"sid":"/);
  ws.close();
});

test('CONNECT over polling is answered with a sid that is not the engine’s', async () => {
  const sid = await handshake(target);
  expect(await text(push(target, sid, '40'))).toBe('ok');
  const answer = await said(sid);
  expect(answer).toMatch(/^40\{"sid":"[\w-]{16,}","pid":"[\w.-]{33,}"\}$/);
  expect(answer).not.toContain(sid);
});

test('a poll that nothing comes for is answered by a ping, and the pong is taken', async () => {
  const sid = await handshake(target);
  expect(await text(poll(target, sid))).toBe('2');
  expect(await text(push(target, sid, '3'))).toBe('ok');
  expect(await text(poll(target, sid))).toBe('2');
});

test.each(['abc', '', '2', '5', '0{}', 'b$'])('the payload %j ends the session', async (body) => {
  const sid = await handshake(target);
  expect((await push(target, sid, body)).status).toBe(400);
  expect((await poll(target, sid)).status).toBe(400);
});

test('a payload over maxPayload is 413, and the session goes on', async () => {
  const sid = await handshake(target);
  expect((await push(target, sid, `4${'x'.repeat(1_000_000)}`)).status).toBe(413);
  expect((await push(target, sid, '40')).status).toBe(200);
});

test('of two polls at once the first is closed, the other refused', async () => {
  const sid = await handshake(target);
  const first = poll(target, sid);
  await pause(30);
  expect((await poll(target, sid)).status).toBe(400);
  expect(await text(first)).toBe('1');
  expect((await poll(target, sid)).status).toBe(400);
});

test('a close lets the poll go, and then nothing is known', async () => {
  const sid = await handshake(target);
  const waiting = poll(target, sid);
  await pause(30);
  expect(await text(push(target, sid, '1'))).toBe('ok');
  expect(['1', '6']).toContain(await text(waiting));
  expect((await poll(target, sid)).status).toBe(400);
});

test.each(['4abc', '42["join","x"]', '41', '40[]'])('%j before CONNECT closes', async (first) => {
  const { ws, closed } = await opened(target);
  ws.send(first);
  await closed;
});

test.each([
  '4abc',
  '47',
  '42{}',
  '42["disconnect"]',
  '42["connect_error"]',
  '42/other,["join","x"]',
  '511-["message"]',
])('%j after CONNECT closes', async (packet) => {
  const { ws, next, closed } = await opened(target);
  ws.send('40');
  await next();
  ws.send(packet);
  await closed;
});

test('an unknown namespace is refused in words, and the connection stays', async () => {
  const { ws, next } = await opened(target);
  ws.send('40/other,{"token":"x"}');
  expect(await next()).toBe('44/other,{"message":"Invalid namespace"}');
  ws.send('40');
  expect(await next()).toMatch(/^40\{/);
  ws.close();
});

test('attachments that come packet by packet over a WebSocket are put together', async () => {
  const { ws, next } = await opened(target);
  ws.send('40');
  await next();
  ws.send('420["subscribe","/topic/octets"]');
  await next();
  ws.send('451-["send","/topic/octets",{"_placeholder":true,"num":0}]');
  ws.send('bAQID');
  expect(await next()).toContain('451-["message","/topic/octets",{"_placeholder":true,"num":0},');
  expect(await next()).toBe('bAQID');
  ws.close();
});

test('a text where an attachment is due closes', async () => {
  const { ws, next, closed } = await opened(target);
  ws.send('40');
  await next();
  ws.send('451-["message","x",{"_placeholder":true,"num":0}]');
  ws.send('42["join","x"]');
  await closed;
});

test('after the change polling and a second socket are refused, and the first goes on', async () => {
  const { sid, socket: one } = await upgraded(target);
  one.ws.send('40');
  expect(await one.next()).toMatch(/^40\{/);
  expect((await poll(target, sid)).status).toBe(400);
  expect((await push(target, sid, '42["join","x"]')).status).toBe(400);
  await socket(target, `?EIO=4&transport=websocket&sid=${sid}`).closed;
  one.ws.send('421["join","x"]');
  expect(await one.next()).toMatch(/^431\[\{"ok":true/);
  one.ws.close();
});

test('a socket that is never probed through leaves its session polling', async () => {
  const sid = await handshake(target);
  await push(target, sid, '40');
  const { ws, next, closed } = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
  await once(ws, 'open');
  ws.send('2probe');
  expect(await next()).toBe('3probe');
  expect(await said(sid)).toMatch(/^40\{/);
  // It comes back to life when the time of its probe is over.
  await pause(350);
  ws.send('5');
  await closed;
  await push(target, sid, '421["join","x"]');
  expect(await said(sid)).toMatch(/^431\[\{"ok":true/);
});

test('a socket that closes while it is probed leaves its session polling', async () => {
  const sid = await handshake(target);
  await push(target, sid, '40');
  const { ws, next } = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
  await once(ws, 'open');
  ws.send('2probe');
  await next();
  ws.close();
  expect(await said(sid)).toMatch(/^40\{/);
  await push(target, sid, '421["join","x"]');
  expect(await said(sid)).toMatch(/^431\[\{"ok":true/);
});

test('binary frames close 1003: the gateway takes none', async () => {
  const { ws } = await opened(target);
  const closed = once(ws, 'close');
  ws.send(Buffer.from([1]));
  expect((await closed)[0]).toBe(1003);
});

test('attachments that do not all come in time are refused in words', async () => {
  const { ws, next } = await opened(target);
  ws.send('40');
  await next();
  ws.send('452-["message","x",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]');
  await pause(300);
  ws.send('bAQID');
  expect(await next()).toContain('The rest of the frame came too late');
  ws.close();
});

test('more octets inside a value than a packet can attach are refused', async () => {
  const { ws, closed } = await opened(target);
  ws.send('40');
  ws.send(`4511-["message","x",${JSON.stringify([{ _placeholder: true, num: 0 }])}]`);
  await closed;
});

test('a second CONNECT closes, as it does at socket.io', async () => {
  const { ws, next, closed } = await opened(target);
  ws.send('40');
  await next();
  ws.send('40');
  expect(await next()).toMatch(/^42\["error",\{"code":"envelope-malformed"/);
  await closed;
});
