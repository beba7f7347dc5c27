/** Going on with a lost connection, over ports of which every step can be seen. */
import { endConnection } from '../../broker/ending.ts';
import type { Ended } from '../../broker/model.ts';
import type { Ports } from '../../broker/ports.ts';
import { parseSocketio } from '../../broker/socketio-settings.ts';
import { messageHandler } from '../../lambda/message.ts';
import { socketioWith } from '../../protocol/socketio/dialect.ts';
import { type Client, leave, makeWorld, type World } from './world.ts';

function makeSocketioWorld(): World {
  const dialect = socketioWith(parseSocketio({ namespaces: ['/admin', '/b'] }));
  const dialects = new Map([[dialect.name, dialect]]);
  const extend = (ports: Ports): Ports => ({ ...ports, dialects, detect: () => dialect });
  return makeWorld({ rooms: true, extend });
}

interface Member {
  readonly client: Client;
  readonly sid: string;
  readonly pid: string;
}

async function connected(world: World, id: string, auth: object = {}): Promise<Member> {
  const client = await world.client(id);
  await client.send(`0${JSON.stringify(auth)}`);
  return { client, ...JSON.parse(client.heard().slice(1)) };
}

async function joined(world: World, id: string, room: string): Promise<Member> {
  const member = await connected(world, id);
  await member.client.send(`20["join","${room}"]`);
  await world.pump();
  expect(member.client.heard()).toMatch(/^30\[\{"ok":true/);
  return member;
}

/** What stands behind the one message it has heard. */
function offsetOf({ client }: Member): string {
  return JSON.parse(client.heard().slice(1))[3];
}

/** The same ports; before the call `at` to any that keep records, `meanwhile` runs to its end. */
function interrupted(ports: Ports, at: number, meanwhile: () => Promise<void>) {
  let calls = 0;
  const watched = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...values: unknown[]) => {
          if (calls++ === at) await meanwhile();
          return Reflect.apply(value, target, values);
        };
      },
    });
  const { logs } = ports;
  if (logs === undefined) throw new Error('no logs');
  const watchedLogs = { ...logs, journal: watched(logs.journal), shelf: watched(logs.shelf) };
  return {
    ports: { ...ports, store: watched(ports.store), logs: watchedLogs },
    calls: () => calls,
  };
}

/** Ends it twice, the second time before the call `at` of the first; and how it comes back. */
async function endedTwice(at: number, how: Ended) {
  const world = makeSocketioWorld();
  const [lost, other] = [await joined(world, 'a', 'x'), await connected(world, 'b')];
  await other.client.send('2["message","x","before"]');
  await world.pump();
  const offset = offsetOf(lost);
  const end = (ended: Ended, ports: Ports) => endConnection('a', ended, ports);
  const one = interrupted(world.ports, at, () => end(how, world.ports));
  await end('lost', one.ports);
  await other.client.send('2["message","x","meanwhile"]');
  const back = await connected(world, 'c', { pid: lost.pid, offset });
  await world.pump();
  const recovered = back.sid === lost.sid && back.pid === lost.pid;
  const heard = back.client.heard().includes('["message","x","meanwhile"');
  return { steps: one.calls(), outcome: { at, recovered, heard } };
}

test('a loss that two tell of at once is gone on with, wherever one comes between the steps of the other', async () => {
  const { steps } = await endedTwice(Number.POSITIVE_INFINITY, 'lost');
  expect(steps).toBeGreaterThan(5);
  for (let at = 0; at < steps; at++) {
    const { outcome } = await endedTwice(at, 'lost');
    expect(outcome).toEqual({ at, recovered: true, heard: true });
  }
});

test('whoever is sent away while the loss is told goes on whole or begins anew, never without its rooms', async () => {
  const { steps } = await endedTwice(Number.POSITIVE_INFINITY, 'refused');
  for (let at = 0; at < steps; at++) {
    const { outcome } = await endedTwice(at, 'refused');
    expect(outcome).toEqual({ at, recovered: outcome.heard, heard: outcome.heard });
  }
});

const WAYS = ['it comes back amid the loss', 'the loss is told amid its coming back'] as const;

/** One of both wholly before the call `at` of the other; and what it hears from then on. */
async function cameBack(at: number, way: (typeof WAYS)[number]) {
  const world = makeSocketioWorld();
  const [lost, other] = [await joined(world, 'a', 'x'), await connected(world, 'b')];
  await other.client.send('2["message","x","before"]');
  await world.pump();
  const auth = { pid: lost.pid, offset: offsetOf(lost) };
  await other.client.send('2["message","x","meanwhile"]');
  const back = await world.client('c');
  const told = async (ports: Ports) => {
    await endConnection('a', 'lost', ports);
    await world.pump();
  };
  const record = world.record('c', `0${JSON.stringify(auth)}`);
  const comes = async (ports: Ports) => void (await messageHandler(ports)({ Records: [record] }));
  const [first, second] = way === WAYS[0] ? [told, comes] : [comes, told];
  const one = interrupted(world.ports, at, () => second(world.ports));
  await first(one.ports);
  if (at === Number.POSITIVE_INFINITY) await second(world.ports);
  await world.pump();
  await other.client.send('2["message","x","after"]');
  await world.pump();
  const heard = back.heard();
  const said = [...heard.matchAll(/"(before|meanwhile|after)"/g)].map(([, word]) => word);
  const recovered = heard.startsWith(`0{"sid":"${lost.sid}","pid":"${lost.pid}"}`);
  return { steps: one.calls(), outcome: { at, recovered, said, closed: world.closed.has('c') } };
}

test.each(WAYS)('%s: it goes on, and hears all once', async (way) => {
  const { steps } = await cameBack(Number.POSITIVE_INFINITY, way);
  expect(steps).toBeGreaterThan(5);
  for (let at = 0; at < steps; at++) {
    const { outcome } = await cameBack(at, way);
    const said = ['meanwhile', 'after'];
    expect(outcome).toEqual({ at, recovered: true, said, closed: false });
  }
});

test('who has been in and out of a hundred rooms goes on in the one it is in', async () => {
  const world = makeSocketioWorld();
  const [lost, other] = [await joined(world, 'a', 'zoo'), await connected(world, 'b')];
  for (let number = 0; number < 120; number++) {
    await lost.client.send(`2["join","r${number}"]`, `20["leave","r${number}"]`);
    expect(lost.client.heard()).toContain('30[{"ok":true}]');
  }
  await leave(world, 'a');
  await other.client.send('2["message","zoo","meanwhile"]');
  const back = await connected(world, 'c', { pid: lost.pid });
  expect(back.sid).toBe(lost.sid);
  await world.pump();
  expect(back.client.heard()).toContain('["message","zoo","meanwhile"');
});

test('a record of a lost connection that is none of ours is said to be so, and not believed', async () => {
  const world = makeSocketioWorld();
  const lost = await joined(world, 'a', 'x');
  const { shelf } = world.ports.logs ?? {};
  for (let index = 0; index < 16; index++) {
    const range = { from: '!', to: '~', most: 10 };
    for (const [key] of (await shelf?.read(`recovery ${index}`, range)) ?? []) {
      const forged = Buffer.from(key.includes(' ') ? '{"epoch":1}' : `{"pid":"${lost.pid}"}`);
      await shelf?.write(`recovery ${index}`, [[key, forged]], Number.MAX_SAFE_INTEGER);
    }
  }
  await leave(world, 'a');
  expect(world.logged.join()).toContain('a cell whose connectionId is no text');
});

test('a secret that names what else is kept of a session is none', async () => {
  const world = makeSocketioWorld();
  const lost = await joined(world, 'a', 'x');
  const range = { from: '!', to: '~', most: 10 };
  for (let index = 0; index < 16; index++) {
    for (const [key] of (await world.ports.logs?.shelf.read(`recovery ${index}`, range)) ?? []) {
      const back = await connected(world, `b-${key}`, { pid: `${key}.x` });
      expect(back.sid).not.toBe(lost.sid);
    }
  }
  expect(world.logged).toEqual([]);
});

test('a conversation beside the first one, begun and left, takes nothing from how that goes on', async () => {
  const world = makeSocketioWorld();
  const lost = await joined(world, 'a', 'x');
  await lost.client.send('0/admin,');
  expect(lost.client.heard()).toBe(`0/admin,{"sid":"${lost.sid}/admin"}`);
  await lost.client.send('1/admin,');
  await leave(world, 'a');
  const back = await connected(world, 'c', { pid: lost.pid });
  expect(back).toMatchObject({ sid: lost.sid, pid: lost.pid });
});

test('who leaves / and comes again has another secret, and goes on by that one alone', async () => {
  const world = makeSocketioWorld();
  const lost = await connected(world, 'a');
  await lost.client.send('1', '0');
  const { pid } = JSON.parse(lost.client.heard().slice(1));
  expect(pid).not.toBe(lost.pid);
  await leave(world, 'a');
  expect((await connected(world, 'b', { pid: lost.pid })).sid).not.toBe(lost.sid);
  expect(await connected(world, 'c', { pid })).toMatchObject({ sid: lost.sid, pid });
});

test.each(['0', '0/admin,', '0{"pid":"x.y"}'])(
  'a second CONNECT %j closes, as it does at socket.io',
  async (second) => {
    const world = makeSocketioWorld();
    const { client } = await connected(world, 'a');
    await client.send('0/admin,');
    expect(world.closed.has('a')).toBe(false);
    await client.send(second);
    expect(client.heard()).toContain('"envelope-malformed"');
    expect(world.closed.has('a')).toBe(true);
  },
);

test.each(['0', '0/admin,'])(
  'a CONNECT that comes again after a crash, %j, is answered again',
  async (last) => {
    const world = makeSocketioWorld();
    const { client } = await connected(world, 'a');
    if (last === '0') await client.send('1');
    client.heard();
    const record = world.record('a', last);
    await world.deliver([record]);
    const [first] = client.heard().split(',"pid"');
    const again = { ...record, attributes: { ...record.attributes, ApproximateReceiveCount: '2' } };
    await world.deliver([again]);
    expect(client.heard().split(',"pid"')[0]).toBe(first);
    expect(world.closed.has('a')).toBe(false);
  },
);

test.each([
  { packets: ['0', '0/admin,', '0/b,'], sids: ['', '/admin', '/b'] },
  { packets: ['0', '0/admin,', '1/admin,', '0/admin,'], sids: ['', '/admin', '/admin'] },
  { packets: ['0', '1', '0', '0/b,'], sids: ['', '', '/b'] },
])('a batch of CONNECTs that comes again after a crash is answered again: %j', async (given) => {
  const world = makeSocketioWorld();
  const client = await world.client('a');
  const records = given.packets.map((packet) => world.record('a', packet));
  await world.deliver(records);
  client.heard();
  const again = records.map((record) => ({
    ...record,
    attributes: { ...record.attributes, ApproximateReceiveCount: '2' },
  }));
  await world.deliver(again);
  const sids = [...client.heard().matchAll(/"sid":"([^"]*)"/g)].map(([, sid]) => sid);
  const { session } = (await world.ports.store.find('a'))?.connection ?? {};
  expect(sids).toEqual(given.sids.map((namespace) => `${session}${namespace}`));
  await client.send('20["join","x"]');
  await world.pump();
  expect(client.heard()).toMatch(/^30\[\{"ok":true/);
  expect(world.closed.has('a')).toBe(false);
});
