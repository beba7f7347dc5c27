/** Section 9: RECEIPT, DISCONNECT. */
import { type Client, check, type HeaderRecord, same } from '../client.ts';
import { type Row, VERSIONS, type World } from '../row.ts';
import { answer, held } from './acknowledgements.ts';

/** The last of these frames asks for a receipt and gets it. */
function given(
  id: string,
  frames: (world: World) => readonly (readonly [command: string, headers: HeaderRecord])[],
): Row {
  const command = id.slice(id.indexOf('/') + 1).toUpperCase();
  return {
    id,
    title: `receipt on ${command} gives RECEIPT`,
    run: async (world) => {
      const client = await world.connect();
      const list = frames(world);
      for (const [n, [name, headers]] of list.entries()) {
        const last = n === list.length - 1;
        client.frame(name, last ? { ...headers, receipt: 'asked' } : headers);
      }
      await client.receipt('asked');
    },
  };
}

const begin = ['BEGIN', { transaction: 't' }] as const;

export const receipts: readonly Row[] = [
  given('RCP-01/send', (world) => [['SEND', { destination: world.topic() }]]),
  given('RCP-02/subscribe', (world) => [['SUBSCRIBE', { destination: world.topic(), id: 's' }]]),
  given('RCP-02/unsubscribe', (world) => [
    ['SUBSCRIBE', { destination: world.topic(), id: 's' }],
    ['UNSUBSCRIBE', { id: 's' }],
  ]),
  given('RCP-03/begin', () => [begin]),
  given('RCP-03/commit', () => [begin, ['COMMIT', { transaction: 't' }]]),
  given('RCP-03/abort', () => [begin, ['ABORT', { transaction: 't' }]]),
  ...(['ACK', 'NACK'] as const).map(
    (command): Row => ({
      id: `RCP-04/${command.toLowerCase()}`,
      title: `receipt on ${command} gives RECEIPT`,
      run: async (world) => answer(await held(world), command, 1),
    }),
  ),
  {
    id: 'RCP-05',
    title: 'no receipt asked, none given',
    run: async (world) => {
      const client = await world.connect();
      client.send(world.topic(), 'body');
      await client.fence(world.topic('fence'));
      check(!client.inbox.some((frame) => frame.command === 'RECEIPT'), 'a RECEIPT came');
    },
  },
  {
    id: 'RCP-06',
    title: '30 receipts come once each',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      const ids = Array.from({ length: 30 }, (_, n) => `r${n}`);
      for (const id of ids) client.send(topic, id, { receipt: id });
      for (const id of ids) await client.receipt(id);
      await client.fence(world.topic('fence'));
      check(!client.inbox.some((frame) => frame.command === 'RECEIPT'), 'a RECEIPT came twice');
    },
  },
  {
    id: 'RCP-07',
    title: 'RECEIPT has no body',
    run: async (world) => {
      const client = await world.connect();
      client.send(world.topic(), 'body', { receipt: 'r' });
      same((await client.receipt('r')).body.length, 0, 'the body length');
    },
  },
  {
    id: 'RCP-08',
    title: "after SUBSCRIBE's RECEIPT any connection's SEND is delivered, 10 rounds",
    run: async (world) => {
      const [reader, sender] = [await world.connect(), await world.connect()];
      for (let round = 0; round < 10; round++) {
        const topic = world.topic();
        await reader.subscribe(topic, `round-${round}`);
        sender.send(topic, String(round));
        same(await reader.body(), String(round), 'the body');
      }
    },
  },
  {
    id: 'RCP-09',
    title: "after SEND's RECEIPT the message is queued though the sender is cut",
    run: async (world) => {
      const queue = world.queue();
      const sender = await world.connect();
      sender.send(queue, 'kept', { receipt: 'sent' });
      await sender.receipt('sent');
      await sender.cut();
      const consumer = await world.connect();
      await consumer.subscribe(queue, 's');
      same(await consumer.body(), 'kept', 'the body');
    },
  },
  {
    id: 'RCP-10',
    title: 'receipt ids are arbitrary',
    run: async (world) => {
      const client = await world.connect();
      const ids = ['with spaces', ' é😀 ', 'x'.repeat(200)];
      for (const id of ids) client.send(world.topic(), 'body', { receipt: id });
      for (const id of ids) await client.receipt(id);
    },
  },
  {
    id: 'RCP-11',
    title: "subscribers get no RECEIPT for a sender's header",
    run: async (world) => {
      const topic = world.topic();
      const [reader, sender] = [await world.connect(), await world.connect()];
      await reader.subscribe(topic, 's');
      sender.send(topic, 'body', { receipt: 'mine' });
      await sender.receipt('mine');
      await reader.message();
      await reader.fence(world.topic('fence'));
      check(!reader.inbox.some((frame) => frame.command === 'RECEIPT'), 'a RECEIPT came');
    },
  },
];

/** Sends frames, then what ends the connection; a witness must have them all. */
async function processed(
  world: World,
  end: (client: Client, topic: string) => Promise<void>,
): Promise<void> {
  const topic = world.topic();
  const witness = await world.connect();
  await witness.subscribe(topic, 'w');
  const client = await world.connect();
  const sent = Array.from({ length: 10 }, (_, n) => String(n));
  for (const body of sent) client.send(topic, body);
  await end(client, topic);
  same(await witness.bodies(10), sent, 'the bodies');
}

export const disconnecting: readonly Row[] = [
  ...VERSIONS.map(
    (version): Row => ({
      id: `DIS-01/${version}`,
      title: `DISCONNECT with a receipt gives RECEIPT before any close, ${version}`,
      run: async (world) => {
        const client = await world.connect(version);
        client.frame('DISCONNECT', { receipt: 'bye' });
        await client.receipt('bye');
      },
    }),
  ),
  {
    id: 'DIS-02',
    title: 'DISCONNECT without a receipt is no ERROR',
    run: async (world) => {
      const client = await world.connect();
      client.frame('DISCONNECT', {});
      client.socket.ping();
      await world.pause(world.target.quietMs * 2);
      check(!client.inbox.some((frame) => frame.command === 'ERROR'), 'an ERROR came');
    },
  },
  {
    id: 'DIS-03',
    title: 'frames after DISCONNECT have no effect',
    run: async (world) => {
      const topic = world.topic();
      const witness = await world.connect();
      await witness.subscribe(topic, 'w');
      const client = await world.connect();
      const late = client.bytes('SEND', { destination: topic }, 'too late');
      client.text(Buffer.concat([client.bytes('DISCONNECT', {}), late]));
      await world.pause(world.target.quietMs);
      await world.silent(witness, 'delivered after DISCONNECT');
    },
  },
  {
    id: 'DIS-04',
    title: 'frames before DISCONNECT are processed though the client is gone',
    run: (world) =>
      processed(world, async (client) => {
        client.frame('DISCONNECT', {});
        client.socket.close();
        await client.closed();
      }),
  },
  {
    id: 'DIS-05',
    title: 'frames before a RECEIPT are processed though the client is gone',
    run: (world) =>
      processed(world, async (client) => {
        client.send(world.topic('last'), 'last', { receipt: 'r' });
        await client.receipt('r');
        await client.cut();
      }),
  },
  {
    id: 'DIS-06',
    title: 'nothing is delivered after DISCONNECT',
    run: async (world) => {
      const topic = world.topic();
      const [client, sender] = [await world.connect(), await world.connect()];
      await client.subscribe(topic, 's');
      await sender.subscribe(topic, 's');
      client.frame('DISCONNECT', { receipt: 'bye' });
      await client.rejectedOr('RECEIPT');
      sender.send(topic, 'too late');
      await sender.message();
      await world.pause(world.target.quietMs);
      check(!client.inbox.some((frame) => frame.command === 'MESSAGE'), 'a MESSAGE came');
    },
  },
];
