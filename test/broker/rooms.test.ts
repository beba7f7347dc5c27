import { deliverLogs } from '../../broker/deliver.ts';
import { taskHandler } from '../../lambda/work.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { frames } from './frames.ts';
import { type Client, frame, leave, makeWorld, type World, type WorldOptions } from './world.ts';

const subscribe = (destination: string, more: string[] = [], id = '1') =>
  frame('SUBSCRIBE', [`id:${id}`, `destination:${destination}`, 'receipt:joined', ...more]);
const send = (destination: string, body: string, more: string[] = []) =>
  frame('SEND', [`destination:${destination}`, ...more], body);

const rooms = (options: WorldOptions = {}) => makeWorld({ rooms: true, ...options });

async function member(world: World, id: string, headers: string[] = []): Promise<Client> {
  const client = await world.client(id);
  await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h', ...headers]));
  client.heard();
  return client;
}

async function joined(world: World, id: string, room = '/room/x', headers: string[] = []) {
  const client = await member(world, id);
  await client.send(subscribe(room, headers));
  await world.pump();
  return client;
}

const bodies = (client: Client) =>
  frames(client.heard())
    .filter(({ command }) => command === 'MESSAGE')
    .map(({ body }) => body);

test('a SUBSCRIBE to a room is answered with its position, and MESSAGEs carry seq and epoch', async () => {
  const world = rooms();
  const client = await joined(world, 'a');
  const [receipt] = frames(client.heard());
  expect(receipt?.headers).toMatchObject({ 'receipt-id': 'joined', recovered: 'false' });
  expect(receipt?.headers['position']).toMatch(/^[0-9a-z]+:0$/);
  await client.send(send('/room/x', 'one') + send('/room/x', 'two'));
  await world.pump();
  const got = frames(client.heard());
  expect(got.map(({ headers }) => headers['seq'])).toEqual(['1', '2']);
  expect(got[0]?.headers['epoch']).toBe(receipt?.headers['position']?.split(':')[0]);
});

test('a user header called seq or epoch does not overrule ours', async () => {
  const world = rooms();
  const client = await joined(world, 'a');
  client.heard();
  await client.send(send('/room/x', 'one', ['seq:99', 'epoch:mine']));
  await world.pump();
  expect(frames(client.heard())[0]?.headers['seq']).toBe('1');
});

test('all members see one sequence, each batch in one post', async () => {
  const world = rooms();
  const a = await joined(world, 'a');
  const b = await joined(world, 'b');
  a.heard();
  b.heard();
  await a.send(send('/room/x', '1'), send('/room/x', '2'));
  await b.send(send('/room/x', '3'));
  await world.pump();
  expect(world.posts.get('a')).toHaveLength(1);
  expect(bodies(a)).toEqual(['1', '2', '3']);
  expect(bodies(b)).toEqual(['1', '2', '3']);
});

test('a join stands in the log: what was sent before it is not delivered, what follows is', async () => {
  const world = rooms();
  const writer = await member(world, 'w');
  await writer.send(send('/room/x', 'before'));
  const reader = await member(world, 'r');
  await reader.send(subscribe('/room/x'));
  await writer.send(send('/room/x', 'after'));
  await world.pump();
  const got = frames(reader.heard());
  expect(got.map(({ command, body }) => [command, body])).toEqual([
    ['RECEIPT', ''],
    ['MESSAGE', 'after'],
  ]);
});

test('resume gives what was missed, in order, and then live: recovered:true', async () => {
  const world = rooms();
  const writer = await member(world, 'w');
  const first = await joined(world, 'a');
  const position = frames(first.heard())[0]?.headers['position'];
  await leave(world, 'a');
  for (const body of ['1', '2', '3']) await writer.send(send('/room/x', body));
  await world.pump();
  const again = await member(world, 'a2');
  await again.send(subscribe('/room/x', [`since:${position}`]));
  await writer.send(send('/room/x', '4'));
  await world.pump();
  const got = frames(again.heard());
  expect(got[0]?.headers).toMatchObject({ recovered: 'true' });
  expect(got.slice(1).map(({ body }) => body)).toEqual(['1', '2', '3', '4']);
});

test('a resume beyond retention is recovered:false and nothing else', async () => {
  const world = rooms({ rules: [{ pattern: '/room/x', history: { count: 2 } }] });
  const writer = await member(world, 'w');
  const first = await joined(world, 'a');
  const position = frames(first.heard())[0]?.headers['position'];
  for (const body of ['1', '2', '3']) await writer.send(send('/room/x', body));
  await world.pump();
  const again = await joined(world, 'b', '/room/x', [`since:${position}`]);
  const got = frames(again.heard());
  expect(got).toHaveLength(1);
  expect(got[0]?.headers).toMatchObject({ recovered: 'false' });
});

test('a resume after the history has aged is recovered:false and nothing else', async () => {
  const world = rooms({ rules: [{ pattern: '/room/x', history: { age: '1m' } }] });
  const writer = await member(world, 'w');
  const first = await joined(world, 'a');
  const position = frames(first.heard())[0]?.headers['position'];
  await writer.send(send('/room/x', 'old'));
  await world.pump();
  world.pass(61_000);
  const again = await joined(world, 'b', '/room/x', [`since:${position}`]);
  expect(frames(again.heard()).map(({ headers }) => headers['recovered'])).toEqual(['false']);
});

test.each([
  ['an unknown epoch', 'since:nosuch:1'],
  ['a seq from the future', 'since:EPOCH:99'],
])('a resume from %s is recovered:false', async (_, header) => {
  const world = rooms();
  const first = await joined(world, 'a');
  const epoch = frames(first.heard())[0]?.headers['position']?.split(':')[0] ?? '';
  await first.send(send('/room/x', 'one'));
  await world.pump();
  const again = await joined(world, 'b', '/room/x', [header.replace('EPOCH', epoch)]);
  expect(frames(again.heard()).map(({ headers }) => headers['recovered'])).toEqual(['false']);
});

test.each([
  ['last:2', ['2', '3']],
  ['last:0', []],
  ['last:99', ['1', '2', '3']],
  ['after:2020-01-01T00:00:00Z', ['1', '2', '3']],
  ['after:2040-01-01T00:00:00Z', []],
])('history on subscribe: %s', async (header, expected) => {
  const world = rooms();
  const writer = await member(world, 'w');
  for (const body of ['1', '2', '3']) await writer.send(send('/room/x', body));
  await world.pump();
  const reader = await joined(world, 'r', '/room/x', [header]);
  expect(bodies(reader)).toEqual(expected);
});

test.each([
  ['since:7', 'is no position'],
  ['since:a:b', 'is no position'],
  ['last:-1', 'is no count'],
  ['last:1000000', 'is no count'],
  ['after:yesterday', 'is no time'],
])('%s is refused in words and leaves no subscription', async (header, words) => {
  const world = rooms();
  const client = await member(world, 'a');
  await client.send(subscribe('/room/x', [header]));
  const heard = client.heard();
  expect(heard).toContain('code:header-malformed');
  expect(heard).toContain(words);
  expect(await world.ports.store.subscriptions('a')).toEqual([]);
});

test.each(['/room/*', '/room/a/b', '/room/', '/presence/x', '/presence/room/*'])(
  '%s names no room',
  async (destination) => {
    const world = rooms();
    const client = await member(world, 'a');
    await client.send(subscribe(destination));
    expect(client.heard()).toContain('code:destination-invalid');
  },
);

test('a publish id sent twice is stored once, and receipted twice', async () => {
  const world = rooms();
  const client = await joined(world, 'a');
  client.heard();
  const twice = () => send('/room/x', 'once', ['publish-id:p1', 'receipt:r']);
  await client.send(twice());
  await client.send(twice());
  await world.pump();
  const got = frames(client.heard());
  expect(got.filter(({ command }) => command === 'RECEIPT')).toHaveLength(2);
  expect(got.filter(({ command }) => command === 'MESSAGE')).toHaveLength(1);
  expect(got.find(({ command }) => command === 'MESSAGE')?.headers).not.toHaveProperty(
    'publish-id',
  );
});

test('a batch that is retried appends only what is missing', async () => {
  const world = rooms();
  const client = await joined(world, 'a');
  client.heard();
  const records = [world.record('a', send('/room/x', 'one'))];
  await world.deliver(records);
  await world.pump();
  const again = records.map((record) => ({
    ...record,
    attributes: { ...record.attributes, ApproximateReceiveCount: '2' },
  }));
  await world.deliver([...again, world.record('a', send('/room/x', 'two'), { received: 2 })]);
  await world.pump();
  expect(bodies(client)).toEqual(['one', 'two']);
});

test('a stream record given again posts nothing again', async () => {
  const world = rooms();
  const client = await joined(world, 'a');
  client.heard();
  await client.send(send('/room/x', 'one'));
  const { stream } = world.journal;
  const read = await stream.read(await stream.committed(), 10);
  const records = read.map(({ record }) => record);
  await deliverLogs(records, world.ports);
  await deliverLogs(records, world.ports);
  expect(bodies(client)).toEqual(['one']);
});

test('a log that cannot be written costs only those who publish to it', async () => {
  const world = rooms({
    extend: (ports) => {
      const { logs } = ports;
      if (logs === undefined) return ports;
      const append: typeof logs.journal.append = async (log, entries) => {
        const full = log === '/room/full' && entries.some(({ type }) => type === 'message');
        if (full) throw new Error('throttled');
        return logs.journal.append(log, entries);
      };
      return { ...ports, logs: { ...logs, journal: { ...logs.journal, append } } };
    },
  });
  const victim = await member(world, 'victim');
  const other = await member(world, 'other');
  await world.deliver([
    world.record('victim', send('/room/full', 'x')),
    world.record('other', send('/room/x', 'y', ['receipt:stored'])),
  ]);
  expect(victim.heard()).toContain('code:internal');
  expect(other.heard()).toContain('receipt-id:stored');
});

test('a log that cannot be told holds no other log of its batch up', async () => {
  const world = rooms({
    limits: { logsAtOnceMax: 1 },
    wrapStore: (store) => ({
      ...store,
      subscribers: async (destination, from) => {
        if (destination.canonical === '/room/broken') throw new Error('no such row');
        return store.subscribers(destination, from);
      },
    }),
  });
  const reader = await member(world, 'r');
  await reader.send(send('/room/broken', 'lost') + subscribe('/room/x') + send('/room/x', 'heard'));
  await expect(world.pump()).rejects.toThrow('no such row');
  expect(bodies(reader)).toEqual(['heard']);
});

test('except:self spares the sender, to: reaches only the named, replay as well', async () => {
  const world = rooms();
  const a = await member(world, 'a', ['client-id:ann']);
  const b = await member(world, 'b', ['client-id:bob']);
  for (const client of [a, b]) await client.send(subscribe('/room/x'));
  await world.pump();
  a.heard();
  b.heard();
  await a.send(send('/room/x', 'not me', ['except:self']));
  await a.send(send('/room/x', 'ann only', ['to:ann']));
  await a.send(send('/room/x', 'not bob', ['except:bob']));
  await a.send(send('/room/x', 'all'));
  await world.pump();
  expect(bodies(a)).toEqual(['ann only', 'not bob', 'all']);
  expect(bodies(b)).toEqual(['not me', 'all']);
  const late = await member(world, 'c', ['client-id:bob']);
  await late.send(subscribe('/room/x', ['last:10']));
  await world.pump();
  expect(bodies(late)).toEqual(['not me', 'all']);
});

test.each([
  ['except', ['except:self'], []],
  ['a selector', ['colour:red'], ["selector:colour = 'red'"]],
])('what %s lets through is encoded once for all who get it', async (_name, header, wish) => {
  let encoded = 0;
  const world = rooms({
    extend: (ports) => {
      const message: typeof stompDialect.message = (...given) => {
        encoded++;
        return stompDialect.message(...given);
      };
      const stomp = { ...stompDialect, message };
      return { ...ports, dialects: new Map([...ports.dialects, [stomp.name, stomp]]) };
    },
  });
  const readers = [];
  for (let n = 0; n < 20; n++) {
    const reader = await joined(world, `r${n}`, '/room/x', wish);
    await reader.send(frame('SUBSCRIBE', ['id:2', 'destination:/topic/x', ...wish]));
    readers.push(reader);
  }
  const writer = await member(world, 'w');
  await writer.send(send('/room/x', 'one', header), send('/topic/x', 'two', header));
  await writer.send(send('/room/x', 'green', ['colour:green', 'to:nobody']));
  await world.pump();
  for (const reader of readers) expect(bodies(reader).sort()).toEqual(['one', 'two']);
  expect(encoded).toBe(2);
});

test('nothing published after the RECEIPT of an UNSUBSCRIBE is delivered', async () => {
  const world = rooms();
  const writer = await member(world, 'w');
  const reader = await joined(world, 'r');
  reader.heard();
  await reader.send(frame('UNSUBSCRIBE', ['id:1', 'receipt:left']));
  expect(reader.heard()).toContain('receipt-id:left');
  await writer.send(send('/room/x', 'later'));
  await world.pump();
  expect(bodies(reader)).toEqual([]);
});

test('an UNSUBSCRIBE that overtakes its own join in the stream wins', async () => {
  const world = rooms();
  const reader = await member(world, 'r');
  await reader.send(subscribe('/room/x') + frame('UNSUBSCRIBE', ['id:1']));
  await reader.send(send('/room/x', 'later'));
  await world.pump();
  expect(bodies(reader)).toEqual([]);
});

test('only members may send where the rule says so', async () => {
  const world = rooms({ rules: [{ pattern: '/room/*', publish: 'members' }] });
  const stranger = await member(world, 's');
  await stranger.send(send('/room/x', 'psst'));
  expect(stranger.heard()).toContain('code:forbidden');
  const inside = await joined(world, 'i');
  inside.heard();
  await inside.send(send('/room/x', 'hello'));
  await world.pump();
  expect(bodies(inside)).toEqual(['hello']);
});

test('a topic on the logged lane has history; a pattern hears it live', async () => {
  const world = rooms({ rules: [{ pattern: '/topic/orders.**', lane: 'logged' }] });
  const writer = await member(world, 'w');
  const pattern = await member(world, 'p');
  await pattern.send(subscribe('/topic/orders.*'));
  await writer.send(send('/topic/orders.eu', 'one'));
  await world.pump();
  expect(bodies(pattern)).toEqual(['one']);
  const late = await joined(world, 'l', '/topic/orders.eu', ['last:5']);
  expect(bodies(late)).toEqual(['one']);
});

test('a member that cannot be posted to is cut, and resumes', async () => {
  const world = rooms();
  const a = await joined(world, 'a');
  const b = await joined(world, 'b');
  const position = frames(a.heard())[0]?.headers['position'];
  b.heard();
  world.answers.set('a', Array(50).fill(500));
  await b.send(send('/room/x', 'missed'));
  await world.pump();
  expect(world.closed).toContain('a');
  expect(bodies(b)).toEqual(['missed']);
  await world.pump();
  const again = await joined(world, 'a2', '/room/x', [`since:${position}`]);
  expect(bodies(again)).toEqual(['missed']);
});

test('a room joined in the very moment of the end is left as well', async () => {
  let meanwhile: (() => Promise<void>) | undefined;
  const world = rooms({
    extend: (ports) => {
      const { logs } = ports;
      if (logs === undefined) return ports;
      const append: typeof logs.journal.append = async (log, entries) => {
        const act = entries.some(({ type }) => type === 'leave') ? meanwhile : undefined;
        if (act !== undefined) meanwhile = undefined;
        await act?.();
        return logs.journal.append(log, entries);
      };
      return { ...ports, logs: { ...logs, journal: { ...logs.journal, append } } };
    },
  });
  const client = await joined(world, 'a', '/room/old');
  meanwhile = async () => {
    await client.send(frame('SUBSCRIBE', ['id:2', 'destination:/room/new']));
    await world.pump();
  };
  await leave(world, 'a');
  await world.pump();
  world.pass(5_000);
  for (const { task } of world.tasks) await taskHandler(world.ports)(task);
  await world.pump();
  for (const room of ['/room/old', '/room/new']) {
    expect(await world.ports.logs?.roster.members(room, undefined, 10)).toEqual([]);
  }
});

describe('presence', () => {
  const presence = (client: Client) =>
    frames(client.heard())
      .filter(({ command }) => command === 'MESSAGE')
      .map(({ headers, body }) => [headers['presence'], JSON.parse(body)] as const);

  async function watcher(world: World) {
    const client = await member(world, 'watcher');
    await client.send(subscribe('/presence/room/x'));
    await world.pump();
    return client;
  }

  async function named(world: World, id: string, name: string) {
    const client = await member(world, id, [`client-id:${name}`]);
    await client.send(subscribe('/room/x'));
    await world.pump();
    return client;
  }

  /** What the delayed queue would do once the grace is over. */
  async function graceOver(world: World) {
    world.pass(3000);
    const run = taskHandler(world.ports);
    for (const { task } of world.tasks.splice(0)) await run(task);
    await world.pump();
  }

  test('a watcher gets the members, then joins and leaves', async () => {
    const world = rooms();
    await named(world, 'a', 'ann');
    const eye = await watcher(world);
    const b = await named(world, 'b', 'bob');
    await b.send(frame('UNSUBSCRIBE', ['id:1']));
    await world.pump();
    const events = presence(eye);
    expect(events.map(([kind]) => kind)).toEqual(['members', 'join', 'leave']);
    expect(events[0]?.[1].members).toMatchObject([{ member: 'ann' }]);
    expect(events[1]?.[1]).toMatchObject({ join: { member: 'bob' } });
    expect(events[2]?.[1]).toMatchObject({ leave: { member: 'bob' } });
  });

  test('a reload within the grace is not a leave', async () => {
    const world = rooms();
    await named(world, 'a', 'ann');
    const eye = await watcher(world);
    eye.heard();
    await leave(world, 'a');
    await world.pump();
    await named(world, 'a2', 'ann');
    await graceOver(world);
    expect(presence(eye)).toEqual([]);
  });

  test('a lost member is a leave once the grace is over, told once', async () => {
    const world = rooms();
    await named(world, 'a', 'ann');
    const eye = await watcher(world);
    eye.heard();
    await leave(world, 'a');
    await leave(world, 'a');
    await world.pump();
    expect(presence(eye)).toEqual([]);
    await graceOver(world);
    expect(presence(eye).map(([kind]) => kind)).toEqual(['leave']);
  });

  test('a member with two connections leaves with the last', async () => {
    const world = rooms();
    const first = await named(world, 'a', 'ann');
    const second = await named(world, 'a2', 'ann');
    const eye = await watcher(world);
    eye.heard();
    await first.send(frame('DISCONNECT'));
    await world.pump();
    expect(presence(eye)).toEqual([]);
    await second.send(frame('DISCONNECT'));
    await world.pump();
    expect(presence(eye).map(([kind]) => kind)).toEqual(['leave']);
  });

  test('a thousand members come in pages, with their count', async () => {
    const world = rooms();
    for (let n = 0; n < 1000; n++) await named(world, `m${n}`, `name-${n}`);
    const eye = await watcher(world);
    const pages = frames(eye.heard()).filter(({ headers }) => headers['presence'] === 'members');
    expect(pages[0]?.headers).toMatchObject({ members: '1000', page: '1/6' });
    const all = pages.flatMap(({ body }) => JSON.parse(body).members);
    expect(new Set(all.map(({ member }: { member: string }) => member)).size).toBe(1000);
  });

  test('presence is read-only', async () => {
    const world = rooms();
    const client = await member(world, 'a');
    await client.send(send('/presence/room/x', 'I am here'));
    expect(client.heard()).toContain('Presence is read-only');
  });
});

test('with coalesce a delivery waits out the window, so that the next batch is one post', async () => {
  const world = rooms({ rules: [{ pattern: '/room/x', coalesce: '50ms' }] });
  const a = await joined(world, 'a');
  a.heard();
  const before = world.ports.clock.now();
  await a.send(send('/room/x', '1'));
  await world.pump();
  expect(world.ports.clock.now() - before).toBe(50);
  await a.send(send('/room/x', '2'));
  await a.send(send('/room/x', '3'));
  await world.pump();
  expect(world.posts.get('a')).toHaveLength(2);
  expect(bodies(a)).toEqual(['1', '2', '3']);
});
