/** The rules of API Gateway's WebSocket APIs, one by one, as the local gateway keeps them. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { IngressEvent } from '../../broker/ports.ts';
import {
  arrivals,
  client,
  clientFrame,
  rawClient,
  refusal,
  type TestGateway,
  type TestOptions,
  testGateway,
} from './gateway.ts';

const open: TestGateway[] = [];

async function start(options: TestOptions = {}): Promise<TestGateway> {
  const started = await testGateway(options);
  open.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((started) => started.close()));
});

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

describe('rule 4: @connections', () => {
  test('a post is 410 inside $connect, 200 after it, 410 after the close', async () => {
    let started: TestGateway | undefined;
    const inside = arrivals<unknown>();
    started = await start({
      onConnect: async ({ requestContext }) => {
        inside.push(await started?.gateway.management.post(requestContext.connectionId, text('x')));
        return { statusCode: 200 };
      },
    });
    const { ws, texts } = await client(started.url);
    const id = (await started.connects.next()).requestContext.connectionId;
    expect(inside.all).toEqual([410]);
    expect(started.gateway.management.post(id, text('hello'))).toBe(200);
    expect(await texts.next()).toBe('hello');
    ws.close();
    await started.disconnects.next();
    expect(started.gateway.management.post(id, text('late'))).toBe(410);
    expect(started.gateway.management.get(id)).toBeUndefined();
    expect(started.gateway.management.delete(id)).toBe(410);
  });

  test('an unknown id is 410', async () => {
    const { gateway } = await start();
    expect(gateway.management.post('VotXXcBEPHcCEvQ=', text('x'))).toBe(410);
    expect(gateway.management.delete('VotXXcBEPHcCEvQ=')).toBe(410);
  });

  test('128 KB may be posted, one octet more is 413', async () => {
    const { started, id, texts } = await connected();
    const most = Buffer.alloc(128 * 1024, 'm');
    expect(started.gateway.management.post(id, most)).toBe(200);
    expect(await texts.next()).toBe(most.toString());
    expect(started.gateway.management.post(id, Buffer.alloc(128 * 1024 + 1, 'm'))).toBe(413);
  });

  test('what is no UTF-8 cannot leave as text: 400', async () => {
    const { started, id } = await connected();
    expect(started.gateway.management.post(id, Uint8Array.of(0xff, 0xfe))).toBe(400);
  });

  test('a client that does not read fills its buffer: 429, and the others are served', async () => {
    const { started, id, ws } = await connected({ limits: { clientBufferBytesMax: 64 * 1024 } });
    const other = await client(started.url);
    const otherId = (await started.connects.next()).requestContext.connectionId;
    ws.pause();
    const post = Buffer.alloc(128 * 1024, 's');
    let answer = started.gateway.management.post(id, post);
    for (let count = 0; count < 1000 && answer === 200; count++) {
      answer = started.gateway.management.post(id, post);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answer).toEqual({ status: 429, reason: 'buffer' });
    expect(started.gateway.management.post(otherId, text('fine'))).toBe(200);
    expect(await other.texts.next()).toBe('fine');
    ws.terminate();
  });

  test('DELETE is 204, the client is closed, and $disconnect follows with 1000', async () => {
    const { started, id, closed } = await connected();
    expect(started.gateway.management.post(id, text('last words'))).toBe(200);
    expect(started.gateway.management.delete(id)).toBe(204);
    expect(started.gateway.management.post(id, text('x'))).toBe(410);
    expect((await closed).code).toBe(1000);
    expect((await started.disconnects.next()).requestContext).toMatchObject({
      connectionId: id,
      disconnectStatusCode: 1000,
    });
    expect(started.disconnects.all).toHaveLength(1);
  });

  test('GET tells since when and from where', async () => {
    const { started, id } = await connected();
    expect(started.gateway.management.get(id)).toMatchObject({
      identity: { sourceIp: '127.0.0.1' },
    });
  });
});

describe('rule 5: sizes and kinds of frames', () => {
  test('a frame of 32 KB comes in, one of 33 KB closes 1009', async () => {
    const { started, ws, closed } = await connected();
    ws.send('x'.repeat(32 * 1024));
    expect((await started.messages.next()).body).toHaveLength(32 * 1024);
    ws.send('x'.repeat(33 * 1024));
    expect((await closed).code).toBe(1009);
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1009);
    expect(started.messages.all).toHaveLength(1);
  });

  test('messages that were whole before the large frame are still dispatched', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port);
    socket.write(
      Buffer.concat([
        clientFrame(1, Buffer.from('before')),
        clientFrame(1, Buffer.alloc(33 * 1024, 'x')),
        clientFrame(1, Buffer.from('after')),
      ]),
    );
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1009);
    expect(started.messages.all.map(({ body }) => body)).toEqual(['before']);
    socket.destroy();
  });

  test('the header of a large frame is enough: its payload is not waited for', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port);
    socket.write(clientFrame(1, Buffer.alloc(33 * 1024, 'x')).subarray(0, 4));
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1009);
    socket.destroy();
  });

  test('continuation frames are put together, up to 128 KB', async () => {
    const { started, ws } = await connected();
    const piece = 'p'.repeat(32 * 1024);
    for (const fin of [false, false, false, true]) ws.send(piece, { fin });
    expect((await started.messages.next()).body).toHaveLength(128 * 1024);
  });

  test('a message over 128 KB closes 1009 although each frame is small', async () => {
    const { started, ws, closed } = await connected();
    const piece = 'p'.repeat(32 * 1024);
    for (const fin of [false, false, false, false, true]) ws.send(piece, { fin });
    expect((await closed).code).toBe(1009);
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1009);
    expect(started.messages.all).toEqual([]);
  });

  test('binary closes 1003', async () => {
    const { started, ws, closed } = await connected();
    ws.send(Buffer.from('binary'));
    expect((await closed).code).toBe(1003);
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1003);
    expect(started.messages.all).toEqual([]);
  });

  test('text that is no UTF-8 closes 1007', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port);
    socket.write(clientFrame(1, Buffer.from([0xff])));
    expect((await started.disconnects.next()).requestContext.disconnectStatusCode).toBe(1007);
    socket.destroy();
  });

  test('a large post leaves in text frames of at most 32 KB', async () => {
    const started = await start();
    const { socket } = await rawClient(started.port);
    const id = (await started.connects.next()).requestContext.connectionId;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const all = new Promise<Buffer>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= 70_000 + 4 + 4 + 4) resolve(Buffer.concat(chunks));
      });
    });
    expect(started.gateway.management.post(id, Buffer.alloc(70_000, 'z'))).toBe(200);
    const wire = await all;
    const frames: { first: number; length: number }[] = [];
    for (let at = 0; at < wire.length; ) {
      const length = wire.readUInt16BE(at + 2);
      expect(wire[at + 1]).toBe(126);
      frames.push({ first: wire[at] ?? 0, length });
      at += 4 + length;
    }
    expect(frames).toEqual([
      { first: 0x01, length: 32_768 },
      { first: 0x00, length: 32_768 },
      { first: 0x80, length: 4_464 },
    ]);
    socket.destroy();
  });
});

describe('rule 6: idle and old connections', () => {
  const quick = { idleMilliseconds: 60, sweepMilliseconds: 10 };

  test('an idle connection is closed 1001 Going away', async () => {
    const { started, closed } = await connected({ limits: quick });
    expect(await closed).toEqual({ code: 1001, reason: 'Going away' });
    expect((await started.disconnects.next()).requestContext).toMatchObject({
      disconnectStatusCode: 1001,
      disconnectReason: 'Going away',
    });
  });

  test.each(['in', 'out'])('messages going %s keep it open', async (way) => {
    const time = { now: 1_000_000 };
    const { started, id, ws } = await connected({
      clock: { now: () => time.now },
      limits: { idleMilliseconds: 1000, sweepMilliseconds: 5 },
    });
    for (let step = 0; step < 4; step++) {
      time.now += 600;
      if (way === 'in') {
        ws.send('beat');
        await started.messages.next();
      } else {
        expect(started.gateway.management.post(id, text('beat'))).toBe(200);
      }
      await sweeps();
      expect(started.gateway.size()).toBe(1);
    }
  });

  test.each([
    [false, 0],
    [true, 1],
  ])('pings keep it open only where that is set: %s', async (pingsAreActivity, left) => {
    const time = { now: 1_000_000 };
    const { started, ws } = await connected({
      clock: { now: () => time.now },
      limits: { idleMilliseconds: 1000, sweepMilliseconds: 5, pingsAreActivity },
    });
    time.now += 600;
    ws.ping();
    await once(ws, 'pong');
    time.now += 600;
    await sweeps();
    expect(started.gateway.size()).toBe(left);
  });

  test('a life of 2 h ends in 1001 whatever the traffic', async () => {
    const time = { now: 1_000_000 };
    const { started, ws, closed } = await connected({
      clock: { now: () => time.now },
      limits: { sweepMilliseconds: 5 },
    });
    time.now += 2 * 3_600_000 - 1;
    ws.send('still here');
    await started.messages.next();
    await sweeps();
    expect(started.gateway.size()).toBe(1);
    time.now += 1;
    expect((await closed).code).toBe(1001);
  });

  /** Long enough for the 5 ms sweep to have come by. */
  function sweeps(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 25));
  }
});

describe('rule 7: routes, and what the gateway says itself', () => {
  const echo = { handler: async () => ({ statusCode: 200, body: 'answer' }) };

  test('a matching key takes its route, anything else $default', async () => {
    const custom = arrivals<string>();
    const started = await start({
      custom: {
        selection: 'action',
        routes: new Map([
          [
            'go',
            {
              handler: async (event) => {
                custom.push(event.requestContext.routeKey);
                return { statusCode: 200 };
              },
            },
          ],
        ]),
      },
    });
    const { ws } = await client(started.url);
    const bodies = ['{"action":"stay"}', 'no json', '{"action":5}', '[]', 'null', '{}'];
    ws.send('{"action":"go"}');
    expect(await custom.next()).toBe('go');
    for (const body of bodies) ws.send(body);
    for (const body of bodies) {
      const event = await started.messages.next();
      expect([event.body, event.requestContext.routeKey]).toEqual([body, '$default']);
    }
    expect(custom.all).toEqual(['go']);
  });

  test('without $default the client is told Forbidden', async () => {
    const { started, id, ws, texts } = await connected({ default: 'none' });
    ws.send('hello');
    const said = await texts.next();
    expect(said).toMatch(
      /^\{"message": "Forbidden", "connectionId":"[^"]+", "requestId":"[^"]+"\}$/,
    );
    expect(JSON.parse(said)).toMatchObject({ connectionId: id });
    expect(started.messages.all).toEqual([]);
  });

  test('a handler that throws, or takes too long, makes it say Internal server error', async () => {
    const throwing = await connected({ onMessage: () => Promise.reject(new Error('broken')) });
    throwing.ws.send('x');
    expect(JSON.parse(await throwing.texts.next())).toMatchObject({
      message: 'Internal server error',
    });
    const hanging = await connected({
      onMessage: () => new Promise(() => undefined),
      limits: { integrationMilliseconds: 10, sweepMilliseconds: 5 },
    });
    hanging.ws.send('x');
    expect(JSON.parse(await hanging.texts.next())).toMatchObject({
      message: 'Internal server error',
      connectionId: hanging.id,
    });
  });

  test('a queue that cannot take the message makes it say the same', async () => {
    const { ws, texts } = await connected({
      default: {
        enqueue: () => {
          throw new Error('full');
        },
      },
    });
    ws.send('x');
    expect(JSON.parse(await texts.next())).toMatchObject({ message: 'Internal server error' });
  });

  test('the body is sent only where the route has a response, and a statusCode never', async () => {
    const mute = await connected({ default: echo });
    mute.ws.send('x');
    mute.ws.send('y');
    expect(mute.started.gateway.management.post(mute.id, text('posted'))).toBe(200);
    expect(await mute.texts.next()).toBe('posted');
    const speaking = await connected({ default: { ...echo, responds: true } });
    speaking.ws.send('x');
    expect(await speaking.texts.next()).toBe('answer');
    const failing = await connected({ onMessage: () => ({ statusCode: 500, body: 'hidden' }) });
    failing.ws.send('x');
    await failing.started.messages.next();
    expect(failing.started.gateway.management.post(failing.id, text('only this'))).toBe(200);
    expect(await failing.texts.next()).toBe('only this');
  });
});

describe('rule 8: messages of one connection are dispatched side by side', () => {
  test('the second starts while the first is still running', async () => {
    const gate = arrivals<void>();
    const { started, ws } = await connected({
      onMessage: async () => {
        await gate.next();
        return { statusCode: 200 };
      },
    });
    ws.send('first');
    ws.send('second');
    expect((await started.messages.next()).body).toBe('first');
    expect((await started.messages.next()).body).toBe('second');
    gate.push();
    gate.push();
  });

  test('shuffled jitter lets them overtake each other, and a seed repeats the order', async () => {
    const sent = Array.from({ length: 12 }, (_, index) => String(index));
    const orders: string[][] = [];
    for (const seed of [7, 7]) {
      const { started, ws } = await connected({
        jitter: { type: 'shuffled', milliseconds: 120, seed },
      });
      for (const body of sent) ws.send(body);
      const order: string[] = [];
      for (const _ of sent) order.push((await started.messages.next()).body);
      orders.push(order);
    }
    expect(orders[0]).not.toEqual(sent);
    expect([...(orders[0] ?? [])].sort()).toEqual([...sent].sort());
    expect(orders[1]).toEqual(orders[0]);
  });

  test('fixed jitter delays all alike', async () => {
    const { started, ws } = await connected({ jitter: { type: 'fixed', milliseconds: 20 } });
    const before = Date.now();
    ws.send('a');
    ws.send('b');
    expect((await started.messages.next()).body).toBe('a');
    expect((await started.messages.next()).body).toBe('b');
    expect(Date.now() - before).toBeGreaterThanOrEqual(18);
  });

  test('into the queue they go in the order they came', async () => {
    const queued = arrivals<IngressEvent & { text: string }>();
    const { id, ws } = await connected({
      default: {
        enqueue: (event) => queued.push({ ...event, text: Buffer.from(event.body).toString() }),
      },
    });
    for (const body of ['a', 'b', 'c']) ws.send(body);
    const events = [await queued.next(), await queued.next(), await queued.next()];
    expect(events.map((event) => event.text)).toEqual(['a', 'b', 'c']);
    expect(events[0]).toMatchObject({ connectionId: id, eventType: 'MESSAGE' });
    expect(new Set(events.flatMap(({ requestId, messageId }) => [requestId, messageId])).size).toBe(
      6,
    );
  });
});

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

describe('rule 11: rates and faults on demand', () => {
  test('connects beyond the rate are refused with 429', async () => {
    const time = { now: 1_000_000 };
    const started = await start({
      clock: { now: () => time.now },
      limits: { connectsPerSecond: 2 },
    });
    await client(started.url);
    await client(started.url);
    expect(await refusal(started.url)).toBe(429);
    time.now += 500;
    await client(started.url);
  });

  test('messages and posts share one bucket of requests', async () => {
    const time = { now: 1_000_000 };
    const { started, id, ws, texts } = await connected({
      clock: { now: () => time.now },
      limits: { requestsPerSecond: 1, requestsBurst: 3 },
    });
    ws.send('second of three');
    await started.messages.next();
    expect(started.gateway.management.post(id, text('third'))).toBe(200);
    expect(await texts.next()).toBe('third');
    expect(started.gateway.management.post(id, text('fourth'))).toEqual({
      status: 429,
      reason: 'rate',
    });
    ws.send('fifth');
    expect(JSON.parse(await texts.next())).toMatchObject({ message: 'Too Many Requests' });
    time.now += 1000;
    expect(started.gateway.management.post(id, text('later'))).toBe(200);
  });

  test('both are off unless asked for', async () => {
    const { started, id } = await connected();
    const payload = text('x');
    const answers = new Set<unknown>();
    for (let count = 0; count < 20_000; count++) {
      answers.add(started.gateway.management.post(id, payload));
      if (count % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answers).toEqual(new Set([200]));
  });

  test.each([
    ['postGone', 410],
    ['postThrottled', { status: 429, reason: 'rate' }],
    ['postSlow', { status: 429, reason: 'buffer' }],
    ['postFailed', 500],
  ])('%s answers as it says and sends nothing', async (fault, answer) => {
    const { started, id, texts } = await connected({ faults: { seed: 5, [fault]: 0.5 } });
    const answers = Array.from({ length: 40 }, (_, index) =>
      started.gateway.management.post(id, text(String(index))),
    );
    const sent = answers.flatMap((each, index) => (each === 200 ? [String(index)] : []));
    expect(sent.length).toBeGreaterThan(5);
    expect(sent.length).toBeLessThan(35);
    expect(answers.filter((each) => each !== 200)).toEqual(
      Array.from({ length: 40 - sent.length }, () => answer),
    );
    for (const expected of sent) expect(await texts.next()).toBe(expected);
  });

  test('the same seed gives the same faults', async () => {
    const runs = [];
    for (const seed of [11, 11, 12]) {
      const { started, id } = await connected({ faults: { seed, postGone: 0.5 } });
      runs.push(
        Array.from({ length: 64 }, () => started.gateway.management.post(id, text('x'))).join(),
      );
    }
    expect(runs[1]).toBe(runs[0]);
    expect(runs[2]).not.toBe(runs[0]);
  });

  test('slow posts may overtake each other', async () => {
    const { started, id, texts } = await connected({ faults: { seed: 2, postMilliseconds: 60 } });
    const sent = Array.from({ length: 10 }, (_, index) => String(index));
    const answers = await Promise.all(
      sent.map((each) => started.gateway.management.post(id, text(each))),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    const heard: string[] = [];
    for (const _ of sent) heard.push(await texts.next());
    expect(heard).not.toEqual(sent);
    expect([...heard].sort()).toEqual(sent);
  });

  test('an invocation may happen twice, or not at all', async () => {
    const twice = await connected({ faults: { seed: 1, invocationTwice: 1 } });
    twice.ws.send('again');
    const first = await twice.started.messages.next();
    expect(await twice.started.messages.next()).toEqual(first);
    let admit = true;
    const lost = await start({
      faults: { seed: 1, invocationLost: 1 },
      onConnect: () => {
        admit = false;
        return { statusCode: 200 };
      },
    });
    expect(await refusal(lost.url)).toBe(502);
    expect(admit).toBe(true);
  });
});

test('thousands of connections that reset leave nothing behind', async () => {
  const started = await start();
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(Array.from({ length: 40 }, () => client(started.url)));
    for (const { ws } of clients) ws.terminate();
    for (const _ of clients) await started.disconnects.next();
  }
  expect(started.gateway.size()).toBe(0);
  expect(started.disconnects.all).toHaveLength(200);
});

function text(content: string): Uint8Array {
  return Buffer.from(content);
}

async function connected(options: TestOptions = {}) {
  const started = await start(options);
  const { ws, texts, closed } = await client(started.url);
  const { requestContext } = await started.connects.next();
  return { started, id: requestContext.connectionId, ws, texts, closed };
}
