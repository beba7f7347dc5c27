/** Socket.IO 5, row by row, against `serve:socketio-echo`; socket.io-client is the last judge. */
import { io } from 'socket.io-client';
import { startSocketioEcho } from '../../local/socketio-echo.ts';
import type { EchoServer } from '../../local/sockjs-echo.ts';
import { leaveAll } from '../clients/leave.ts';
import { handshake, opened, poll, push } from '../engineio/peer.ts';
import { handshakeRows } from '../engineio/rows.ts';

let server: EchoServer;
beforeAll(async () => {
  server = await startSocketioEcho({ port: 0 });
});
afterAll(() => server.close());

const target = {
  pingMilliseconds: 300,
  pongMilliseconds: 200,
  get url() {
    return `http://127.0.0.1:${server.port}/socket.io/`;
  },
};

/** Past CONNECT and the event `auth`. */
async function connected(namespace = '/') {
  const one = await opened(target);
  const place = namespace === '/' ? '' : `${namespace},`;
  one.ws.send(`40${place}`);
  await one.next();
  await one.next();
  return one;
}

describe('Engine.IO below it', () => {
  handshakeRows(target);
});

describe('connecting', () => {
  test('over polling: CONNECT is answered with a sid of its own, then auth', async () => {
    const sid = await handshake(target);
    expect((await push(target, sid, '40')).status).toBe(200);
    const [answer = '', event] = (await (await poll(target, sid)).text()).split('\x1e');
    expect(answer).toMatch(/^40\{"sid":"[\w-]{16,}"\}$/);
    expect(answer).not.toContain(sid);
    expect(event).toBe('42["auth",{}]');
  });

  test('over a WebSocket the same', async () => {
    const { ws, next } = await opened(target);
    ws.send('40');
    expect(await next()).toMatch(/^40\{"sid":"[\w-]{16,}"\}$/);
    expect(await next()).toBe('42["auth",{}]');
    ws.close();
  });

  test('auth carries what CONNECT brought', async () => {
    const { ws, next } = await opened(target);
    ws.send('40{"token":"123"}');
    await next();
    expect(await next()).toBe('42["auth",{"token":"123"}]');
    ws.close();
  });

  test('another namespace has a sid of its own as well', async () => {
    const { ws, next } = await opened(target);
    ws.send('40/custom,{"token":"abc"}');
    expect(await next()).toMatch(/^40\/custom,\{"sid":"[\w-]{16,}"\}$/);
    expect(await next()).toBe('42/custom,["auth",{"token":"abc"}]');
    ws.close();
  });

  test('an unknown namespace is refused in words, and the connection stays', async () => {
    const { ws, next } = await opened(target);
    ws.send('40/random');
    expect(await next()).toBe('44/random,{"message":"Invalid namespace"}');
    ws.send('40');
    expect(await next()).toMatch(/^40\{/);
    ws.close();
  });

  test.each(['4abc', '42["message"]', '41', '40["no object"]'])(
    '%j before CONNECT closes',
    async (text) => {
      const { ws, closed } = await opened(target);
      ws.send(text);
      await closed;
    },
  );

  test('a second CONNECT to one namespace closes', async () => {
    const { ws, closed } = await connected();
    ws.send('40');
    await closed;
  });

  test('without CONNECT the connection is closed after a second', async () => {
    const { ws, closed } = await opened(target);
    ws.on('message', (text) => String(text) === '2' && ws.send('3'));
    const began = performance.now();
    await closed;
    expect(performance.now() - began).toBeGreaterThan(900);
  });
});

describe('disconnecting', () => {
  test('a namespace is left and the connection stays', async () => {
    const { ws, next } = await connected();
    ws.send('41');
    expect(await next()).toBe('2');
    ws.send('3');
    expect(await next()).toBe('2');
    ws.close();
  });

  test('one namespace is left and the other stays', async () => {
    const { ws, next } = await connected();
    ws.send('40/custom');
    await next();
    await next();
    ws.send('41');
    ws.send('42/custom,["message","here"]');
    expect(await next()).toBe('42/custom,["message-back","here"]');
    ws.close();
  });
});

describe('events', () => {
  test('plain values come back', async () => {
    const { ws, next } = await connected();
    ws.send('42["message",1,"2",{"3":[true]}]');
    expect(await next()).toBe('42["message-back",1,"2",{"3":[true]}]');
    ws.close();
  });

  test('octets come back behind their packet, in order', async () => {
    const { ws, next } = await connected();
    ws.send('452-["message",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]');
    ws.send(Buffer.from([1, 2, 3]));
    ws.send(Buffer.from([4]));
    expect(await next()).toBe(
      '452-["message-back",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]',
    );
    expect([await next(), await next()]).toEqual([Buffer.from([1, 2, 3]), Buffer.from([4])]);
    ws.close();
  });

  test('an ack comes back with its id', async () => {
    const { ws, next } = await connected();
    ws.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    expect(await next()).toBe('43456[1,"2",{"3":[false]}]');
    ws.close();
  });

  test('an ack with octets is binary', async () => {
    const { ws, next } = await connected();
    ws.send('451-789["message-with-ack",{"_placeholder":true,"num":0}]');
    ws.send(Buffer.from([1]));
    expect(await next()).toBe('461-789[{"_placeholder":true,"num":0}]');
    expect(await next()).toEqual(Buffer.from([1]));
    ws.close();
  });

  test('in another namespace they come back there', async () => {
    const { ws, next } = await connected('/custom');
    ws.send('42/custom,7["message-with-ack","a"]');
    expect(await next()).toBe('43/custom,7["a"]');
    ws.close();
  });

  test.each([
    '4abc',
    '42{}',
    '42',
    '42[]',
    '42abc["message"]',
    '42["disconnect"]',
    '47',
    '43{}',
    '45["no","count"]',
  ])('%j closes', async (text) => {
    const { ws, closed } = await connected();
    ws.send(text);
    await closed;
  });

  test('a text where an attachment is due closes', async () => {
    const { ws, closed } = await connected();
    ws.send('451-["message",{"_placeholder":true,"num":0}]');
    ws.send('42["message"]');
    await closed;
  });

  test('octets that nobody announced close', async () => {
    const { ws, closed } = await connected();
    ws.send(Buffer.from([1]));
    await closed;
  });
});

test.each([
  ['as it comes', {}],
  ['polling alone', { transports: ['polling'] }],
  ['WebSocket alone', { transports: ['websocket'] }],
])('socket.io-client %s: connects, emits, is acked', async (_name, options) => {
  const client = io(`http://127.0.0.1:${server.port}/custom`, { ...options, auth: { a: 1 } });
  const auth = new Promise((done) => client.once('auth', done));
  expect(await auth).toEqual({ a: 1 });
  const back = new Promise((done) => client.once('message-back', (...all) => done(all)));
  client.emit('message', 'é', Buffer.from([1, 2]));
  expect(await back).toEqual(['é', Buffer.from([1, 2])]);
  expect(await client.emitWithAck('message-with-ack', { b: 2 })).toEqual({ b: 2 });
  await leaveAll([client]);
});
