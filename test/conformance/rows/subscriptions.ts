/** Section 6: SUBSCRIBE, UNSUBSCRIBE. */
import { type HeaderRecord, same } from '../client.ts';
import { header, type Version } from '../frame.ts';
import type { Row, World } from '../row.ts';

/** The frame is answered by an ERROR. */
function refused(id: string, title: string, headers: HeaderRecord, version: Version = '1.2'): Row {
  return {
    id,
    title,
    run: async (world) => {
      const client = await world.connect(version);
      client.frame('SUBSCRIBE', { destination: world.topic(), ...headers });
      await client.error();
    },
  };
}

function unsubscribeRefused(id: string, title: string, headers: HeaderRecord): Row {
  return {
    id,
    title,
    run: async (world) => {
      const client = await world.connect();
      await client.subscribe(world.topic(), 's');
      client.frame('UNSUBSCRIBE', headers);
      await client.rejected();
    },
  };
}

/** 1.0: subscribes and unsubscribes with these headers; SENDs before arrive, after do not. */
async function onOff(world: World, subscribe: HeaderRecord, by: 'id' | 'destination') {
  const client = await world.connect('1.0');
  const topic = world.topic();
  client.frame('SUBSCRIBE', { destination: topic, receipt: 'on', ...subscribe });
  await client.receipt('on');
  client.send(topic, 'before');
  const message = await client.message();
  client.frame(
    'UNSUBSCRIBE',
    by === 'id'
      ? { id: subscribe['id'] ?? '', receipt: 'off' }
      : { destination: topic, receipt: 'off' },
  );
  await client.receipt('off');
  client.send(topic, 'after');
  await world.silent(client, 'delivered after UNSUBSCRIBE');
  return message;
}

export const subscriptions: readonly Row[] = [
  {
    id: 'SUB-01',
    title: 'SUBSCRIBE without destination is an ERROR',
    run: async (world) => {
      const client = await world.connect();
      client.frame('SUBSCRIBE', { id: 's' });
      await client.error();
    },
  },
  refused('SUB-02/1.1', 'SUBSCRIBE without id is an ERROR, 1.1', {}, '1.1'),
  refused('SUB-02/1.2', 'SUBSCRIBE without id is an ERROR, 1.2', {}),
  {
    id: 'SUB-03',
    title: '1.0: id is optional, UNSUBSCRIBE goes by destination',
    run: async (world) => {
      await onOff(world, {}, 'destination');
    },
  },
  {
    id: 'SUB-04',
    title: '1.0: with an id, MESSAGE names it and UNSUBSCRIBE goes by it',
    run: async (world) => {
      const message = await onOff(world, { id: 'named' }, 'id');
      same(header(message, 'subscription'), 'named', 'subscription');
    },
  },
  {
    id: 'SUB-05',
    title: 'a second SUBSCRIBE with an id in use is an ERROR',
    run: async (world) => {
      const client = await world.connect();
      await client.subscribe(world.topic(), 's');
      client.frame('SUBSCRIBE', { destination: world.topic(), id: 's' });
      await client.error();
    },
  },
  {
    id: 'SUB-06',
    title: 'two ids on one topic give two MESSAGEs',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 'a');
      await client.subscribe(topic, 'b');
      client.send(topic, 'twice');
      const ids = [await client.message(), await client.message()].map((message) =>
        header(message, 'subscription'),
      );
      same(ids.sort(), ['a', 'b'], 'the subscriptions');
      await world.silent(client, 'a third copy');
    },
  },
  {
    id: 'SUB-07',
    title: 'one id on two connections is two subscriptions',
    run: async (world) => {
      const topic = world.topic();
      const [one, two] = [await world.connect(), await world.connect()];
      await one.subscribe(topic, 's');
      await two.subscribe(topic, 's');
      one.frame('UNSUBSCRIBE', { id: 's', receipt: 'off' });
      await one.receipt('off');
      one.send(topic, 'for two');
      same(await two.body(), 'for two', 'the body');
      await world.silent(one, 'delivered after UNSUBSCRIBE');
    },
  },
  refused('SUB-08', 'an unknown ack mode is an ERROR', { id: 's', ack: 'sometimes' }),
  {
    id: 'SUB-09',
    title: 'after the RECEIPT of UNSUBSCRIBE nothing arrives',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.frame('UNSUBSCRIBE', { id: 's', receipt: 'off' });
      await client.receipt('off');
      const sender = await world.connect();
      sender.send(topic, 'too late', { receipt: 'sent' });
      await sender.receipt('sent');
      await world.silent(client, 'delivered after UNSUBSCRIBE');
    },
  },
  unsubscribeRefused('SUB-10', 'UNSUBSCRIBE without id is rejected', {}),
  unsubscribeRefused('SUB-11', 'UNSUBSCRIBE of an unknown id is rejected', { id: 'unknown' }),
  {
    id: 'SUB-12',
    title: 'an id can be used again after UNSUBSCRIBE',
    run: async (world) => {
      const client = await world.connect();
      const [old, fresh] = [world.topic('old'), world.topic('new')];
      await client.subscribe(old, 's');
      client.frame('UNSUBSCRIBE', { id: 's' });
      await client.subscribe(fresh, 's');
      client.send(old, 'old');
      client.send(fresh, 'new');
      same(await client.body(), 'new', 'the body');
      await world.silent(client, 'the old destination');
    },
  },
  ...endings(),
];

function endings(): readonly Row[] {
  return [
    {
      id: 'SUB-13',
      title: 'no ack header is auto: nothing is redelivered',
      run: async (world) => {
        const queue = world.queue();
        const first = await world.connect();
        await first.subscribe(queue, 's');
        first.send(queue, 'once');
        same(await first.body(), 'once', 'the body');
        await first.cut();
        const second = await world.connect();
        await second.subscribe(queue, 's');
        await world.silent(second, 'redelivered');
      },
    },
    {
      id: 'SUB-14',
      title: 'ending one of two subscriptions leaves the other',
      run: async (world) => {
        const [client, topic] = [await world.connect(), world.topic()];
        await client.subscribe(topic, 'a');
        await client.subscribe(topic, 'b');
        client.frame('UNSUBSCRIBE', { id: 'a', receipt: 'off' });
        await client.receipt('off');
        client.send(topic, 'body');
        same(header(await client.message(), 'subscription'), 'b', 'subscription');
        await world.silent(client, 'the ended subscription');
      },
    },
    {
      id: 'SUB-15',
      title: 'subscriptions end with the connection',
      run: async (world) => {
        const topic = world.topic();
        const first = await world.connect();
        await first.subscribe(topic, 's');
        await first.cut();
        const second = await world.connect();
        second.send(topic, 'for nobody');
        await world.silent(second, 'delivered to a new connection');
        await second.subscribe(topic, 's');
        second.send(topic, 'for the new one');
        same(await second.body(), 'for the new one', 'the body');
      },
    },
    {
      id: 'SUB-16',
      title: '25 subscriptions on one connection',
      run: async (world) => {
        const client = await world.connect();
        const topics = Array.from({ length: 25 }, () => world.topic());
        for (const [n, topic] of topics.entries()) await client.subscribe(topic, `s${n}`);
        for (const [n, topic] of topics.entries()) {
          client.send(topic, String(n));
          const message = await client.message();
          same(header(message, 'subscription'), `s${n}`, 'subscription');
        }
      },
    },
    {
      id: 'SUB-17',
      title: 'a cut consumer stops competing for a queue',
      run: async (world) => {
        const queue = world.queue();
        const [gone, stays] = [await world.connect(), await world.connect()];
        await gone.subscribe(queue, 's');
        await stays.subscribe(queue, 's');
        await gone.cut();
        await world.pause(world.target.quietMs);
        const sent = Array.from({ length: 6 }, (_, n) => String(n));
        for (const body of sent) stays.send(queue, body);
        same((await stays.bodies(6)).sort(), sent, 'the bodies');
      },
    },
  ];
}
