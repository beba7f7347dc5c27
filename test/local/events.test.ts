/** Rule 10 of the gateway: what events hold. */
import type { WebSocket } from 'ws';
import { closeAll, connected, rawClient, start } from './gateway.ts';

afterEach(closeAll);

describe('rule 10: what events hold', () => {
  test('CONNECT keeps the case of header names, and repeats of one header', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port, [
      'X-Mixed-Case: one',
      'X-Mixed-Case: two',
      'cookie: a=b',
    ]);
    const event = await started.connects.next();
    expect(event.headers).toMatchObject({
      'X-Mixed-Case': 'two',
      cookie: 'a=b',
      Upgrade: 'websocket',
    });
    expect(event.multiValueHeaders['X-Mixed-Case']).toEqual(['one', 'two']);
    expect(event).not.toHaveProperty('body');
    expect(event.requestContext).toMatchObject({
      routeKey: '$connect',
      eventType: 'CONNECT',
      stage: 'ws',
      identity: { sourceIp: '127.0.0.1' },
    });
    expect(event.requestContext.connectionId).toMatch(/^[\w-]{15}=$/);
    expect(event.requestContext.requestId).toMatch(/^[\w-]{15}=$/);
    expect(event.requestContext).not.toHaveProperty('messageId');
    socket.destroy();
  });

  test('MESSAGE carries neither headers nor query, and ids of its own', async () => {
    const { started, id, ws } = await connected();
    ws.send('{"x":1}');
    const event = await started.messages.next();
    expect(Object.keys(event).sort()).toEqual(['body', 'isBase64Encoded', 'requestContext']);
    expect(event).toMatchObject({ body: '{"x":1}', isBase64Encoded: false });
    expect(event.requestContext).toMatchObject({
      connectionId: id,
      routeKey: '$default',
      eventType: 'MESSAGE',
    });
    expect(event.requestContext.messageId).toMatch(/^[\w-]{15}=$/);
    expect(event.requestContext.messageId).not.toBe(event.requestContext.requestId);
    expect(Math.abs(event.requestContext.requestTimeEpoch - Date.now())).toBeLessThan(5000);
  });

  test.each([
    ['no code', (ws: WebSocket) => ws.close(), 1005, 'Client-side close frame status not set'],
    ['a code and words', (ws: WebSocket) => ws.close(4001, 'bye'), 4001, 'bye'],
    ['a reset', (ws: WebSocket) => ws.terminate(), 1006, 'Connection Closed Abnormally'],
  ])('DISCONNECT after %s tells code and reason', async (_name, leave, code, reason) => {
    const { started, id, ws } = await connected();
    leave(ws);
    const event = await started.disconnects.next();
    expect(Object.keys(event).sort()).toEqual(['isBase64Encoded', 'requestContext']);
    expect(event.requestContext).toMatchObject({
      connectionId: id,
      routeKey: '$disconnect',
      eventType: 'DISCONNECT',
      disconnectStatusCode: code,
      disconnectReason: reason,
    });
    expect(started.gateway.size()).toBe(0);
  });

  test('$disconnect can be lost', async () => {
    const { started, ws, closed } = await connected({ faults: { seed: 1, disconnectLost: 1 } });
    ws.close();
    await closed;
    await started.gateway.close();
    expect(started.disconnects.all).toEqual([]);
    expect(started.gateway.size()).toBe(0);
  });

  test('$disconnect can be late', async () => {
    const { started, ws, closed } = await connected({
      faults: { seed: 3, disconnectMilliseconds: 80 },
    });
    ws.close();
    await closed;
    expect(started.disconnects.all).toEqual([]);
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1005);
  });
});
