/** Selectors on queues: whoever wants little beside whoever wants all, and behind what nobody wants. */
import type { Shelf } from '../../broker/ports.ts';
import { frames } from '../broker/frames.ts';
import { type Client, frame, makeWorld, type World } from '../broker/world.ts';

const PAGE = 5;
const UNWANTED = 43;
const small = { queueRoundItemsMax: PAGE, queueRoundsMax: 2, queueLooksMax: 4 };

async function settle(world: World): Promise<void> {
  while ((await world.pump()) > 0) await Promise.resolve();
}

const bodies = (client: Client) =>
  frames(client.heard())
    .filter(({ command }) => command === 'MESSAGE')
    .map(({ body }) => body);

async function enter(world: World, id: string): Promise<Client> {
  const client = await world.client(id);
  await client.send(frame('CONNECT', ['accept-version:1.2', 'host:h']));
  return client;
}

const send = (body: string, ...more: readonly string[]) =>
  frame('SEND', ['destination:/queue/x', ...more], body);
const subscribe = (...more: readonly string[]) =>
  frame('SUBSCRIBE', ['id:1', 'destination:/queue/x', ...more]);
const RED = "selector:colour = 'red'";

async function fill(writer: Client, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await writer.send(send(`blue ${n}`, 'colour:blue'));
}

test('behind more than is looked at in one run, what is wanted comes all the same', async () => {
  const world = makeWorld({ rooms: true, limits: small });
  const writer = await enter(world, 'w');
  await fill(writer, UNWANTED);
  await writer.send(send('first', 'colour:red'));
  const reader = await enter(world, 'r');
  await reader.send(subscribe(RED, 'ack:auto', 'prefetch-count:1'));
  await settle(world);
  expect(bodies(reader)).toEqual(['first']);
  await writer.send(send('second', 'colour:red'));
  await settle(world);
  expect(bodies(reader)).toEqual(['second']);
});

test('what comes in front of the place it has looked up to comes too: by priority, and given back', async () => {
  const world = makeWorld({ rooms: true, limits: small });
  const writer = await enter(world, 'w');
  await writer.send(send('returned', 'colour:red'));
  const other = await enter(world, 'o');
  await other.send(subscribe('ack:client-individual', 'prefetch-count:1'));
  await settle(world);
  const [ack] = frames(other.heard()).flatMap(({ headers }) => headers['ack'] ?? []);
  await fill(writer, UNWANTED);
  const reader = await enter(world, 'r');
  await reader.send(subscribe(RED, 'ack:auto'));
  await settle(world);
  expect(bodies(reader)).toEqual([]);
  await writer.send(send('urgent', 'colour:red', 'priority:9'));
  await settle(world);
  expect(bodies(reader)).toEqual(['urgent']);
  await other.send(frame('UNSUBSCRIBE', ['id:1']));
  await settle(world);
  expect(bodies(reader)).toEqual(['returned']);
  expect(ack).toBeDefined();
});

test('what it does not want is read once, not with each run', async () => {
  let read = 0;
  const world = makeWorld({
    rooms: true,
    limits: small,
    extend: (ports) => {
      if (ports.logs === undefined) return ports;
      const { shelf } = ports.logs;
      const counting: Shelf['read'] = async (name, range) => {
        const cells = await shelf.read(name, range);
        if (range.to === 'w') read += cells.length;
        return cells;
      };
      return { ...ports, logs: { ...ports.logs, shelf: { ...shelf, read: counting } } };
    },
  });
  const writer = await enter(world, 'w');
  await fill(writer, UNWANTED);
  await settle(world);
  const reader = await enter(world, 'r');
  await reader.send(subscribe(RED, 'ack:auto'));
  await settle(world);
  expect(read).toBeGreaterThanOrEqual(UNWANTED);
  read = 0;
  await writer.send(send('red', 'colour:red'));
  await settle(world);
  expect(bodies(reader)).toEqual(['red']);
  expect(read).toBeLessThanOrEqual(2 * PAGE);
});

test('beside one that wants little, a consumer that takes all gets all, however few it may hold', async () => {
  const world = makeWorld({ rooms: true });
  const picky = await enter(world, 'p');
  await picky.send(subscribe(RED));
  const greedy = await enter(world, 'g');
  await greedy.send(subscribe('ack:auto', 'prefetch-count:1'));
  await settle(world);
  greedy.heard();
  const writer = await enter(world, 'w');
  await writer.send(...['1', '2', '3', '4', '5'].map((body) => send(body)));
  await settle(world);
  expect(bodies(greedy)).toEqual(['1', '2', '3', '4', '5']);
});
