/** Streams give a batch again when its invocation died: found by the simulation, kept by name. */
import type { Outbox } from '../../broker/ports.ts';
import { CONNECT, frame, leave, makeWorld, type World } from './world.ts';

/** An outbox whose invocation dies while `fatal` says so, before anything is posted. */
function dying(outbox: Outbox, fatal: (connectionIds: readonly string[]) => boolean): Outbox {
  return {
    ...outbox,
    async post(deliveries) {
      if (fatal(deliveries.map((one) => one.connectionId))) throw new Error('the invocation died');
      return outbox.post(deliveries);
    },
  };
}

const subscribe = (destination: string, id: string) =>
  frame('SUBSCRIBE', [`id:${id}`, `destination:${destination}`, 'receipt:joined']);

test('a batch that dies behind a join gives the joiner nothing older when it comes again', async () => {
  let fatal = false;
  const world = makeWorld({
    rooms: true,
    wrapOutbox: (outbox) => dying(outbox, (ids) => fatal && ids.includes('r')),
  });
  const writer = await world.client('w');
  const reader = await world.client('r');
  await writer.send(CONNECT, frame('SEND', ['destination:/room/x'], 'older'));
  await reader.send(CONNECT);
  await reader.send(subscribe('/room/x', '1'));
  await writer.send(frame('SEND', ['destination:/room/x'], 'newer'));
  reader.heard();
  fatal = true;
  await expect(world.pump()).rejects.toThrow('the invocation died');
  fatal = false;
  await world.pump();
  const heard = reader.heard();
  expect(heard).toMatch(/^RECEIPT\n/);
  expect(heard).not.toContain('older');
  expect(heard).toContain('newer');
});

test('a watcher hears of no change that its member list holds already', async () => {
  let fatal = false;
  const world = makeWorld({
    rooms: true,
    wrapOutbox: (outbox) => dying(outbox, () => fatal),
  });
  const member = await world.client('m');
  const watcher = await world.client('w');
  for (const client of [member, watcher]) await client.send(CONNECT);
  await member.send(subscribe('/room/x', '1'));
  await watcher.send(subscribe('/presence/room/x', '2'));
  watcher.heard();
  let died = 0;
  for (let tries = 0; tries < 3; tries++) {
    fatal = tries < 2;
    await world.pump().catch(() => died++);
  }
  expect(died).toBe(2);
  const heard = watcher.heard();
  expect(heard).toMatch(/^RECEIPT\n/);
  expect(heard).not.toContain('presence:join');
});

test('what has crashed its handler three times ends its connection: nothing behind it is handled', async () => {
  const world = makeWorld({ rooms: true });
  const client = await world.client('c');
  await client.send(CONNECT);
  client.heard();
  const tried = world.record('c', frame('SEND', ['destination:/room/x'], 'poison'), {
    received: 4,
  });
  expect((await world.deliver([tried])).batchItemFailures).toEqual([]);
  await client.send(frame('SEND', ['destination:/room/x'], 'behind it'));
  expect(client.heard()).toContain('code:internal');
  expect(world.closed).toContain('c');
  expect(await world.journal.head('/room/x')).toBeUndefined();
});

test.each([
  ['its first piece', [0, 0, 1]],
  ['its second piece', [0, 1, 1]],
  ['both, one by one', [0, 1, 0, 1]],
])('a frame split over two messages is read once when %s comes again', async (_, order) => {
  const world = makeWorld({ rooms: true });
  const client = await world.client('c');
  await client.send(CONNECT);
  client.heard();
  const text = frame('SEND', ['destination:/room/x', 'receipt:r'], 'split');
  const pieces = [world.record('c', text.slice(0, 9)), world.record('c', text.slice(9))];
  for (const [turn, index] of order.entries()) {
    const piece = pieces[index];
    if (piece === undefined) continue;
    const receipts = order.slice(0, turn + 1).filter((one) => one === index).length;
    const attributes = { ...piece.attributes, ApproximateReceiveCount: String(receipts) };
    await world.deliver([{ ...piece, attributes }]);
    await world.pump();
  }
  expect(client.heard()).not.toContain('ERROR');
  expect((await world.journal.head('/room/x'))?.seq).toBe(1);
});

/** In /room/x; while death is near, invocations die before they have ended a connection. */
async function mortalMember() {
  const death = { near: false };
  const world = makeWorld({
    rooms: true,
    wrapStore: (store) => ({
      ...store,
      end: (id, ended) =>
        death.near ? Promise.reject(new Error('the invocation died')) : store.end(id, ended),
    }),
  });
  const client = await world.client('c');
  await client.send(CONNECT);
  await client.send(subscribe('/room/x', '1'));
  await world.pump();
  return { world, client, death };
}

test('a lost connection whose end died half-way is cut: its room has been told of it', async () => {
  const { world, death } = await mortalMember();
  death.near = true;
  await leave(world, 'c');
  death.near = false;
  expect(world.closed).not.toContain('c');
  await world.pump();
  expect(world.closed).toContain('c');
  expect(await world.ports.store.subscriptions('c')).toEqual([]);
});

test('a member that is refused hears why, however soon its room is told that it is lost', async () => {
  let soon = false;
  const world: World = makeWorld({
    rooms: true,
    wrapStore: (store) => ({
      ...store,
      end: async (id, ended) => {
        const first = soon;
        soon = false;
        if (first) await world.pump();
        await store.end(id, ended);
      },
    }),
  });
  const client = await world.client('c');
  await client.send(CONNECT);
  await client.send(subscribe('/room/x', '1'));
  await world.pump();
  client.heard();
  soon = true;
  await client.send(frame('SEND', ['destination:nowhere'], 'x'));
  expect(soon).toBe(false);
  expect(client.heard()).toMatch(/^ERROR/);
  expect(world.closed).toContain('c');
});

test('a refused member whose end died half-way is cut when its grace is over', async () => {
  const { world, client, death } = await mortalMember();
  death.near = true;
  await client.send(frame('SEND', ['destination:nowhere'], 'x'));
  death.near = false;
  await world.pump();
  expect(world.closed).not.toContain('c');
  const [gone] = world.tasks;
  if (gone?.task.type !== 'gone') throw new Error('nothing is planned');
  await world.journal.append(gone.task.room, [gone.task]);
  await world.pump();
  expect(world.closed).toContain('c');
  expect(await world.ports.store.subscriptions('c')).toEqual([]);
});
