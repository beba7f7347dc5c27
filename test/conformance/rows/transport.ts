/** Section 12: frames and WebSocket messages do not coincide. */
import { once } from 'node:events';
import { type Client, check, same } from '../client.ts';
import type { Row, World } from '../row.ts';

/** A subscribed session; `frame` is a SEND to its topic whose body must come back. */
export async function looped(world: World): Promise<{
  client: Client;
  frame: (body: string) => Buffer;
  back: (...bodies: readonly string[]) => Promise<void>;
}> {
  const [client, topic] = [await world.connect(), world.topic()];
  await client.subscribe(topic, 's');
  return {
    client,
    frame: (body) =>
      client.bytes(
        'SEND',
        { destination: topic, 'content-length': String(Buffer.byteLength(body)) },
        body,
      ),
    back: async (...bodies) => same(await client.bodies(bodies.length), bodies, 'the bodies'),
  };
}

/** One frame in as many messages as these cuts make, and back in one piece. */
function split(
  id: string,
  title: string,
  body: string,
  cut: (frame: Buffer) => readonly Buffer[],
): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      for (const part of cut(frame(body))) client.text(part);
      await back(body);
    },
  };
}

function cutAt(frame: Buffer, places: readonly number[]): readonly Buffer[] {
  const edges = [0, ...places, frame.length];
  return edges.slice(1).map((end, n) => frame.subarray(edges[n] ?? 0, end));
}

const single = (frame: Buffer) => [...frame].map((octet) => Buffer.from([octet]));

export const transport: readonly Row[] = [
  {
    id: 'WSK-07',
    title: 'several frames in one message',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      client.text(Buffer.concat(['a', 'b', 'c'].map(frame)));
      await back('a', 'b', 'c');
    },
  },
  {
    id: 'WSK-07b',
    title: 'CONNECT, SUBSCRIBE and SEND in one message',
    run: async (world) => {
      const client = await world.open();
      const [topic, { host, login, passcode }] = [world.topic(), world.target];
      const frames = [
        client.bytes('CONNECT', { 'accept-version': '1.2', host, login, passcode }),
        client.bytes('SUBSCRIBE', { destination: topic, id: 's' }),
        client.bytes('SEND', { destination: topic }, 'at once'),
      ];
      client.text(Buffer.concat(frames));
      same(await client.body(), 'at once', 'the body');
    },
  },
  split('WSK-08', 'a frame in two messages', 'halves', (frame) =>
    cutAt(frame, [frame.length >> 1]),
  ),
  split('WSK-08b', 'one octet per message', 'bytewise', single),
  {
    id: 'WSK-08c',
    title: 'CONNECT in three messages is not answered early',
    run: async (world) => {
      const client = await world.open();
      const { host, login, passcode } = world.target;
      const connect = client.bytes('CONNECT', { 'accept-version': '1.2', host, login, passcode });
      const parts = cutAt(connect, [9, connect.length - 1]);
      for (const part of parts.slice(0, 2)) client.text(part);
      await world.pause(world.target.quietMs);
      check(client.arrivals.length === 0, 'answered before the end of the frame');
      for (const part of parts.slice(2)) client.text(part);
      await client.take('CONNECTED');
    },
  },
  split('WSK-08d', 'split at NULs inside a counted body', 'a\0b\0\0c', (frame) =>
    cutAt(
      frame,
      [...frame.entries()].flatMap(([at, octet]) =>
        octet === 0 && at < frame.length - 1 ? [at + 1] : [],
      ),
    ),
  ),
  {
    id: 'WSK-09',
    title: 'binary messages split inside a UTF-8 sequence',
    needs: 'binary',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      const octets = frame('split 😀 here');
      for (const part of cutAt(octets, [octets.indexOf(Buffer.from('😀')) + 2]))
        client.binary(part);
      await back('split 😀 here');
    },
  },
  {
    id: 'WSK-10',
    title: 'one and a half frames, then the rest',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      const [one, two] = [frame('one'), frame('two')];
      client.text(Buffer.concat([one, two.subarray(0, 9)]));
      await back('one');
      client.text(two.subarray(9));
      await back('two');
    },
  },
  {
    id: 'WSK-11',
    title: 'one message in three WebSocket fragments',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      for (const [n, part] of cutAt(frame('fragments'), [5, 20]).entries()) {
        client.socket.send(part, { binary: false, fin: n === 2 });
      }
      await back('fragments');
    },
  },
  {
    id: 'WSK-12',
    title: 'a session in binary messages',
    needs: 'binary',
    run: async (world) => {
      const client = await world.open();
      const [topic, { host, login, passcode }] = [world.topic(), world.target];
      client.binary(client.bytes('CONNECT', { 'accept-version': '1.2', host, login, passcode }));
      await client.take('CONNECTED');
      client.binary(client.bytes('SUBSCRIBE', { destination: topic, id: 's' }));
      client.binary(client.bytes('SEND', { destination: topic }, 'binary'));
      same(await client.body(), 'binary', 'the body');
    },
  },
  {
    id: 'WSK-12b',
    title: 'text and binary messages in one session',
    needs: 'binary',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      client.text(frame('text'));
      client.binary(frame('binary'));
      await back('text', 'binary');
    },
  },
  {
    id: 'WSK-13',
    title: 'EOLs before and after a frame in one message',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      client.text(`\n\n${frame('between')}\n\r\n`);
      client.text(frame('after'));
      await back('between', 'after');
    },
  },
  {
    id: 'WSK-15',
    title: 'an empty message is harmless',
    run: async (world) => {
      const { client, frame, back } = await looped(world);
      client.text('');
      client.text(frame('after'));
      await back('after');
    },
  },
  {
    id: 'WSK-17',
    title: 'ping is answered by pong',
    run: async (world) => {
      const client = await world.open();
      client.socket.ping('beat');
      const signal = AbortSignal.timeout(world.target.patienceMs);
      const [payload] = await once(client.socket, 'pong', { signal });
      same(String(payload), 'beat', 'the payload');
    },
  },
  {
    id: 'WSK-18',
    title: 'close is answered by close',
    run: async (world) => {
      const client = await world.connect();
      client.socket.close(1000);
      same(await client.closed(), 1000, 'the close code');
    },
  },
];
