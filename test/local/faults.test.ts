/** Rule 11 of the gateway: rates, and faults on demand. */
import { client, closeAll, connected, refusal, start, text } from './gateway.ts';

afterEach(closeAll);

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
