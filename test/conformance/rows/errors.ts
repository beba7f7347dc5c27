/** Section 10: ERROR is terminal. */
import { type Client, check, type HeaderRecord, same } from '../client.ts';
import { type Frame, header } from '../frame.ts';
import type { Row, World } from '../row.ts';
import { usable } from './connecting.ts';

const BAD = {
  send: ['SEND', { foo: 'bar' }],
  subscribe: ['SUBSCRIBE', { id: 's' }],
  begin: ['BEGIN', {}],
  ack: ['ACK', {}],
} as const satisfies Record<string, readonly [string, HeaderRecord]>;

async function failed(world: World): Promise<{ client: Client; error: Frame }> {
  const client = await world.connect();
  client.frame(...BAD.send);
  return { client, error: await client.error() };
}

function closes(id: string, title: string, fault: (world: World) => Promise<Client>): Row {
  return {
    id,
    title,
    run: async (world) => {
      await (await fault(world)).closed();
    },
  };
}

async function refusedConnect(world: World, headers: HeaderRecord): Promise<Client> {
  const client = await world.open();
  const { host, login, passcode } = world.target;
  client.frame('CONNECT', { 'accept-version': '1.2', host, login, passcode, ...headers });
  await client.error();
  return client;
}

export const errors: readonly Row[] = [
  ...Object.entries(BAD).map(([word, [command, headers]]) =>
    closes(
      `ERR-01/${word}`,
      `after the ERROR for a bad ${command} the server closes`,
      async (world) => {
        const client = await world.connect();
        client.frame(command, headers);
        await client.error();
        return client;
      },
    ),
  ),
  closes('ERR-01/escape', 'an undefined escape ends the connection', async (world) => {
    const client = await world.connect();
    client.text(`SEND\ndestination:${world.topic()}\nfoo:a\\tb\n\nbody\0`);
    return client;
  }),
  closes('ERR-01/version', 'no common version: closed after the ERROR', (world) =>
    refusedConnect(world, { 'accept-version': '9.8,9.9' }),
  ),
  closes('ERR-01/login', 'a wrong passcode: closed after the ERROR', (world) =>
    refusedConnect(world, { login: 'nobody', passcode: 'wrong' }),
  ),
  {
    id: 'ERR-02',
    title: 'ERROR has a message',
    run: async (world) => {
      const { error } = await failed(world);
      check((header(error, 'message') ?? '') !== '', 'no message header');
    },
  },
  ...(['send', 'subscribe', 'ack'] as const).map(
    (word): Row => ({
      id: `ERR-03/${word}`,
      title: `ERROR names the receipt the bad ${word.toUpperCase()} asked for`,
      run: async (world) => {
        const client = await world.connect();
        const [command, headers] = BAD[word];
        client.frame(command, { ...headers, receipt: 'wrong-1' });
        same(header(await client.error(), 'receipt-id'), 'wrong-1', 'receipt-id');
      },
    }),
  ),
  {
    id: 'ERR-04',
    title: 'an ERROR with a body says its length and type',
    run: async (world) => {
      const { error } = await failed(world);
      if (error.body.length === 0) return;
      same(header(error, 'content-length'), String(error.body.length), 'content-length');
      check((header(error, 'content-type') ?? '') !== '', 'no content-type');
    },
  },
  {
    id: 'ERR-05',
    title: 'no MESSAGE follows an ERROR',
    run: async (world) => {
      const topic = world.topic();
      const sender = await world.connect();
      await sender.subscribe(topic, 's');
      const client = await world.connect();
      await client.subscribe(topic, 's');
      client.frame(...BAD.send);
      await client.error();
      sender.send(topic, 'too late');
      await sender.message();
      await world.pause(world.target.quietMs);
      check(!client.inbox.some((frame) => frame.command === 'MESSAGE'), 'a MESSAGE came');
    },
  },
  {
    id: 'ERR-06',
    title: 'a failed frame gets no RECEIPT',
    run: async (world) => {
      const client = await world.connect();
      client.frame('SEND', { foo: 'bar', receipt: 'r' });
      await client.error();
      await world.pause(world.target.quietMs);
      check(!client.inbox.some((frame) => frame.command === 'RECEIPT'), 'a RECEIPT came');
    },
  },
  {
    id: 'ERR-07',
    title: "one client's protocol error leaves the others alone",
    run: async (world) => {
      const other = await world.connect();
      const client = await world.connect();
      client.text(`SEND\ndestination:${world.topic()}\nfoo:a\\tb\n\nbody\0`);
      await client.rejected();
      await usable(world, other);
    },
  },
];
