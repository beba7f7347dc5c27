/** Section 12, limits: refused in words or by a close, never by silence. */
import { same } from '../client.ts';
import { header } from '../frame.ts';
import type { Row } from '../row.ts';
import { usable } from './connecting.ts';
import { looped } from './transport.ts';

export const limits: readonly Row[] = [
  {
    id: 'LIM-01',
    title: 'a body over the limit (OVERSIZE_KB) is an ERROR or a close',
    run: async (world) => {
      const { client, frame } = await looped(world);
      client.text(frame('x'.repeat((world.target.oversizeKiB ?? 0) * 1024)));
      await client.rejected();
    },
  },
  {
    id: 'LIM-02',
    title: '1,000 headers arrive whole, or are refused',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      const more = Array.from({ length: 1_000 }, (_, n) => [`x-${n}`, String(n)]);
      client.send(topic, 'body', Object.fromEntries(more));
      const message = await client.rejectedOr('MESSAGE');
      if (message?.command !== 'MESSAGE') return;
      same(message.headers.filter(([name]) => name.startsWith('x-')).length, 1_000, 'the headers');
    },
  },
  {
    id: 'LIM-03',
    title: 'a value of 20,000 octets arrives whole, or is refused',
    run: async (world) => {
      const [client, topic] = [await world.connect(), world.topic()];
      await client.subscribe(topic, 's');
      client.send(topic, 'body', { long: 'x'.repeat(20_000) });
      const message = await client.rejectedOr('MESSAGE');
      if (message?.command !== 'MESSAGE') return;
      same(header(message, 'long')?.length, 20_000, 'the length');
    },
  },
  {
    id: 'LIM-04',
    title: 'garbage instead of CONNECT is rejected and harms nobody',
    run: async (world) => {
      const other = await world.connect();
      for (const garbage of [
        'GARBAGE\n\n\0',
        'GET / HTTP/1.1\r\nhost: x\r\n\r\n\0',
        '\u0001\u0002\n\n\u0003\0',
      ]) {
        const client = await world.open();
        client.text(garbage);
        await client.rejected();
      }
      await usable(world, other);
    },
  },
];
