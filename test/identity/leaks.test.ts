/** What nobody hears who may not: tried by those who ask for everything. */
import { type Client, frame, makeWorld, type World } from '../broker/world.ts';
import { guarded, person } from './people.ts';

const PEOPLE = {
  root: person('root', '/**'),
  narrow: person('narrow', '/topic/a.b.**', '/room/mine', '/queue/mine', '/user/*/queue/x'),
};

function world(): World {
  return makeWorld({ rooms: true, extend: guarded(PEOPLE) });
}

let clients = 0;

async function enter(at: World, token: string, protocol = 'json.stompway'): Promise<Client> {
  const client = await at.client(`c${clients++}`, { protocol });
  if (protocol === 'json.stompway') {
    await client.send(JSON.stringify({ connect: true, passcode: token }));
  } else {
    await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h', `passcode:${token}`]));
  }
  expect(client.heard()).toContain('CONNECTED');
  return client;
}

const WIDE = [
  '/topic/**',
  '/topic/*',
  '/topic/a.**',
  '/topic/a.*',
  '/topic/*.b.**',
  '/topic/**.b',
  '/topic/#',
  '/topic/>',
  '/topic/a',
  '/topic/a.c',
  '/room/other',
  '/queue/other',
  '/presence/room/other',
  '/user/root/queue/x',
];

test.each(WIDE)('SUBSCRIBE %s with a narrow token is refused in every protocol', async (wide) => {
  const at = world();
  const json = await enter(at, 'narrow');
  await json.send(JSON.stringify({ subscribe: wide }));
  expect(json.heard()).toContain('"code":"forbidden"');
  const stomp = await enter(at, 'narrow', 'v12.stomp');
  await stomp.send(frame('SUBSCRIBE', ['id:1', `destination:${wide}`]));
  expect(stomp.heard()).toContain('code:forbidden');
  expect(at.closed.has(stomp.id)).toBe(true);
});

test.each(['/topic/a', '/topic/z', '/room/other', '/queue/other', '/user/root/topic/y'])(
  'SEND to %s is refused, and heard by nobody',
  async (destination) => {
    const at = world();
    const root = await enter(at, 'root');
    if (!destination.startsWith('/user')) {
      await root.send(JSON.stringify({ subscribe: destination }));
    } else await root.send(JSON.stringify({ subscribe: '/user/topic/y' }));
    await at.pump();
    root.heard();
    const json = await enter(at, 'narrow');
    await json.send(JSON.stringify({ send: destination, body: 'x' }));
    await at.pump();
    expect(json.heard()).toContain('"code":"forbidden"');
    expect(root.heard()).toBe('');
  },
);

test('a room that is there and one that is not are refused with the same octets', async () => {
  const at = world();
  const root = await enter(at, 'root');
  await root.send(JSON.stringify({ send: '/room/there', body: 'x' }));
  await at.pump();
  const json = await enter(at, 'narrow');
  const asked = async (request: object) => {
    await json.send(JSON.stringify(request));
    return json.heard().replaceAll(/no-?where|there/g, '…');
  };
  for (const verb of ['subscribe', 'send']) {
    expect(await asked({ [verb]: '/room/there' })).toBe(await asked({ [verb]: '/room/nowhere' }));
  }
});

test('10,000 random publishes: who asked for everything hears what is his and nothing else', async () => {
  const at = world();
  const json = await enter(at, 'narrow');
  for (const wide of WIDE) await json.send(JSON.stringify({ subscribe: wide }));
  await json.send(JSON.stringify({ subscribe: '/topic/a.b.**', id: 'mine' }));
  const stomp = await enter(at, 'narrow', 'v12.stomp');
  await stomp.send(frame('SUBSCRIBE', ['id:mine', 'destination:/topic/a.b.*']));
  json.heard();
  stomp.heard();
  const root = await enter(at, 'root');
  let seed = 7;
  const random = (most: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * most);
  };
  let due = 0;
  for (let round = 0; round < 100; round++) {
    const texts = Array.from({ length: 100 }, () => {
      const names = Array.from({ length: 1 + random(4) }, () => ['a', 'b', 'c'][random(3)]);
      if (names[0] === 'a' && names[1] === 'b') due++;
      return JSON.stringify({ send: `/topic/${names.join('.')}`, body: 'x' });
    });
    await root.send(...texts);
  }
  const heard = [...json.heard().matchAll(/"destination":"([^"]+)"/g)].map(
    ([, name]) => name ?? '',
  );
  expect(due).toBeGreaterThan(500);
  expect(heard).toHaveLength(due);
  expect(heard.filter((name) => !/^\/topic\/a\.b(\.|$)/.test(name))).toEqual([]);
  const told = [...stomp.heard().matchAll(/\ndestination:(.+)\n/g)].map(([, name]) => name ?? '');
  expect(told.length).toBeGreaterThan(100);
  expect(told.filter((name) => !/^\/topic\/a\.b\.[abc]$/.test(name))).toEqual([]);
});

test('what authorization adds to a SEND: no read of the store, and no write', async () => {
  const counts = [];
  for (const extend of [undefined, guarded(PEOPLE)]) {
    const at = makeWorld({ rooms: true, ...(extend === undefined ? {} : { extend }) });
    const listener = await enter(at, 'root');
    await listener.send(JSON.stringify({ subscribe: '/topic/a.b.c' }));
    const writer = await enter(at, 'narrow');
    await writer.send(JSON.stringify({ send: '/topic/a.b.c', body: 'x' }));
    at.counting.reset();
    let reads = 0;
    const { shelf } = at.ports.logs ?? {};
    const read = shelf?.read;
    if (shelf !== undefined && read !== undefined) {
      Object.assign(shelf, {
        read: (...given: Parameters<typeof read>) => {
          reads++;
          return read(...given);
        },
      });
    }
    await writer.send(JSON.stringify({ send: '/topic/a.b.c', body: 'x' }));
    expect(listener.heard()).toContain('MESSAGE');
    counts.push({ ...at.counting.counts(), reads });
  }
  expect(counts[1]).toEqual(counts[0]);
});

test('/user/queue/x is one’s own on each connection, and nobody else’s', async () => {
  const at = world();
  const [one, two, other] = [
    await enter(at, 'root'),
    await enter(at, 'root', 'v12.stomp'),
    await enter(at, 'narrow'),
  ];
  await one.send(JSON.stringify({ subscribe: '/user/queue/x' }));
  await two.send(frame('SUBSCRIBE', ['id:1', 'destination:/user/root/queue/x']));
  await other.send(JSON.stringify({ subscribe: '/user/queue/x' }));
  for (const client of [one, two, other]) client.heard();
  await other.send(JSON.stringify({ send: '/user/root/queue/x', body: 'hi' }));
  expect(one.heard()).toContain('"body":"hi"');
  expect(two.heard()).toContain('hi');
  expect(other.heard()).toBe('');
  await other.send(JSON.stringify({ send: '/user/queue/x', body: 'me' }));
  expect(other.heard()).toContain('"body":"me"');
  expect(one.heard()).toBe('');
});

test('without identity one is what one calls oneself', async () => {
  const at = makeWorld();
  const ann = await at.client('ann', { protocol: 'json.stompway' });
  await ann.send(JSON.stringify({ connect: true, 'client-id': 'ann' }));
  await ann.send(JSON.stringify({ subscribe: '/user/queue/x' }));
  const bob = await at.client('bob', { protocol: 'json.stompway' });
  await bob.send(JSON.stringify({ send: '/user/ann/queue/x', body: 'hi' }));
  expect(ann.heard()).toContain('"body":"hi"');
  expect(bob.heard()).toBe('');
});

test('a guest’s client-id bears a mark: it is no user’s name, and its /user/ is its session', async () => {
  const guests = guarded(PEOPLE);
  const at = makeWorld({
    rooms: true,
    extend: (ports) => {
      const made = guests(ports);
      const { identity } = made;
      if (identity === undefined) throw new Error('no identity');
      const { grants } = PEOPLE.root;
      return { ...made, identity: { ...identity, anonymous: { grants, policy: identity.policy } } };
    },
  });
  const root = await enter(at, 'root');
  await root.send(JSON.stringify({ subscribe: '/user/queue/x' }));
  await root.send(JSON.stringify({ subscribe: '/presence/room/r' }));
  await at.pump();
  root.heard();
  const guest = await at.client('guest', { protocol: 'json.stompway' });
  await guest.send(JSON.stringify({ connect: true, 'client-id': 'root' }));
  await guest.send(JSON.stringify({ subscribe: '/user/queue/x' }));
  await guest.send(JSON.stringify({ subscribe: '/room/r' }));
  await at.pump();
  expect(root.heard()).toContain('"member":"~root"');
  guest.heard();
  await root.send(JSON.stringify({ send: '/user/root/queue/x', body: 'secret' }));
  expect(root.heard()).toContain('secret');
  expect(guest.heard()).toBe('');
});
