/** Floods and crowds of one user: bounded, and told so. */
import { makeRates } from '../../broker/rates.ts';
import { frame, makeWorld } from '../broker/world.ts';
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
