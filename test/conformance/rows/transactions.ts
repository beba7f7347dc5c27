/** Section 8: transactions. */
import { type Client, type HeaderRecord, same } from '../client.ts';
import type { Row, World } from '../row.ts';

const t = { transaction: 't' };

/** A subscribed witness, and a sender with transaction "t" open. */
async function opened(
  world: World,
  version: '1.0' | '1.1' | '1.2' = '1.2',
): Promise<{ witness: Client; sender: Client; topic: string }> {
  const topic = world.topic();
  const witness = await world.connect();
  await witness.subscribe(topic, 'w');
  const sender = await world.connect(version);
  sender.frame('BEGIN', { ...t, receipt: 'begun' });
  await sender.receipt('begun');
  return { witness, sender, topic };
}

type Frames = readonly (readonly [command: string, headers: HeaderRecord])[];

/** The last frame is rejected, after every one before it has had its RECEIPT. */
function rejected(id: string, title: string, before: Frames, last: Frames[number]): Row {
  return {
    id,
    title,
    run: async (world) => {
      const client = await world.connect();
      for (const [command, headers] of before) {
        client.frame(command, { ...headers, receipt: command });
        await client.receipt(command);
      }
      client.frame(...last);
      await client.rejected();
    },
  };
}

/** BEGIN, SEND and COMMIT of one transaction after what went before. */
async function commits(client: Client, witness: Client, topic: string, id: string): Promise<void> {
  client.frame('BEGIN', { transaction: id });
  client.send(topic, `in ${id}`, { transaction: id });
  client.frame('COMMIT', { transaction: id });
  same(await witness.body(), `in ${id}`, 'the body');
}

export const transactions: readonly Row[] = [
  {
    id: 'TXN-01',
    title: 'SENDs in a transaction arrive after COMMIT, in order',
    run: async (world) => {
      const { witness, sender, topic } = await opened(world);
      const sent = Array.from({ length: 10 }, (_, n) => String(n));
      for (const body of sent) sender.send(topic, body, t);
      await sender.fence(world.topic('fence'));
      await world.silent(witness, 'delivered before COMMIT');
      sender.frame('COMMIT', t);
      same(await witness.bodies(10), sent, 'the bodies');
    },
  },
  {
    id: 'TXN-02',
    title: 'ABORT leaves nothing',
    run: async (world) => {
      const { witness, sender, topic } = await opened(world);
      sender.send(topic, 'undone', t);
      sender.frame('ABORT', { ...t, receipt: 'aborted' });
      await sender.receipt('aborted');
      await world.silent(witness, 'delivered after ABORT');
    },
  },
  ...['BEGIN', 'COMMIT', 'ABORT'].map((command) =>
    rejected(
      `TXN-03/${command.toLowerCase()}`,
      `${command} without transaction is rejected`,
      [],
      [command, {}],
    ),
  ),
  ...['COMMIT', 'ABORT'].map((command) =>
    rejected(
      `TXN-05/${command.toLowerCase()}`,
      `${command} of an unknown id is rejected`,
      [],
      [command, { transaction: 'unknown' }],
    ),
  ),
  {
    id: 'TXN-07',
    title: 'SEND in an unknown transaction is an ERROR and goes nowhere',
    run: async (world) => {
      const { witness, sender, topic } = await opened(world);
      sender.send(topic, 'astray', { transaction: 'unknown' });
      await sender.error();
      await world.silent(witness, 'delivered without a transaction');
    },
  },
  rejected('TXN-08', 'BEGIN of an open id is rejected', [['BEGIN', t]], ['BEGIN', t]),
  ...reused(),
  ...aborted(),
  {
    id: 'TXN-14',
    title: 'SENDs outside the transaction go at once',
    run: async (world) => {
      const { witness, sender, topic } = await opened(world);
      sender.send(topic, 'inside', t);
      sender.send(topic, 'outside');
      same(await witness.body(), 'outside', 'the first body');
      sender.frame('COMMIT', t);
      same(await witness.body(), 'inside', 'the second body');
    },
  },
  {
    id: 'TXN-15',
    title: 'receipt on a SEND in a transaction comes at the latest with COMMIT',
    run: async (world) => {
      const { sender, topic } = await opened(world);
      sender.send(topic, 'body', { ...t, receipt: 'inside' });
      sender.frame('COMMIT', t);
      await sender.receipt('inside');
    },
  },
  rejected(
    'TXN-16',
    'a second COMMIT is rejected',
    [
      ['BEGIN', t],
      ['COMMIT', t],
    ],
    ['COMMIT', t],
  ),
  ...(['1.0', '1.1'] as const).map(
    (version): Row => ({
      id: `TXN-17/${version}`,
      title: `transactions exist in ${version}`,
      run: async (world) => {
        const { witness, sender, topic } = await opened(world, version);
        sender.send(topic, 'body', t);
        await sender.fence(world.topic('fence'));
        await world.silent(witness, 'delivered before COMMIT');
        sender.frame('COMMIT', t);
        same(await witness.body(), 'body', 'the body');
      },
    }),
  ),
];

function reused(): readonly Row[] {
  return [
    {
      id: 'TXN-09',
      title: 'an id can be used again after COMMIT and ABORT',
      run: async (world) => {
        const { witness, sender, topic } = await opened(world);
        sender.frame('ABORT', t);
        await commits(sender, witness, topic, 't');
        await commits(sender, witness, topic, 't');
      },
    },
    {
      id: 'TXN-10',
      title: 'two open transactions are independent',
      run: async (world) => {
        const { witness, sender, topic } = await opened(world);
        sender.send(topic, 'in t', t);
        await commits(sender, witness, topic, 'u');
        sender.frame('COMMIT', t);
        same(await witness.body(), 'in t', 'the body');
      },
    },
    {
      id: 'TXN-13',
      title: 'transaction ids belong to their connection',
      run: async (world) => {
        const { witness, sender, topic } = await opened(world);
        sender.send(topic, 'mine', t);
        await commits(await world.connect(), witness, topic, 't');
        sender.frame('COMMIT', t);
        same(await witness.body(), 'mine', 'the body');
      },
    },
  ];
}

function aborted(): readonly Row[] {
  return [
    {
      id: 'TXN-11',
      title: 'DISCONNECT aborts open transactions',
      run: async (world) => {
        const { witness, sender, topic } = await opened(world);
        sender.send(topic, 'undone', t);
        sender.frame('DISCONNECT', {});
        sender.socket.close();
        await sender.closed();
        await world.silent(witness, 'delivered after DISCONNECT');
      },
    },
    {
      id: 'TXN-12',
      title: 'a lost connection aborts open transactions',
      run: async (world) => {
        const { witness, sender, topic } = await opened(world);
        sender.send(topic, 'undone', t);
        await sender.fence(world.topic('fence'));
        await sender.cut();
        await world.silent(witness, 'delivered after the loss');
      },
    },
  ];
}
