/** Section 5: SEND, MESSAGE, order. */
import { check, same } from '../client.ts';
import { header, headersNamed } from '../frame.ts';
import { type Row, VERSIONS, type World } from '../row.ts';

/** What the sender may not decide: the value it tried to set, and another MESSAGE to compare. */
async function imposed(world: World, name: string): Promise<void> {
  const client = await world.connect();
  const topic = world.topic();
  await client.subscribe(topic, 'mine');
  client.send(topic, 'first', { [name]: 'imposed' });
  client.send(topic, 'second', { [name]: 'imposed' });
  const first = await client.rejectedOr('MESSAGE');
  if (first?.command !== 'MESSAGE') return;
  const second = await client.message();
  for (const message of [first, second]) {
    same(headersNamed(message, 'subscription')[0], 'mine', 'subscription');
  }
  check(header(first, 'message-id') !== header(second, 'message-id'), 'one message-id twice');
}

const mixed: readonly Row[] = VERSIONS.flatMap((from) =>
  VERSIONS.map(
    (to): Row => ({
      id: `MSG-06/${from}-${to}`,
      title: `a ${from} sender reaches a ${to} subscriber`,
      run: async (world) => {
        const topic = world.topic();
        const reader = await world.connect(to);
        await reader.subscribe(topic, 's');
        (await world.connect(from)).send(topic, 'héllo', { foo: 'bar', 'content-type': 'text/x' });
        const message = await reader.message();
        same(message.body.toString(), 'héllo', 'the body');
        same([header(message, 'foo'), header(message, 'content-type')], ['bar', 'text/x'], 'both');
      },
    }),
  ),
);

export const messages: readonly Row[] = [
  {
    id: 'MSG-01',
    title: 'SEND without destination is an ERROR',
    run: async (world) => {
      const client = await world.connect();
      client.frame('SEND', { foo: 'bar' }, 'body');
      await client.error();
    },
  },
  {
    id: 'MSG-02',
    title: 'MESSAGE has the destination of the SEND',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.send(topic, 'body');
      same(header(await client.message(), 'destination'), topic, 'destination');
    },
  },
  {
    id: 'MSG-03',
    title: '50 SENDs have 50 message-ids',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      for (let n = 0; n < 50; n++) client.send(topic, String(n));
      const ids = new Set<string>();
      for (let n = 0; n < 50; n++) ids.add(header(await client.message(), 'message-id') ?? '');
      same(ids.size, 50, 'the number of message-ids');
    },
  },
  {
    id: 'MSG-04',
    title: 'MESSAGE names its subscription',
    run: async (world) => {
      for (const version of ['1.1', '1.2'] as const) {
        const [client, topic] = [await world.connect(version), world.topic()];
        await client.subscribe(topic, 'sub-7');
        client.send(topic, 'body');
        same(header(await client.message(), 'subscription'), 'sub-7', 'subscription');
      }
    },
  },
  {
    id: 'MSG-05',
    title: 'user headers are in MESSAGE',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.send(topic, 'body', { priority: '9', 'x-trace': 'abc' });
      const message = await client.message();
      same([header(message, 'priority'), header(message, 'x-trace')], ['9', 'abc'], 'both');
    },
  },
  ...mixed,
  {
    id: 'MSG-07',
    title: 'a sender that subscribed gets its own message',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.send(topic, 'mine');
      same(await client.body(), 'mine', 'the body');
    },
  },
  {
    id: 'MSG-08',
    title: '5 subscribers get one copy each',
    run: async (world) => {
      const topic = world.topic();
      const readers = await Promise.all(Array.from({ length: 5 }, () => world.connect()));
      for (const reader of readers) await reader.subscribe(topic, 's');
      (await world.connect()).send(topic, 'copy');
      for (const reader of readers) same(await reader.body(), 'copy', 'the body');
      await Promise.all(readers.map((reader) => world.silent(reader, 'a second copy')));
    },
  },
  {
    id: 'MSG-09',
    title: 'queue: 20 messages, 2 consumers, each message once',
    run: async (world) => {
      const queue = world.queue();
      const consumers = [await world.connect(), await world.connect()];
      for (const consumer of consumers) await consumer.subscribe(queue, 's');
      const sender = await world.connect();
      for (let n = 0; n < 20; n++) sender.send(queue, String(n));
      sender.send(queue, 'last', { receipt: 'sent' });
      await sender.receipt('sent');
      const heard = () => consumers.flatMap((consumer) => consumer.inbox);
      const deadline = performance.now() + world.target.patienceMs;
      while (heard().length < 21 && performance.now() < deadline) await world.pause(20);
      await world.pause(world.target.quietMs);
      const bodies = heard().map((frame) => frame.body.toString());
      same([bodies.length, new Set(bodies).size], [21, 21], 'deliveries and distinct messages');
    },
  },
  {
    id: 'MSG-10',
    title: 'queue: a message waits for the first consumer',
    run: async (world) => {
      const queue = world.queue();
      const sender = await world.connect();
      sender.send(queue, 'early', { receipt: 'sent' });
      await sender.receipt('sent');
      const consumer = await world.connect();
      await consumer.subscribe(queue, 's');
      same(await consumer.body(), 'early', 'the body');
    },
  },
  ...elsewhere(),
  {
    id: 'MSG-14',
    title: 'the sender does not choose subscription',
    run: (world) => imposed(world, 'subscription'),
  },
  {
    id: 'MSG-14b',
    title: 'the sender does not choose message-id',
    run: (world) => imposed(world, 'message-id'),
  },
  {
    id: 'MSG-15',
    title: 'an ack header in SEND does not break acknowledging',
    run: async (world) => {
      const queue = world.queue();
      const client = await world.connect();
      await client.subscribe(queue, 's', { ack: 'client' });
      client.send(queue, 'body', { ack: 'imposed' });
      const message = await client.rejectedOr('MESSAGE');
      if (message?.command !== 'MESSAGE') return;
      const id = header(message, 'ack') ?? '';
      check(id !== 'imposed', 'ack is what the sender wrote');
      client.frame('ACK', { id, receipt: 'acked' });
      await client.receipt('acked');
    },
  },
];

/** Nothing reaches a destination that is spelt otherwise. */
function elsewhere(): readonly Row[] {
  const silentAt = (spell: (topic: string) => readonly string[]) => async (world: World) => {
    const topic = world.topic('Case');
    const reader = await world.connect();
    for (const [n, other] of spell(topic).entries()) await reader.subscribe(other, `s${n}`);
    const sender = await world.connect();
    sender.send(topic, 'not for you', { receipt: 'sent' });
    await sender.receipt('sent');
    await world.silent(reader, 'another destination');
  };
  return [
    {
      id: 'MSG-11',
      title: 'another destination, or another case of it, gets nothing',
      run: silentAt((topic) => [`${topic}other`, topic.toLowerCase()]),
    },
    {
      id: 'MSG-12',
      title: 'a prefix or an extension of a destination gets nothing',
      run: silentAt((topic) => [topic.slice(0, topic.lastIndexOf('.')), `${topic}.more`]),
    },
  ];
}
