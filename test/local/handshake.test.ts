/** Rules 1 to 3 of the gateway: how a connection begins. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { WebSocket } from 'ws';
import { refuse } from '../../local/handshake.ts';
import { arrivals, client, clientFrame, closeAll, rawClient, refusal, start } from './gateway.ts';

afterEach(closeAll);

describe('rule 1: $connect runs before the 101', () => {
  test('the upgrade is pending until the handler answers', async () => {
    const gate = arrivals<void>();
    const started = await start({
      onConnect: async () => {
        await gate.next();
        return { statusCode: 200 };
      },
    });
    const ws = new WebSocket(started.url);
    await started.connects.next();
    expect(ws.readyState).toBe(WebSocket.CONNECTING);
    expect(started.gateway.size()).toBe(0);
    gate.push();
    await once(ws, 'open');
    expect(started.gateway.size()).toBe(1);
  });

  test.each([400, 401, 403, 500, 302])(
    'a %i is the status of the handshake, and no $disconnect follows',
    async (status) => {
      const started = await start({ onConnect: () => ({ statusCode: status }) });
      expect(await refusal(started.url)).toBe(status);
      await started.gateway.close();
      expect(started.disconnects.all).toEqual([]);
    },
  );

  test('a refused client that keeps its side open is let go of', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      refuse(socket, 403, 'Forbidden');
      socket.once('close', () => server.emit('released'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const released = once(server, 'released');
    const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const [answer] = await once(peer, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    await released;
    peer.destroy();
    server.close();
  });

  test('any 2xx admits', async () => {
    const started = await start({ onConnect: () => ({ statusCode: 204 }) });
    await client(started.url);
    expect(started.gateway.size()).toBe(1);
  });

  test('a throw is 502, and so is no answer in time', async () => {
    const throwing = await start({ onConnect: () => Promise.reject(new Error('broken')) });
    expect(await refusal(throwing.url)).toBe(502);
    expect(throwing.errors).toEqual(['gateway.connect']);
    const hanging = await start({
      onConnect: () => new Promise(() => undefined),
      limits: { integrationMilliseconds: 10, sweepMilliseconds: 5 },
    });
    expect(await refusal(hanging.url)).toBe(502);
  });

  test('the status of a fault is a setting', async () => {
    const started = await start({
      onConnect: () => Promise.reject(new Error('broken')),
      limits: { connectFaultStatus: 500 },
    });
    expect(await refusal(started.url)).toBe(500);
  });

  test('a client that leaves while $connect runs is owed a $disconnect', async () => {
    const gate = arrivals<void>();
    const started = await start({
      onConnect: async () => {
        await gate.next();
        return { statusCode: 200 };
      },
    });
    const ws = new WebSocket(started.url);
    ws.on('error', () => undefined);
    const event = await started.connects.next();
    const gone = new Promise((resolve) => ws.on('close', resolve));
    ws.terminate();
    await gone;
    gate.push();
    const { requestContext } = await started.disconnects.next();
    expect(requestContext).toMatchObject({
      connectionId: event.requestContext.connectionId,
      disconnectStatusCode: 1006,
    });
    expect(started.gateway.size()).toBe(0);
  });

  test('what is sent together with the handshake is not lost', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port);
    socket.write(
      Buffer.concat([clientFrame(1, Buffer.from('a')), clientFrame(1, Buffer.from('b'))]),
    );
    expect((await started.messages.next()).body).toBe('a');
    expect((await started.messages.next()).body).toBe('b');
    socket.destroy();
  });
});

describe('rule 2: only the stage is served', () => {
  test.each(['/', '/other', '/ws/more', '/wss', '/WS', '//ws'])(
    'an upgrade at %s is 403',
    async (path) => {
      const started = await start();
      expect(await refusal(`ws://127.0.0.1:${started.port}${path}`)).toBe(403);
      expect(started.connects.all).toEqual([]);
    },
  );

  test('a trailing slash is the same place', async () => {
    const started = await start();
    await client(`${started.url}/`);
    expect(started.gateway.size()).toBe(1);
  });

  test('the query string reaches $connect only, and is absent when there is none', async () => {
    const started = await start();
    const first = await client(`${started.url}?token=a%20b&x=1`);
    expect((await started.connects.next()).queryStringParameters).toEqual({ token: 'a b', x: '1' });
    first.ws.send('hello');
    expect(await started.messages.next()).not.toHaveProperty('queryStringParameters');
    await client(started.url);
    expect(await started.connects.next()).not.toHaveProperty('queryStringParameters');
  });
});

describe('rule 3: the sub-protocol is the handler’s to set', () => {
  test('the header it returns is echoed, whatever its case', async () => {
    const started = await start({
      onConnect: () => ({ statusCode: 200, headers: { 'sec-websocket-PROTOCOL': 'v12.stomp' } }),
    });
    const { ws } = await client(started.url, ['v12.stomp', 'v11.stomp']);
    expect(ws.protocol).toBe('v12.stomp');
  });

  test('a client that offered some and got none is dropped', async () => {
    const started = await start();
    const { socket, head } = await rawClient(started.port, ['Sec-WebSocket-Protocol: v12.stomp']);
    expect(head).toMatch(/^HTTP\/1.1 101/);
    expect(head).not.toMatch(/sec-websocket-protocol/i);
    if (!socket.destroyed) await once(socket, 'close');
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1006);
  });

  test('a client that offered none gets none', async () => {
    const started = await start();
    const { socket, head } = await rawClient(started.port);
    expect(head).not.toMatch(/sec-websocket-protocol/i);
    socket.destroy();
  });

  test('a value that would split the response is a fault of ours', async () => {
    const started = await start({
      onConnect: () => ({ statusCode: 200, headers: { 'Sec-WebSocket-Protocol': 'a\r\nX: y' } }),
    });
    expect(await refusal(started.url, ['a'])).toBe(502);
  });
});
