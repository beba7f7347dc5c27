/** The sweep of each minute: who takes silence for death hears a ping, again and again. */
import { sweep } from '../../broker/sweep.ts';
import { beatLater } from '../../lambda/engineio-sessions.ts';
import { engineioCarrier } from '../../protocol/engineio/carrier.ts';
import { makeWorld } from './world.ts';

test('a Socket.IO client is pinged each eight minutes, until it is gone', async () => {
  const world = makeWorld({
    rooms: true,
    extend: (ports) => ({
      ...ports,
      carriers: new Map([...ports.carriers, [engineioCarrier.name, engineioCarrier]]),
    }),
  });
  const { ports, posts, pass } = world;
  const now = ports.clock.now();
  posts.set('e1', []);
  await ports.store.open({
    id: 'e1',
    carrier: 'engineio',
    dialect: 'socketio',
    version: '5',
    connectedAt: now,
    expiresAt: now + 7200_000,
    stamp: '',
  });
  await beatLater('e1', ports);
  await sweep(ports);
  expect(posts.get('e1')).toEqual([]);
  for (const heard of [['2'], ['2', '2'], ['2', '2', '2']]) {
    pass(ports.limits.enginePingSeconds * 1000);
    await sweep(ports);
    expect(posts.get('e1')).toEqual(heard);
  }
  posts.delete('e1');
  pass(ports.limits.enginePingSeconds * 1000);
  expect(await sweep(ports)).toEqual({ asked: 1, lost: 1 });
  pass(ports.limits.enginePingSeconds * 1000);
  expect(await sweep(ports)).toEqual({ asked: 0, lost: 0 });
});

test('one that has connected to no namespace in its time is sent away', async () => {
  const world = makeWorld({
    rooms: true,
    extend: (ports) => ({
      ...ports,
      carriers: new Map([...ports.carriers, [engineioCarrier.name, engineioCarrier]]),
    }),
  });
  const { ports, posts, pass } = world;
  const now = ports.clock.now();
  posts.set('e1', []);
  const connection = { id: 'e1', carrier: 'engineio', dialect: 'socketio', stamp: '' };
  await ports.store.open({ ...connection, connectedAt: now, expiresAt: now + 7200_000 });
  await beatLater('e1', ports);
  pass(ports.limits.engineConnectSeconds * 1000 - 1000);
  await sweep(ports);
  expect(posts.get('e1')).toEqual([]);
  pass(1000);
  await sweep(ports);
  expect((await ports.store.find('e1'))?.connection.ended).toBe('refused');
});
