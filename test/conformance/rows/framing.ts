/** Section 2: framing. FRM-99 is judged by the run itself, over every frame of every row. */
import { type Client, check, same } from '../client.ts';
import { header, type Version } from '../frame.ts';
import type { Row, World } from '../row.ts';
import { usable } from './connecting.ts';

/** A session subscribed to a topic of its own. */
async function subscribed(
  world: World,
  version: Version = '1.2',
): Promise<{ client: Client; topic: string }> {
  const client = await world.connect(version);
  const topic = world.topic();
  await client.subscribe(topic, 's');
  return { client, topic };
}

function rejectedSend(id: string, title: string, frame: (topic: string) => string): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      client.text(frame(topic));
      await client.rejected();
    },
  };
}

function twoFrames(id: string, title: string, between: string): Row {
  return {
    id,
    title,
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      const frame = (body: string) => client.bytes('SEND', { destination: topic }, body);
      client.text(`${frame('one')}${between}${frame('two')}`);
      same(await client.bodies(2), ['one', 'two'], 'the bodies');
    },
  };
}

export const framing: readonly Row[] = [
  {
    id: 'FRM-02',
    title: 'CR LF ends lines and stays out of values; in the body it stays',
    run: async (world) => {
      const { host, login, passcode } = world.target;
      const client = await world.open();
      const topic = world.topic();
      const credentials = `host:${host}\r\nlogin:${login}\r\npasscode:${passcode}\r\n`;
      client.text(`CONNECT\r\naccept-version:1.2\r\n${credentials}\r\n\0`);
      await client.take('CONNECTED');
      client.text(`SUBSCRIBE\r\nid:s\r\ndestination:${topic}\r\n\r\n\0`);
      client.text(`SEND\r\ndestination:${topic}\r\nfoo:bar\r\n\r\na\r\nb\r\n\0`);
      const message = await client.message();
      same(header(message, 'foo'), 'bar', 'foo');
      same(header(message, 'subscription'), 's', 'subscription');
      same(message.body.toString(), 'a\r\nb\r\n', 'the body');
    },
  },
  {
    id: 'FRM-03',
    title: 'LF and CR LF may be mixed',
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      client.text(`SEND\r\ndestination:${topic}\nfoo:bar\r\nbaz:qux\n\r\nbody\0`);
      const message = await client.message();
      same([header(message, 'foo'), header(message, 'baz')], ['bar', 'qux'], 'the values');
      same(message.body.toString(), 'body', 'the body');
    },
  },
  {
    id: 'FRM-04',
    title: 'in 1.1 a CR belongs to the value',
    run: async (world) => {
      const { client, topic } = await subscribed(world, '1.1');
      client.text(`SEND\ndestination:${topic}\nfoo:bar\r\n\nbody\0`);
      same(header(await client.message(), 'foo'), 'bar\r', 'foo');
    },
  },
  twoFrames('FRM-05/lf', 'LFs between frames are harmless', '\n\n\n'),
  twoFrames('FRM-05/crlf', 'CR LFs between frames are harmless', '\r\n\r\n\n'),
  {
    id: 'FRM-06',
    title: 'EOLs before CONNECT are taken or refused, never silence',
    run: async (world) => {
      const { host, login, passcode } = world.target;
      const client = await world.open();
      const connect = { 'accept-version': '1.2', host, login, passcode };
      client.text(`\n\n${client.bytes('CONNECT', connect)}`);
      await client.rejectedOr('CONNECTED');
    },
  },
  {
    id: 'FRM-07',
    title: 'commands are case-sensitive',
    run: async (world) => {
      const topic = world.topic();
      const witness = await world.connect();
      await witness.subscribe(topic, 'w');
      const client = await world.connect();
      client.frame('send', { destination: topic }, 'lower case');
      client.send(topic, 'a later SEND', { receipt: 'later' });
      await client.rejectedOr('RECEIPT');
      await witness.fence(world.topic('fence'));
      const bodies = witness.inbox.map((frame) => frame.body.toString());
      check(!bodies.includes('lower case'), '"send" was handled as SEND');
    },
  },
  {
    id: 'FRM-08',
    title: 'header names are case-sensitive: Destination is no destination',
    run: async (world) => {
      const client = await world.connect();
      client.frame('SEND', { Destination: world.topic() }, 'body');
      await client.error();
    },
  },
  {
    id: 'FRM-08b',
    title: 'X-Case and x-case are two headers',
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      client.send(topic, '', { 'X-Case': 'upper', 'x-case': 'lower' });
      const message = await client.message();
      same([header(message, 'X-Case'), header(message, 'x-case')], ['upper', 'lower'], 'both');
    },
  },
  {
    id: 'FRM-09',
    title: 'an unknown command is an ERROR, or ignored with the session usable',
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      client.frame('PUBLISH', { destination: topic }, 'body');
      client.send(topic, 'after');
      await client.rejectedOr('MESSAGE');
    },
  },
  rejectedSend(
    'FRM-10',
    'a header line without a colon is rejected',
    (topic) => `SEND\ndestination:${topic}\nno colon here\n\nbody\0`,
  ),
  {
    id: 'FRM-11',
    title: 'a value may be empty',
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      client.send(topic, 'body', { empty: '' });
      same(header(await client.message(), 'empty'), '', 'empty');
    },
  },
  {
    id: 'FRM-14',
    title: '1.0: the body of SUBSCRIBE is ignored',
    run: async (world) => {
      const client = await world.connect('1.0');
      const topic = world.topic();
      client.frame('SUBSCRIBE', { destination: topic, receipt: 'r' }, 'ignored');
      await client.receipt('r');
      client.send(topic, 'works');
      same(await client.body(), 'works', 'the body');
      await usable(world, client);
    },
  },
  rejectedSend(
    'FRM-15',
    'NUL must follow the counted octets',
    (topic) => `SEND\ndestination:${topic}\ncontent-length:3\n\nabcdef\0`,
  ),
  rejectedSend(
    'FRM-16',
    'content-length must be a number',
    (topic) => `SEND\ndestination:${topic}\ncontent-length:abc\n\nabcdef\0`,
  ),
  rejectedSend(
    'FRM-17',
    'content-length must not be negative',
    (topic) => `SEND\ndestination:${topic}\ncontent-length:-1\n\nabcdef\0`,
  ),
  {
    id: 'FRM-18',
    title: 'a frame inside a counted body is body',
    run: async (world) => {
      const { client, topic } = await subscribed(world);
      const body = `a\0SEND\ndestination:${topic}\n\nsmuggled\0z`;
      client.send(topic, body, { 'content-length': String(body.length) });
      same(await client.body(), body, 'the body');
      await world.silent(client, 'a second message');
    },
  },
];
