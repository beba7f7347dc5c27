/** Section 3: header encoding. */
import { type Client, check, type HeaderRecord, same } from '../client.ts';
import { type Frame, type HeaderList, header, headersNamed, type Version } from '../frame.ts';
import type { Row, World } from '../row.ts';

async function looped(
  world: World,
  version: Version,
): Promise<{ client: Client; topic: string; send: (raw: string) => Promise<Frame> }> {
  const client = await world.connect(version);
  const topic = world.topic();
  await client.subscribe(topic, 's');
  const send = (raw: string) => {
    client.text(`SEND\ndestination:${topic}\n${raw}\nbody\0`);
    return client.message();
  };
  return { client, topic, send };
}

/** Every pair given comes back unchanged. */
function unchanged(id: string, title: string, pairs: HeaderRecord, version: Version = '1.2'): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, topic } = await looped(world, version);
      client.send(topic, 'body', pairs);
      const message = await client.message();
      for (const [name, value] of Object.entries(pairs)) {
        same(header(message, name), value, JSON.stringify(name));
      }
    },
  };
}

function fatal(id: string, version: Version, line: string, title: string): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, topic } = await looped(world, version);
      client.text(`SEND\ndestination:${topic}\n${line}\n\nbody\0`);
      await client.rejected();
    },
  };
}

function literal(id: string, title: string, value: string): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { send } = await looped(world, '1.0');
      same(header(await send(`foo:${value}\n`), 'foo'), value, 'foo');
    },
  };
}

const twelve = 'a:b\nc\\d\re\\n';
const eleven = 'a:b\nc\\d\\n';

export const headers: readonly Row[] = [
  unchanged('HDR-01/1.1', 'escapes in a value, 1.1', { foo: eleven }, '1.1'),
  unchanged('HDR-01/1.2', 'escapes in a value, 1.2', { foo: twelve }),
  unchanged('HDR-03/1.1', 'escapes in a name, 1.1', { [eleven]: 'bar' }, '1.1'),
  unchanged('HDR-03/1.2', 'escapes in a name, 1.2', { [twelve]: 'bar' }),
  fatal('HDR-04/1.1', '1.1', 'foo:a\\tb', 'an undefined escape is fatal, 1.1'),
  fatal('HDR-04/1.2', '1.2', 'foo:a\\tb', 'an undefined escape is fatal, 1.2'),
  fatal('HDR-05', '1.1', 'foo:a\\rb', '\\r is undefined before 1.2'),
  literal('HDR-07', '1.0 has no escapes', 'a\\cb\\t'),
  literal('HDR-08', '1.0 has colons in values', 'a:b:c'),
  {
    id: 'HDR-09',
    title: 'a value is encoded for the version of its reader',
    run: async (world) => {
      const topic = world.topic();
      const wire = { '1.0': 'a:b\\c', '1.1': 'a\\cb\\\\c', '1.2': 'a\\cb\\\\c' } as const;
      const readers = await Promise.all(
        (['1.0', '1.1', '1.2'] as const).map(async (version) => {
          const client = await world.connect(version);
          await client.subscribe(topic, 's');
          return client;
        }),
      );
      const sender = await world.connect('1.2');
      sender.text(`SEND\ndestination:${topic}\nfoo:a\\cb\\\\c\n\nbody\0`);
      for (const client of readers) {
        const raw = (await client.message()).raw.find(([name]) => name === 'foo')?.[1];
        same(raw, wire[client.version], `foo on the wire of a ${client.version} session`);
      }
    },
  },
  fatal('HDR-10/1.1', '1.1', 'foo:bar\\', 'a lone backslash at the end is fatal, 1.1'),
  fatal('HDR-10/1.2', '1.2', 'foo:bar\\', 'a lone backslash at the end is fatal, 1.2'),
  unchanged('HDR-11', 'spaces around a value stay', { foo: '  bar ' }),
  unchanged('HDR-12', 'spaces around a name stay', { ' foo  ': ' bar ' }),
  unchanged('HDR-13', 'names and values are UTF-8', { 'naïve-日本': 'ünï – 😀 ✓', ß: 'é' }),
  {
    id: 'HDR-14',
    title: 'the first of a repeated user header counts',
    run: async (world) => {
      const { send } = await looped(world, '1.2');
      same(header(await send('foo:first\nfoo:second\n'), 'foo'), 'first', 'foo');
    },
  },
  {
    id: 'HDR-15',
    title: 'the first of a repeated destination counts',
    run: async (world) => {
      const { client, topic } = await looped(world, '1.2');
      const other = world.topic('other');
      await client.subscribe(other, 'o');
      client.frame('SEND', [
        ['destination', topic],
        ['destination', other],
      ]);
      same(header(await client.message(), 'subscription'), 's', 'subscription');
      await world.silent(client, 'the second destination');
    },
  },
  {
    id: 'HDR-16',
    title: 'the first of a repeated content-length counts',
    run: async (world) => {
      const { client, topic } = await looped(world, '1.2');
      client.text(`SEND\ndestination:${topic}\ncontent-length:5\ncontent-length:3\n\nab\0de\0`);
      same(await client.body(), 'ab\0de', 'the body');
    },
  },
  {
    id: 'HDR-17',
    title: 'a destination is decoded and encoded like any value',
    run: async (world) => {
      const client = await world.connect();
      const topic = `${world.topic()}:colon`;
      await client.subscribe(topic, 's');
      client.send(topic, 'body');
      same(header(await client.message(), 'destination'), topic, 'destination');
    },
  },
  {
    id: 'HDR-19',
    title: 'a receipt id comes back the same',
    run: async (world) => {
      const client = await world.connect();
      client.send(world.topic(), 'body', { receipt: 'r:1\\2 é\n3' });
      await client.receipt('r:1\\2 é\n3');
    },
  },
  {
    id: 'HDR-20',
    title: 'a subscription id comes back the same',
    run: async (world) => {
      const client = await world.connect();
      const topic = world.topic();
      client.frame('SUBSCRIBE', { destination: topic, id: 'sub:1 \\ x' });
      client.send(topic, 'body');
      same(header(await client.message(), 'subscription'), 'sub:1 \\ x', 'subscription');
    },
  },
  {
    id: 'HDR-22',
    title: '60 user headers arrive',
    run: async (world) => {
      const { client, topic } = await looped(world, '1.2');
      const pairs: HeaderList = Array.from({ length: 60 }, (_, n) => [`x-${n}`, `value ${n}`]);
      client.frame('SEND', [['destination', topic], ...pairs], 'body');
      const message = await client.message();
      for (const [name, value] of pairs) same(headersNamed(message, name), [value], name);
      check(message.body.toString() === 'body', 'the body differs');
    },
  },
];
