import { CONNECT, frame, makeWorld } from './world.ts';

test.each([
  ['its buffer is full', Array(9).fill(429)],
  ['the gateway is at fault', Array(9).fill(500)],
])(
  'a connection that cannot be given its answer is cut, not left waiting: %s',
  async (_, answers) => {
    const world = makeWorld();
    const client = await world.client('a');
    await client.send(CONNECT);
    world.answers.set('a', answers);
    await client.send(frame('SUBSCRIBE', ['id:1', 'destination:/topic/x', 'receipt:r']));
    expect(world.closed).toContain('a');
    expect(await world.ports.store.subscriptions('a')).toEqual([]);
  },
);

test('a subscriber whose buffer is full loses a message of the direct lane, and stays', async () => {
  const world = makeWorld();
  const [sender, reader] = [await world.client('s'), await world.client('r')];
  for (const client of [sender, reader]) await client.send(CONNECT);
  await reader.send(frame('SUBSCRIBE', ['id:1', 'destination:/topic/x']));
  world.answers.set('r', Array(9).fill(429));
  await sender.send(frame('SEND', ['destination:/topic/x', 'receipt:r'], 'hello'));
  expect(world.closed).not.toContain('r');
  expect(sender.heard()).toContain('RECEIPT');
});
