/** Section 5, second half: frames of one connection are one ordered stream. */
import { same } from '../client.ts';
import { type Row, VERSIONS } from '../row.ts';

export const order: readonly Row[] = [
  ...VERSIONS.map(
    (version): Row => ({
      id: `ORD-01/${version}`,
      title: `SUBSCRIBE then SEND with no receipt between, 10 rounds, ${version}`,
      run: async (world) => {
        const client = await world.connect(version);
        for (let round = 0; round < 10; round++) {
          const topic = world.topic();
          client.frame('SUBSCRIBE', { destination: topic, id: `round-${round}` });
          client.send(topic, String(round));
          same(await client.body(), String(round), 'the body');
        }
      },
    }),
  ),
  {
    id: 'ORD-02',
    title: '200 SENDs of one sender arrive once each, in order',
    run: async (world) => {
      const topic = world.topic();
      const reader = await world.connect();
      await reader.subscribe(topic, 's');
      const sender = await world.connect();
      const sent = Array.from({ length: 200 }, (_, n) => String(n));
      for (const body of sent) sender.send(topic, body);
      same(await reader.bodies(200), sent, 'the bodies');
      await world.silent(reader, 'more than 200');
    },
  },
  {
    id: 'ORD-03',
    title: 'UNSUBSCRIBE then SEND at once: not delivered',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.frame('UNSUBSCRIBE', { id: 's' });
      client.send(topic, 'too late');
      await world.silent(client, 'delivered after UNSUBSCRIBE');
    },
  },
];
