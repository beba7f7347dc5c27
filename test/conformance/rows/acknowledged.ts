/** Section 7, second half: whose message an ACK may name, and acknowledging in a transaction. */
import { same } from '../client.ts';
import { header } from '../frame.ts';
import type { Row, World } from '../row.ts';
import { answer, held, left, naming } from './acknowledgements.ts';

/** ACK inside a transaction, then this; what the next consumer gets. */
async function ackThen(
  world: World,
  ending: 'COMMIT' | 'ABORT' | 'cut',
): Promise<readonly string[]> {
  const consumer = await held(world);
  consumer.client.frame('BEGIN', { transaction: 't' });
  await answer(consumer, 'ACK', 1, { transaction: 't' });
  if (ending !== 'cut') {
    consumer.client.frame(ending, { transaction: 't', receipt: 'done' });
    await consumer.client.receipt('done');
  }
  await consumer.client.cut();
  return left(world, consumer.queue);
}

/** An ACK that names nothing of this connection: refused or void, and the message stays. */
async function foreignAck(world: World, id: string): Promise<void> {
  const other = await world.connect();
  other.frame('ACK', { id, receipt: 'r' });
  await other.rejectedOr('RECEIPT');
}

export const acknowledged: readonly Row[] = [
  {
    id: 'ACK-15',
    title: 'ACK of an id never given leaves the message unacknowledged',
    run: async (world) => {
      const { client, queue } = await held(world);
      await foreignAck(world, 'never-given');
      await client.cut();
      same(await left(world, queue), ['1'], 'what is left');
    },
  },
  {
    id: 'ACK-19',
    title: 'ACK on a topic subscription gives RECEIPT',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's', { ack: 'client' });
      client.send(topic, 'body');
      const id = header(await client.message(), 'ack') ?? '';
      client.frame('ACK', { id, receipt: 'acked' });
      await client.receipt('acked');
    },
  },
  {
    id: 'ACK-20',
    title: 'a cumulative ACK stays within its subscription',
    run: async (world) => {
      const { client, queue } = await held(world, { ack: 'client' });
      const other = world.queue('other');
      await client.subscribe(other, 'b', { ack: 'client' });
      client.send(other, 'b1');
      const id = header(await client.message(), 'ack') ?? '';
      client.frame('ACK', { id, receipt: 'acked' });
      await client.receipt('acked');
      await client.cut();
      same(await left(world, queue), ['1'], 'what is left of the other subscription');
    },
  },
  {
    id: 'ACK-21',
    title: 'ACK of an id given to another connection acknowledges nothing',
    run: async (world) => {
      const { client, queue, messages } = await held(world);
      for (const message of messages) await foreignAck(world, header(message, 'ack') ?? '');
      await client.cut();
      same(await left(world, queue), ['1'], 'what is left');
    },
  },
  {
    id: 'ACK-22',
    title: 'ACK in a transaction counts after COMMIT',
    run: async (world) => same(await ackThen(world, 'COMMIT'), [], 'what is left'),
  },
  {
    id: 'ACK-23',
    title: 'ACK in a transaction is undone by ABORT',
    run: async (world) => same(await ackThen(world, 'ABORT'), ['1'], 'what is left'),
  },
  {
    id: 'ACK-24',
    title: 'ACK in a transaction is undone by the loss of the connection',
    run: async (world) => same(await ackThen(world, 'cut'), ['1'], 'what is left'),
  },
  {
    id: 'ACK-25',
    title: 'the same ACK twice is answered',
    run: async (world) => {
      const consumer = await held(world);
      const { client, messages } = consumer;
      await answer(consumer, 'ACK', 1);
      for (const message of messages) {
        client.frame('ACK', { ...naming('1.2', message), receipt: 'again' });
      }
      await client.rejectedOr('RECEIPT');
    },
  },
];
