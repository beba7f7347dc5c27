/** Rules 5, 7 and 8 of the gateway: what comes in, and where it goes. */
import type { IngressEvent } from '../../broker/ports.ts';
import {
  arrivals,
  client,
  clientFrame,
  closeAll,
  connected,
  rawClient,
  start,
  text,
} from './gateway.ts';

afterEach(closeAll);

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
      const started = await start({ jitter: { type: 'shuffled', milliseconds: 120, seed } });
      const { socket } = await rawClient(started.port);
      // In one write: each waits from when it came, which on a busy machine is not at one moment.
      socket.write(Buffer.concat(sent.map((body) => clientFrame(1, Buffer.from(body)))));
      const order: string[] = [];
      for (const _ of sent) order.push((await started.messages.next()).body);
      orders.push(order);
      socket.destroy();
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
