/**
 * What a SEND costs in reads, writes and posts, counted: constant in what others subscribe to. The
 * memory store counts as any other does, for the counts are of calls of the port.
 */
import { parseDestination } from '../../broker/destination.ts';
import { CONNECT, frame, makeWorld, type World } from './world.ts';

const FOREIGN = ['/topic/orders.{n}.*', '/topic/other.{n}', '/topic/deep.{n}.a.**'] as const;

async function crowd(world: World, subscribers: number, foreign: number): Promise<void> {
  const { store, limits, clock } = world.ports;
  const subscribe = async (id: string, destination: string) => {
    const connection = {
      id,
      carrier: 'raw',
      dialect: 'stomp',
      version: '1.2',
      connectedAt: clock.now(),
      expiresAt: clock.now() + 3_600_000,
      stamp: '0',
    };
    await store.open(connection);
    world.posts.set(id, []);
    await store.subscribe(
      connection,
      { connectionId: id, id: '1', destination, ack: 'auto', stamp: '1' },
      parseDestination(destination, limits),
    );
  };
  for (let n = 0; n < subscribers; n++) await subscribe(`mine-${n}`, '/topic/orders.eu.new');
  for (let n = 0; n < foreign; n++) {
    const pattern = FOREIGN[n % FOREIGN.length] ?? '';
    await subscribe(`foreign-${n}`, pattern.replace('{n}', String(n)));
  }
}

describe.each([1, 100, 1000])('a SEND to %i subscribers', (subscribers) => {
  test.each([10, 10_000, 100_000])('among %i foreign subscriptions', async (foreign) => {
    const world = makeWorld();
    await crowd(world, subscribers, foreign);
    const writer = await world.client('writer');
    await writer.send(CONNECT);
    world.counting.reset();
    await writer.send(frame('SEND', ['destination:/topic/orders.eu.new'], 'hi'));
    const { calls, rows } = world.counting.counts();
    const done = Object.entries(calls).filter(([, times]) => times > 0);
    expect(Object.fromEntries(done)).toEqual({ find: 1, subscribers: 1 });
    expect(rows).toBe(subscribers);
    const posts = [...world.posts].filter(([id, list]) => id !== 'writer' && list.length > 0);
    expect(posts).toHaveLength(subscribers);
    expect(posts.every(([, list]) => list.length === 1)).toBe(true);
  });
});
