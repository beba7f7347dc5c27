/** Floods and crowds of one user: bounded, and told so. */
import { jest } from '@jest/globals';
import { parseSecurity, SUBSCRIPTIONS_MAX } from '../../broker/identity-settings.ts';
import { LIMITS } from '../../broker/limits.ts';
import { bounded, makeRates } from '../../broker/rates.ts';
import { parseRules } from '../../broker/rules.ts';
import { guardPorts } from '../../lambda/guard.ts';
import { frame, makeWorld, type World } from '../broker/world.ts';
import { guarded, person } from './people.ts';

const PEOPLE = { ann: person('ann', '/**'), bob: person('bob', '/**') };

function world(limits: Parameters<typeof makeRates>[0]) {
  const extend = guarded(PEOPLE);
  return makeWorld({
    rooms: true,
    extend: (ports) => ({ ...extend(ports), rates: makeRates(limits, ports.clock) }),
  });
}

test('a connection that sends faster than it may is told when to come back, and ends', async () => {
  const at = world({ messagesPerSecond: 10 });
  const ann = await at.client('ann', { protocol: 'v12.stomp' });
  await ann.send(frame('CONNECT', ['accept-version:1.2', 'passcode:ann']));
  const sends = (count: number) =>
    ann.send(frame('SEND', ['destination:/topic/a'], 'x').repeat(count));
  await sends(10);
  at.pass(1000);
  await sends(10);
  expect(ann.heard()).not.toContain('ERROR');
  await sends(1);
  expect(ann.heard()).toMatch(/code:rate-limited[\s\S]*retry-after:1/);
  expect(at.closed.has('ann')).toBe(true);
});

test('what is sent over a second and handled late is not too fast for having waited', async () => {
  const at = world({ messagesPerSecond: 10 });
  const ann = await at.client('ann', { protocol: 'v12.stomp' });
  await ann.send(frame('CONNECT', ['accept-version:1.2', 'passcode:ann']));
  const now = at.ports.clock.now();
  at.pass(3_000);
  const send = frame('SEND', ['destination:/topic/a'], 'x');
  const records = [0, 1_000, 2_000].map((later) =>
    at.record('ann', send.repeat(10), { epoch: now + later }),
  );
  await at.deliver(records);
  expect(ann.heard()).not.toContain('ERROR');
  await at.deliver([at.record('ann', send, { epoch: now + 2_000 })]);
  expect(ann.heard()).toContain('rate-limited');
});

test('a message given again is not counted again', async () => {
  const at = world({ messagesPerSecond: 2 });
  const ann = await at.client('ann', { protocol: 'v12.stomp' });
  await ann.send(frame('CONNECT', ['accept-version:1.2', 'passcode:ann']));
  const send = frame('SEND', ['destination:/topic/a'], 'x').repeat(2);
  await at.deliver([at.record('ann', send)]);
  await at.deliver([at.record('ann', send, { received: 2 })]);
  expect(ann.heard()).not.toContain('ERROR');
});

test('octets are counted beside messages, and a large one takes its time afterwards', async () => {
  const at = world({ bytesPerSecond: 1_000 });
  const ann = await at.client('ann', { protocol: 'v12.stomp' });
  await ann.send(frame('CONNECT', ['accept-version:1.2', 'passcode:ann']));
  const send = (octets: number) =>
    ann.send(frame('SEND', ['destination:/topic/a'], 'x'.repeat(octets)));
  await send(5_000);
  at.pass(4_000);
  expect(ann.heard()).not.toContain('ERROR');
  at.pass(1_000);
  await send(1_000);
  expect(ann.heard()).not.toContain('ERROR');
  await send(5_000);
  expect(ann.heard()).toMatch(/code:rate-limited[\s\S]*retry-after:1/);
});

describe('a rule bounds a destination, whoever sends there', () => {
  const ruled = (limits: object) => {
    const extend = guarded(PEOPLE);
    const rules = parseRules([
      { pattern: '/queue/jobs', limits },
      ...('depth' in limits ? [] : [{ pattern: '/topic/a', limits }]),
    ]);
    return makeWorld({
      rooms: true,
      rules,
      extend: (ports) => ({ ...extend(ports), rates: makeRates({}, ports.clock) }),
    });
  };
  const enter = async (at: World, id: string, token: string) => {
    const client = await at.client(id, { protocol: 'json.stompway' });
    await client.send(JSON.stringify({ connect: true, passcode: token }));
    client.heard();
    return client;
  };

  test('its rate: the one that is too many hears when to come again, and the connection goes on', async () => {
    const at = ruled({ messagesPerSecond: 3, bytesPerSecond: 100 });
    const [ann, bob] = [await enter(at, '1', 'ann'), await enter(at, '2', 'bob')];
    const send = '{"send":"/topic/a","body":"x"}';
    await ann.send(send, send);
    await bob.send(send, send);
    expect(ann.heard()).toBe('');
    expect(bob.heard()).toMatch(/"code":"destination-busy"[^}]*"retry-after":"1"/);
    await bob.send('{"send":"/topic/b","body":"x"}');
    at.pass(1_000);
    await bob.send(send);
    await ann.send(`{"send":"/topic/a","body":"${'y'.repeat(300)}"}`);
    expect(ann.heard()).toContain('destination-busy');
    expect(bob.heard()).toBe('');
    expect(at.closed.size).toBe(0);
  });

  test('a queue holds its depth and no more, until somebody consumes', async () => {
    const at = ruled({ depth: 5 });
    const ann = await enter(at, '1', 'ann');
    const send = '{"send":"/queue/jobs","body":"x"}';
    for (let n = 0; n < 5; n++) await ann.send(send);
    expect(ann.heard()).toBe('');
    await at.pump();
    at.pass(2_000);
    await ann.send(send);
    expect(ann.heard()).toMatch(/"code":"queue-full"[^}]*"retry-after":"5"/);
    const bob = await enter(at, '2', 'bob');
    await bob.send('{"subscribe":"/queue/jobs"}');
    await at.pump();
    expect(bob.heard().match(/MESSAGE/g)).toHaveLength(5);
    at.pass(2_000);
    await ann.send(send);
    expect(ann.heard()).toBe('');
  });

  test('what consumers hold unacknowledged counts, and settling it makes room', async () => {
    const at = ruled({ depth: 2 });
    const [ann, bob] = [await enter(at, '1', 'ann'), await enter(at, '2', 'bob')];
    await bob.send('{"subscribe":"/queue/jobs","ack":"client-individual"}');
    await at.pump();
    const send = '{"send":"/queue/jobs","body":"x"}';
    await ann.send(send, send);
    await at.pump();
    const acks = [...bob.heard().matchAll(/"ack":"([^"]+)"/g)].map(([, ack]) => ack);
    expect(acks).toHaveLength(2);
    at.pass(2_000);
    await ann.send(send);
    expect(ann.heard()).toContain('queue-full');
    await bob.send(JSON.stringify({ ack: acks[0] }));
    await at.pump();
    at.pass(2_000);
    await ann.send(send);
    expect(ann.heard()).toBe('');
  });

  test('its depth is read once a second, however much is sent', async () => {
    const at = ruled({ depth: 1_000 });
    const ann = await enter(at, '1', 'ann');
    const { shelf } = at.ports.logs ?? {};
    if (shelf === undefined) throw new Error('no shelves');
    const read = jest.spyOn(shelf, 'read');
    const send = '{"send":"/queue/jobs","body":"x"}';
    await ann.send(...Array.from({ length: 10 }, () => send));
    await ann.send(...Array.from({ length: 10 }, () => send));
    expect(read.mock.calls.filter(([name]) => name === '/queue/jobs')).toHaveLength(1);
    at.pass(1_000);
    await ann.send(send);
    expect(read.mock.calls.filter(([name]) => name === '/queue/jobs')).toHaveLength(2);
  });

  test.each([
    [{ depth: 0 }, 'rules[0].limits.depth must be a whole number from 1'],
    [{ deep: 1 }, 'rules[0].limits has an unknown key "deep"'],
    [[], 'rules[0].limits must be an object'],
  ])('%j is refused in words', (limits, words) => {
    expect(() => parseRules([{ pattern: '/queue/*', limits }])).toThrow(words);
  });
});

test('a connection is in as many rooms as it may be, and in no more', async () => {
  const at = world({ roomsPerConnection: 2 });
  const ann = await at.client('ann', { protocol: 'json.stompway' });
  await ann.send(JSON.stringify({ connect: true, passcode: 'ann' }));
  for (const room of ['a', 'b']) await ann.send(JSON.stringify({ subscribe: `/room/${room}` }));
  await ann.send('{"subscribe":"/topic/a"}');
  await at.pump();
  expect(ann.heard()).not.toContain('ERROR');
  await ann.send('{"subscribe":"/room/c"}');
  expect(ann.heard()).toMatch(/too-many-subscriptions[^}]*in 2 rooms|in 2 rooms[^}]*too-many/);
});

test('subscriptions are bounded by the operator, below the bound of the store', () => {
  expect(bounded(LIMITS, { subscriptionsPerConnection: 7 }).subscriptionsPerConnectionMax).toBe(7);
  expect(bounded(LIMITS, {}).subscriptionsPerConnectionMax).toBe(SUBSCRIPTIONS_MAX);
  const parse = (limits: object) => parseSecurity(new Map(Object.entries({ limits })));
  expect(() => parse({ subscriptionsPerConnection: 101 })).toThrow('100 at most');
  expect(() => parse({ bytesPerSecond: '1' })).toThrow('whole number');
});

test('on AWS a connection sends a thousand messages a second unless the operator says otherwise', () => {
  const clock = { now: () => 0 };
  const shelf = () => {
    throw new Error('no shelf is needed');
  };
  const of = (limits?: object) =>
    guardPorts(limits === undefined ? {} : { limits }, { clock, limits: LIMITS }, shelf).rates;
  const sent = { connectionId: 'c', user: undefined, bytes: 0, at: 0 };
  expect(of()?.take({ ...sent, messages: 1_000 })).toBe(0);
  const rates = of();
  rates?.take({ ...sent, messages: 1_000 });
  expect(rates?.take({ ...sent, messages: 1 })).toBe(1);
  expect(of({ messagesPerSecond: 2_000 })?.take({ ...sent, messages: 2_000 })).toBe(0);
});

test('what one rate refuses takes nothing from the others', () => {
  const rates = makeRates(
    { messagesPerSecond: 2, bytesPerSecond: 100, userMessagesPerSecond: 2, userBytesPerSecond: 50 },
    { now: () => 0 },
  );
  const sent = { connectionId: 'c', user: 'ann', messages: 1, at: 0 };
  expect(rates.take({ ...sent, bytes: 50 })).toBe(0);
  for (let n = 0; n < 10; n++) expect(rates.take({ ...sent, bytes: 50 })).toBe(1);
  expect(rates.take({ ...sent, bytes: 0 })).toBe(0);
  expect(rates.take({ ...sent, bytes: 0 })).toBe(1);
  const limits = { messagesPerSecond: 2, bytesPerSecond: 10 };
  expect(rates.takeAt('/topic/a', limits, 10, 0)).toBe(0);
  expect(rates.takeAt('/topic/a', limits, 10, 0)).toBe(1);
  expect(rates.takeAt('/topic/a', limits, 0, 0)).toBe(0);
});

test('those who send to a queue at one moment have the room that there is, and no more', async () => {
  let now = 0;
  const rates = makeRates({}, { now: () => now });
  const read = async () => 7;
  const all = () => Promise.all(Array.from({ length: 20 }, () => rates.takeDepth('q', 10, read)));
  expect((await all()).filter(Boolean)).toHaveLength(3);
  expect((await all()).filter(Boolean)).toHaveLength(0);
  const failing = () => Promise.reject(new Error('throttled'));
  now = 1_000;
  await expect(rates.takeDepth('q', 10, failing)).rejects.toThrow('throttled');
  expect((await all()).filter(Boolean)).toHaveLength(3);
});

test('a look at a queue’s depth that fails late takes nothing from what was seen since', async () => {
  let now = 0;
  const rates = makeRates({}, { now: () => now });
  let fail: (cause: Error) => void = () => undefined;
  const slow = new Promise<number>((_, reject) => {
    fail = reject;
  });
  const late = rates.takeDepth('q', 10, () => slow);
  now = 1_000;
  const read = async () => 9;
  expect(await rates.takeDepth('q', 10, read)).toBe(true);
  fail(new Error('throttled'));
  await expect(late).rejects.toThrow('throttled');
  expect(await rates.takeDepth('q', 10, read)).toBe(false);
});

test('a user’s rate counts all his connections, and nobody else’s', async () => {
  const at = world({ userMessagesPerSecond: 4 });
  const enter = async (id: string, token: string) => {
    const client = await at.client(id, { protocol: 'json.stompway' });
    await client.send(JSON.stringify({ connect: true, passcode: token }));
    client.heard();
    return client;
  };
  const [one, two, bob] = [
    await enter('1', 'ann'),
    await enter('2', 'ann'),
    await enter('3', 'bob'),
  ];
  const send = '{"send":"/topic/a","body":"x"}';
  await one.send(send, send);
  await two.send(send, send, send);
  expect(two.heard()).toContain('rate-limited');
  await bob.send(send, send, send);
  expect(bob.heard()).toBe('');
});

test('the connection that is one too many of its user is refused, and goes in once another is over', async () => {
  const at = world({ connectionsPerUser: 2 });
  const enter = async (id: string) => {
    const client = await at.client(id, { protocol: 'json.stompway' });
    await client.send(JSON.stringify({ connect: true, passcode: 'ann' }));
    return client.heard();
  };
  expect(await enter('1')).toContain('CONNECTED');
  expect(await enter('2')).toContain('CONNECTED');
  expect(await enter('3')).toContain('too many connections');
  await at.deliver([at.record('1', '{"disconnect":true}')]);
  expect(await enter('4')).toContain('CONNECTED');
});
