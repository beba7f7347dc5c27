import { CONNECT, frame, leave, makeWorld } from './world.ts';

const subscribe = (destination: string, id = '1', more: string[] = []) =>
  frame('SUBSCRIBE', [`id:${id}`, `destination:${destination}`, ...more]);
const send = (destination: string, body = 'hi', more: string[] = []) =>
  frame('SEND', [`destination:${destination}`, ...more], body);
const count = (text: string, part: string) => text.split(part).length - 1;

async function connected(world: ReturnType<typeof makeWorld>, id: string) {
  const client = await world.client(id);
  await client.send(CONNECT);
  expect(client.heard()).toMatch(/^CONNECTED\n/);
  return client;
}

test('CONNECT, SUBSCRIBE and SEND in one message are done in order, answered in order', async () => {
  const world = makeWorld();
  const client = await world.client('a');
  await client.send(CONNECT + subscribe('/topic/x', '1', ['receipt:r1']) + send('/topic/x'));
  const heard = client.heard();
  const order = ['CONNECTED\n', 'receipt-id:r1', 'MESSAGE\n'].map((part) => heard.indexOf(part));
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order).not.toContain(-1);
});

test('a burst of SENDs in one batch is one post per subscriber, in order', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  const writer = await connected(world, 'writer');
  await reader.send(subscribe('/topic/x'));
  await writer.send(...['1', '2', '3', '4'].map((body) => send('/topic/x', `body-${body}`)));
  expect(world.posts.get('reader')).toHaveLength(1);
  expect(reader.heard().match(/body-\d/g)).toEqual(['body-1', 'body-2', 'body-3', 'body-4']);
});

test('SENDs of several connections in one batch share the post of a subscriber', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  await connected(world, 'w1');
  await connected(world, 'w2');
  await world.deliver([
    world.record('w1', send('/topic/x', 'one')),
    world.record('w2', send('/topic/x', 'two')),
  ]);
  expect(world.posts.get('reader')).toHaveLength(1);
  expect(count(reader.heard(), 'MESSAGE\n')).toBe(2);
});

test('the RECEIPT of a SEND leaves after the message', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send(subscribe('/topic/x') + send('/topic/x', 'hi', ['receipt:r']));
  const heard = client.heard();
  expect(heard.indexOf('MESSAGE\n')).toBeLessThan(heard.indexOf('receipt-id:r'));
});

test('a repeated batch gives the same message-id and subscribes once', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  const records = [
    world.record('a', subscribe('/topic/x')),
    world.record('a', send('/topic/x', 'hi')),
  ];
  await world.deliver(records);
  const first = client.heard();
  await world.deliver(records);
  expect(client.heard()).toBe(first);
  expect(count(first, 'MESSAGE\n')).toBe(1);
});

test('a repeated CONNECT batch is answered again, a second CONNECT is refused', async () => {
  const world = makeWorld();
  const client = await world.client('a');
  const records = [world.record('a', CONNECT)];
  await world.deliver(records);
  await world.deliver(records);
  expect(count(client.heard(), 'CONNECTED\n')).toBe(2);
  await client.send(CONNECT);
  expect(client.heard()).toContain('code:protocol-violation');
  expect(world.closed).toContain('a');
});

test('SEND before CONNECT is refused, closed and delivered to nobody', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const stranger = await world.client('stranger');
  await stranger.send(send('/topic/x'));
  expect(stranger.heard()).toContain('code:not-connected');
  expect(world.closed).toContain('stranger');
  expect(reader.heard()).toBe('');
});

test('what came before a fault is done, what comes after is not', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const client = await connected(world, 'a');
  await client.send(
    send('/topic/x', 'before', ['receipt:r1']) +
      frame('SEND', ['receipt:r2'], 'no destination') +
      send('/topic/x', 'after'),
  );
  const heard = reader.heard();
  expect(heard).toContain('before');
  expect(heard).not.toContain('after');
  const told = client.heard();
  expect(told).toContain('receipt-id:r1');
  expect(told).toContain('ERROR\n');
  expect(told).toContain('receipt-id:r2');
  expect(told.indexOf('receipt-id:r1')).toBeLessThan(told.indexOf('ERROR\n'));
});

test('nothing follows an ERROR: the subscriptions are gone before it is read', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send(subscribe('/topic/x') + send('/nowhere'));
  expect(client.heard()).toContain('code:destination-invalid');
  const other = await connected(world, 'b');
  await other.send(send('/topic/x'));
  expect(client.heard()).toBe('');
});

test.each([
  ['BEGIN', frame('BEGIN', ['transaction:t'])],
  ['COMMIT', frame('COMMIT', ['transaction:t'])],
  ['ABORT', frame('ABORT', ['transaction:t'])],
  ['a queue', send('/queue/x')],
])('%s is answered with a fatal not-supported', async (_, text) => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send(text);
  expect(client.heard()).toContain('code:not-supported');
  expect(world.closed).toContain('a');
});

test.each([
  ['/exchange/amq.topic/x', 'The nearest is'],
  ['nowhere', 'There is no destination'],
  ['/topic/a..b', 'empty segment'],
  ['/topic/a.*', 'Cannot send to the pattern'],
  [`/topic/${'x'.repeat(600)}`, 'too long'],
  ['/topic/1.2.3.4.5.6.7.8.9', 'too many segments'],
])('SEND to %s is refused in words', async (destination, words) => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send(send(destination));
  const heard = client.heard();
  expect(heard).toContain('code:destination-invalid');
  expect(heard).toContain(words);
});

test('a frame split over messages is put together, one octet at a time', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send(subscribe('/topic/x'));
  for (const octet of send('/topic/x', 'split\n\nbody')) await client.send(octet);
  expect(client.heard()).toContain('split\n\nbody');
});

test('CONNECT in three messages is answered once it is whole', async () => {
  const world = makeWorld();
  const client = await world.client('a');
  await client.send(CONNECT.slice(0, 5));
  await client.send(CONNECT.slice(5, 20));
  expect(client.heard()).toBe('');
  await client.send(CONNECT.slice(20));
  expect(client.heard()).toMatch(/^CONNECTED/);
});

test('half a frame that never ends is refused in words', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  await client.send('SEND\ndestination:/topic/x\n\nno end');
  world.pass(31_000);
  await client.send('more');
  expect(client.heard()).toContain('came too late');
  expect(world.closed).toContain('a');
});

test('half a frame larger than the bound is refused in words', async () => {
  const world = makeWorld({ limits: { halfBytesMax: 1000 } });
  const client = await connected(world, 'a');
  await client.send(`SEND\ndestination:/topic/x\n\n${'x'.repeat(900)}`);
  await client.send('x'.repeat(200));
  expect(client.heard()).toContain('code:frame-too-large');
});

test('a heart-beat costs no store access at all', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  world.counting.reset();
  await client.send('\n');
  await client.send('\r\n');
  const { calls } = world.counting.counts();
  expect(Object.values(calls).reduce((sum, one) => sum + one, 0)).toBe(0);
});

test('a subscription flood ends with words at the limit, the others stand', async () => {
  const world = makeWorld({ limits: { subscriptionsPerConnectionMax: 3 } });
  const other = await connected(world, 'other');
  await other.send(subscribe('/topic/x'));
  const client = await connected(world, 'a');
  for (const id of ['1', '2', '3', '4']) await client.send(subscribe('/topic/x', id));
  expect(client.heard()).toContain('code:too-many-subscriptions');
  expect(world.closed).toContain('a');
  const writer = await connected(world, 'w');
  await writer.send(send('/topic/x'));
  expect(other.heard()).toContain('MESSAGE\n');
});

test('DISCONNECT is receipted, then closed; frames behind it have no effect', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const client = await connected(world, 'a');
  await client.send(frame('DISCONNECT', ['receipt:bye']) + send('/topic/x'));
  expect(client.heard()).toContain('receipt-id:bye');
  expect(world.closed).toContain('a');
  await client.send(send('/topic/x'));
  expect(reader.heard()).toBe('');
});

test('SENDs that $disconnect overtook still run; a SUBSCRIBE does not', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const client = await connected(world, 'a');
  await leave(world, 'a');
  await client.send(subscribe('/topic/x') + send('/topic/x', 'late'));
  expect(reader.heard()).toContain('late');
  expect(client.heard()).toBe('');
});

test('a lost connection that goes on speaking is cut, so that its client comes back', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const client = await connected(world, 'a');
  await leave(world, 'a');
  const underWay = world.record('a', send('/topic/x', 'under way'));
  world.pass(2_000);
  await world.deliver([underWay, world.record('a', send('/topic/x', 'later'))]);
  expect(reader.heard()).toMatch(/under way(?![\s\S]*later)/);
  expect(client.heard()).toBe('');
  expect(world.closed).toEqual(new Set(['a']));
});

test('of many connections in the midst of a frame the latest are remembered', async () => {
  const world = makeWorld({ limits: { halvesRememberedMax: 2 } });
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/x'));
  const clients = [];
  for (const id of ['gone', 'also gone', 'c', 'd']) clients.push(await connected(world, id));
  for (const { send: say } of clients) await say('SEND\ndestination:/topic/x\n');
  for (const { send: say, id } of clients.slice(2)) {
    await say('\n');
    await say(`of ${id}\0`);
  }
  expect(reader.heard().match(/of \w/g)).toEqual(['of c', 'of d']);
});

test('a message of an unknown connection cuts it', async () => {
  const world = makeWorld();
  await world.deliver([world.record('nobody', send('/topic/x'))]);
  expect(world.closed).toContain('nobody');
});

test('JSON carries on after an ERROR, and needs no CONNECT', async () => {
  const world = makeWorld();
  const client = await world.client('a');
  await client.send('{"subscribe":"/nowhere"}');
  expect(client.heard()).toContain('"code":"destination-invalid"');
  await client.send('{"subscribe":"/topic/x"}', '{"send":"/topic/x","body":{"n":1}}');
  const heard = client.heard();
  expect(heard).toContain('"RECEIPT"');
  expect(heard).toContain('"body":{"n":1}');
  expect(world.closed).not.toContain('a');
});

test('a line that is neither STOMP nor JSON gets a hint to paste', async () => {
  const world = makeWorld();
  const client = await world.client('a');
  await client.send('hello?');
  expect(client.heard()).toContain('subscribe');
  expect(world.closed).not.toContain('a');
});

test('STOMP and JSON hear each other', async () => {
  const world = makeWorld();
  const stomp = await connected(world, 's');
  const json = await world.client('j', { protocol: 'json.stompway' });
  await stomp.send(subscribe('/topic/x'));
  await json.send('{"subscribe":"/topic/x"}');
  await stomp.send(send('/topic/x', 'from stomp'));
  await json.send('{"send":"/topic/x","body":"from json"}');
  for (const client of [stomp, json]) {
    const heard = client.heard();
    expect(heard).toContain('from stomp');
    expect(heard).toContain('from json');
  }
});

test('a stale connection among 1,000 keeps nobody waiting and is forgotten', async () => {
  const world = makeWorld();
  const readers = [];
  for (let n = 0; n < 1000; n++) {
    const reader = await connected(world, `r${n}`);
    await reader.send(subscribe('/topic/x'));
    readers.push(reader);
  }
  const writer = await connected(world, 'w');
  world.pass(60_000);
  world.closed.add('r500');
  await writer.send(send('/topic/x'));
  const heard = readers.filter((reader) => reader.heard().includes('MESSAGE\n'));
  expect(heard).toHaveLength(999);
  expect(await world.ports.store.subscriptions('r500')).toEqual([]);
  expect((await world.ports.store.find('r500'))?.connection.ended).toBe('lost');
});

test('one flooder beside 100 quiet clients: theirs arrive, its connection ends with words', async () => {
  const world = makeWorld();
  await connected(world, 'flooder');
  const reader = await connected(world, 'reader');
  await reader.send(subscribe('/topic/quiet'));
  for (let n = 0; n < 100; n++) await connected(world, `q${n}`);
  const behind = { epoch: world.ports.clock.now() - 6000 };
  for (let n = 0; n < 100; n++) {
    await world.deliver([
      ...[1, 2, 3].map(() => world.record('flooder', send('/topic/flood'), behind)),
      world.record(`q${n}`, send('/topic/quiet', `from-${n}.`)),
    ]);
  }
  const heard = reader.heard();
  for (let n = 0; n < 100; n++) expect(heard).toContain(`from-${n}.`);
  expect(world.posts.get('flooder')?.join('')).toContain('code:rate-limited');
  expect(world.closed).toContain('flooder');
});

test('a live connection that once answered 410 is cut, not forgotten in silence', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'r');
  await reader.send(subscribe('/topic/x'));
  const writer = await connected(world, 'w');
  world.pass(60_000);
  world.answers.set('r', [410]);
  await writer.send(send('/topic/x'));
  expect(world.closed).toContain('r');
});

test('a newborn that answers 410 is asked again', async () => {
  const world = makeWorld();
  const reader = await connected(world, 'r');
  await reader.send(subscribe('/topic/x'));
  world.answers.set('r', [410, 410]);
  const writer = await connected(world, 'w');
  await writer.send(send('/topic/x'));
  expect(reader.heard()).toContain('MESSAGE\n');
  expect(world.closed).not.toContain('r');
});

test('a connection more than five seconds behind ends with words, others do not notice', async () => {
  const world = makeWorld();
  await connected(world, 'flooder');
  const quiet = await connected(world, 'quiet');
  await quiet.send(subscribe('/topic/x'));
  const late = world.record('flooder', send('/topic/x'), {
    epoch: world.ports.clock.now() - 6000,
  });
  await world.deliver([late, world.record('quiet', send('/topic/x', 'mine'))]);
  expect(world.posts.get('flooder')?.join('')).toContain('code:rate-limited');
  expect(world.closed).toContain('flooder');
  expect(quiet.heard()).toContain('mine');
});

test('an undecodable record is answered, logged, and not retried', async () => {
  const world = makeWorld();
  const client = await connected(world, 'a');
  const result = await world.deliver([world.record('a', '', { body: 'no dot' })]);
  expect(result.batchItemFailures).toEqual([]);
  expect(client.heard()).toContain('code:ingress-unreadable');
  expect(world.logged.join()).toContain('ingress-unreadable');
});

test('a fault of ours is told without a word of what it was, and ends that connection alone', async () => {
  let broken = false;
  const world = makeWorld({
    wrapStore: (store) => ({
      ...store,
      subscribe: (...given) => {
        if (broken) throw new Error('secret inside');
        return store.subscribe(...given);
      },
    }),
  });
  const victim = await connected(world, 'victim');
  const other = await connected(world, 'other');
  await other.send(subscribe('/topic/x'));
  broken = true;
  await world.deliver([
    world.record('victim', subscribe('/topic/x')),
    world.record('other', send('/topic/x', 'unharmed')),
  ]);
  const told = victim.heard();
  expect(told).toContain('code:internal');
  expect(told).not.toContain('secret');
  expect(world.logged.join()).toContain('secret inside');
  expect(other.heard()).toContain('unharmed');
});

test('what cannot even be told is handed back to the queue', async () => {
  let broken = false;
  const world = makeWorld({
    wrapStore: (store) => ({
      ...store,
      find: async (id) => {
        if (broken && id === 'victim') throw new Error('down');
        return store.find(id);
      },
    }),
  });
  await connected(world, 'victim');
  const other = await connected(world, 'other');
  broken = true;
  const bad = world.record('victim', send('/topic/x'));
  const result = await world.deliver([bad, world.record('other', subscribe('/topic/x'))]);
  expect(result.batchItemFailures).toEqual([{ itemIdentifier: bad.messageId }]);
  await other.send(send('/topic/x'));
  expect(other.heard()).toContain('MESSAGE\n');
});

test('a destination that cannot be read costs only those who publish to it', async () => {
  const world = makeWorld({
    wrapStore: (store) => ({
      ...store,
      subscribers: async (destination, from) => {
        if (destination.canonical === '/topic/hot') throw new Error('throttled');
        return store.subscribers(destination, from);
      },
    }),
  });
  const victim = await connected(world, 'victim');
  const other = await connected(world, 'other');
  await other.send(subscribe('/topic/x'));
  const result = await world.deliver([
    world.record('victim', send('/topic/hot')),
    world.record('other', send('/topic/x', 'unharmed', ['receipt:r'])),
  ]);
  expect(result.batchItemFailures).toEqual([]);
  expect(victim.heard()).toContain('code:internal');
  expect(other.heard()).toMatch(/unharmed[\s\S]*receipt-id:r/);
  expect(world.closed).toEqual(new Set(['victim']));
});

test('who publishes beside a large audience does not wait for the rest of its pages', async () => {
  let release: () => void = () => undefined;
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  let tell: () => void = () => undefined;
  const receipted = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const world = makeWorld({
    wrapStore: (store) => ({
      ...store,
      subscribers: async (destination, from) => {
        if (destination.canonical !== '/topic/large') return store.subscribers(destination, from);
        if (from === 'rest') await rest;
        return { subscribers: [], ...(from === undefined ? { next: 'rest' } : {}) };
      },
    }),
    wrapOutbox: (outbox) => ({
      ...outbox,
      post: async (deliveries) => {
        const outcomes = await outbox.post(deliveries);
        const texts = deliveries.flatMap(({ posts }) => posts.map((post) => Buffer.from(post)));
        if (texts.some((text) => text.includes('receipt-id:r'))) tell();
        return outcomes;
      },
    }),
  });
  const loud = await connected(world, 'loud');
  const other = await connected(world, 'other');
  const handled = world.deliver([
    world.record('loud', send('/topic/large', 'x', ['receipt:large'])),
    world.record('other', send('/topic/x', 'y', ['receipt:r'])),
  ]);
  await receipted;
  expect(other.heard()).toContain('receipt-id:r');
  expect(loud.heard()).toBe('');
  release();
  await handled;
  expect(loud.heard()).toContain('receipt-id:large');
});

test('a gone subscriber that cannot be forgotten costs its publisher nothing', async () => {
  const world = makeWorld({
    wrapStore: (store) => ({
      ...store,
      end: async (id, ended) => {
        if (id === 'r') throw new Error('throttled');
        return store.end(id, ended);
      },
    }),
  });
  const reader = await connected(world, 'r');
  await reader.send(subscribe('/topic/x'));
  const writer = await connected(world, 'w');
  world.pass(60_000);
  world.closed.add('r');
  await writer.send(send('/topic/x', 'hi', ['receipt:done']));
  expect(writer.heard()).toContain('receipt-id:done');
  expect(world.closed).not.toContain('w');
  expect(world.logged.join()).toContain('cut-failed');
});
