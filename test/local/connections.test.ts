/** Rules 4 and 6 of the gateway: `@connections`, idle and old ones, resets. */
import { once } from 'node:events';
import { arrivals, client, closeAll, connected, start, type TestGateway, text } from './gateway.ts';

afterEach(closeAll);

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
    // Never idle for ten minutes, for the sweep may come before what is said.
    for (const minutes of [...Array<number>(13).fill(9), 3]) {
      time.now += minutes * 60_000;
      if (minutes === 3) time.now -= 1;
      ws.send('still here');
      await started.messages.next();
    }
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

test('two hundred connections that reset leave nothing behind', async () => {
  const started = await start();
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(Array.from({ length: 40 }, () => client(started.url)));
    for (const { ws } of clients) ws.terminate();
    for (const _ of clients) await started.disconnects.next();
  }
  expect(started.gateway.size()).toBe(0);
  expect(started.disconnects.all).toHaveLength(200);
});
