/** Section 7: ACK, NACK. Every row asks what the next consumer of the queue gets. */
import { type Client, check, type HeaderRecord, same } from '../client.ts';
import { type Frame, header, type Version } from '../frame.ts';
import { type Row, VERSIONS, type World } from '../row.ts';

/** How a version names the message it acknowledges. */
export function naming(version: Version, message: Frame): HeaderRecord {
  const messageId = header(message, 'message-id') ?? '';
  if (version === '1.0') return { 'message-id': messageId };
  if (version === '1.2') return { id: header(message, 'ack') ?? '' };
  return { 'message-id': messageId, subscription: header(message, 'subscription') ?? '' };
}

export interface Held {
  readonly client: Client;
  readonly queue: string;
  readonly messages: readonly Frame[];
}

/** A consumer that has received messages "1"… and acknowledged none. */
export async function held(
  world: World,
  options: { readonly version?: Version; readonly ack?: string; readonly count?: number } = {},
): Promise<Held> {
  const { version = '1.2', ack = 'client-individual', count = 1 } = options;
  const queue = world.queue();
  const client = await world.connect(version);
  await client.subscribe(queue, 's', { ack });
  const messages: Frame[] = [];
  for (let n = 1; n <= count; n++) client.send(queue, String(n));
  while (messages.length < count) messages.push(await client.message());
  return { client, queue, messages };
}

/** The bodies a new consumer gets before one that is sent now; sorted. */
export async function left(world: World, queue: string): Promise<readonly string[]> {
  const client = await world.connect();
  client.send(queue, 'end', { receipt: 'sent' });
  await client.receipt('sent');
  await client.subscribe(queue, 'next');
  await client.message((frame) => frame.body.toString() === 'end', 'the end of the queue');
  await world.pause(world.target.quietMs);
  return client.inbox.map((frame) => frame.body.toString()).sort();
}

/** Sends ACK or NACK of one of the held messages and waits until it is processed. */
export async function answer(
  { client, messages }: Held,
  command: 'ACK' | 'NACK',
  number: number,
  more: HeaderRecord = {},
): Promise<void> {
  const message = messages[number - 1];
  if (message === undefined) throw new Error(`there is no message ${number}`);
  const receipt = `${command}-${number}`;
  client.frame(command, { ...naming(client.version, message), receipt, ...more });
  await client.receipt(receipt);
}

/** The frame must be rejected, and the held message must stay unacknowledged. */
function refused(
  id: string,
  title: string,
  version: Version,
  frame: (message: Frame) => readonly [command: string, headers: HeaderRecord],
): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, queue, messages } = await held(world, { version, ack: 'client' });
      for (const message of messages) client.frame(...frame(message));
      await client.rejected();
      await client.cut();
      same(await left(world, queue), ['1'], 'what is left');
    },
  };
}

const NEWER = ['1.1', '1.2'] as const;
const messageId = (message: Frame) => header(message, 'message-id') ?? '';

export const acknowledgements: readonly Row[] = [
  ...['client', 'client-individual'].map(
    (ack): Row => ({
      id: `ACK-01/${ack}`,
      title: `ack:${ack} gives MESSAGE an ack header`,
      run: async (world) => {
        const { messages } = await held(world, { ack });
        for (const message of messages) check((header(message, 'ack') ?? '') !== '', 'no ack');
      },
    }),
  ),
  ...VERSIONS.map(
    (version): Row => ({
      id: `ACK-02/${version}`,
      title: `ACK consumes, ${version}`,
      run: async (world) => {
        const consumer = await held(world, { version, ack: 'client' });
        await answer(consumer, 'ACK', 1);
        await consumer.client.cut();
        same(await left(world, consumer.queue), [], 'what is left');
      },
    }),
  ),
  ...VERSIONS.map(
    (version): Row => ({
      id: `ACK-03/${version}`,
      title: `without ACK a lost connection consumes nothing, ${version}`,
      run: async (world) => {
        const { client, queue } = await held(world, { version, ack: 'client' });
        await client.cut();
        same(await left(world, queue), ['1'], 'what is left');
      },
    }),
  ),
  ...NEWER.flatMap((version): readonly Row[] => [
    {
      id: `ACK-04/${version}`,
      title: `client: ACK of the 2nd of 3 leaves the 3rd, ${version}`,
      run: (world) => afterSecond(world, { version, ack: 'client' }, 'ACK', ['3']),
    },
    {
      id: `ACK-05/${version}`,
      title: `client-individual: ACK of the 2nd of 3 leaves the others, ${version}`,
      run: (world) => afterSecond(world, { version }, 'ACK', ['1', '3']),
    },
    {
      id: `ACK-09/${version}`,
      title: `NACK with a receipt gives RECEIPT, ${version}`,
      run: async (world) => answer(await held(world, { version }), 'NACK', 1),
    },
    {
      id: `ACK-17/${version}`,
      title: `client: NACK of the 2nd of 3 takes the 1st along, not the 3rd, ${version}`,
      run: async (world) => {
        const bodies = await nacked(world, version, 'client');
        check(bodies.includes('3'), 'the 3rd is gone');
        same(bodies.includes('1'), bodies.includes('2'), 'the fate of the 1st (back or not)');
      },
    },
    {
      id: `ACK-18/${version}`,
      title: `client-individual: NACK of the 2nd leaves the others, ${version}`,
      run: async (world) => {
        const bodies = await nacked(world, version, 'client-individual');
        check(bodies.includes('1') && bodies.includes('3'), `only ${bodies.join(' ')} left`);
      },
    },
  ]),
  refused('ACK-12/bare', 'ACK without id is rejected', '1.2', () => ['ACK', {}]),
  refused('ACK-12/1.1-headers', 'ACK with the headers of 1.1 is rejected', '1.2', (message) => [
    'ACK',
    { 'message-id': messageId(message), subscription: 's' },
  ]),
  refused('ACK-16', 'NACK without id is rejected', '1.2', (message) => [
    'NACK',
    { 'message-id': messageId(message), subscription: 's' },
  ]),
  refused('ACK-13', '1.1: ACK without subscription is rejected', '1.1', (message) => [
    'ACK',
    { 'message-id': messageId(message) },
  ]),
  refused('ACK-14/1.0', '1.0: ACK without message-id is rejected', '1.0', () => ['ACK', {}]),
  refused('ACK-14/1.1', '1.1: ACK without message-id is rejected', '1.1', () => [
    'ACK',
    { subscription: 's' },
  ]),
];

async function afterSecond(
  world: World,
  options: { readonly version: Version; readonly ack?: string },
  command: 'ACK' | 'NACK',
  expected: readonly string[],
): Promise<void> {
  const consumer = await held(world, { ...options, count: 3 });
  await answer(consumer, command, 2);
  await consumer.client.cut();
  same(await left(world, consumer.queue), expected, 'what is left');
}

async function nacked(world: World, version: Version, ack: string): Promise<readonly string[]> {
  const consumer = await held(world, { version, ack, count: 3 });
  await answer(consumer, 'NACK', 2);
  await consumer.client.cut();
  return left(world, consumer.queue);
}
