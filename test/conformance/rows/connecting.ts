/** Section 1: connecting and version negotiation. */
import { type Client, check, type HeaderRecord, same } from '../client.ts';
import { type Frame, header } from '../frame.ts';
import { type Row, VERSIONS, type World } from '../row.ts';

/** CONNECT with exactly these headers beside host and credentials; the first answer. */
async function answer(world: World, headers: HeaderRecord): Promise<Frame> {
  const client = await world.open();
  connectFrame(world, client, headers);
  return firstAnswer(client);
}

function connectFrame(world: World, client: Client, headers: HeaderRecord): void {
  const { host, login, passcode } = world.target;
  client.frame('CONNECT', { host, login, passcode, ...headers });
}

async function firstAnswer(client: Client): Promise<Frame> {
  return (await client.rejectedOr('CONNECTED')) ?? client.take('CONNECTED');
}

async function negotiates(world: World, offered: string, agreed: string): Promise<void> {
  const frame = await answer(world, { 'accept-version': offered });
  same(frame.command, 'CONNECTED', 'the answer');
  same(header(frame, 'version'), agreed, 'version');
}

/** The client's own message comes back: the session works. */
export async function usable(world: World, client: Client): Promise<void> {
  await client.fence(world.topic('usable'));
}

export const connecting: readonly Row[] = [
  {
    id: 'CON-01',
    title: 'STOMP is answered as CONNECT is',
    run: async (world) => {
      const { host, login, passcode } = world.target;
      const names: string[][] = [];
      for (const command of ['CONNECT', 'STOMP']) {
        const client = await world.open();
        client.frame(command, { 'accept-version': '1.2', host, login, passcode });
        const frame = await client.take('CONNECTED');
        same(header(frame, 'version'), '1.2', `version after ${command}`);
        names.push(frame.headers.map(([name]) => name).sort());
      }
      same(names[1], names[0], 'the header names of CONNECTED');
    },
  },
  ...VERSIONS.map(
    (version): Row => ({
      id: `CON-02/${version}`,
      title: `accept-version:${version} alone gives ${version}`,
      run: (world) => negotiates(world, version, version),
    }),
  ),
  {
    id: 'CON-05',
    title: 'no accept-version gives a 1.0 session',
    run: async (world) => {
      const frame = await answer(world, {});
      same(frame.command, 'CONNECTED', 'the answer');
      same(header(frame, 'version') ?? '1.0', '1.0', 'version');
    },
  },
  {
    id: 'CON-06',
    title: 'accept-version:1.0,1.1,1.2 gives 1.2',
    run: (world) => negotiates(world, '1.0,1.1,1.2', '1.2'),
  },
  {
    id: 'CON-07',
    title: 'unknown versions are passed over',
    run: (world) => negotiates(world, '1.0,1.1,2.0', '1.1'),
  },
  {
    id: 'CON-08',
    title: 'the highest version wins, not the last',
    run: (world) => negotiates(world, '1.2,1.0', '1.2'),
  },
  {
    id: 'CON-09',
    title: 'no common version is an ERROR',
    run: async (world) => {
      const frame = await answer(world, { 'accept-version': '9.8,9.9' });
      same(frame.command, 'ERROR', 'the answer');
    },
  },
  {
    id: 'CON-10',
    title: 'that ERROR lists the versions spoken',
    run: async (world) => {
      const frame = await answer(world, { 'accept-version': '9.8,9.9' });
      const listed = (header(frame, 'version') ?? '').split(/[, ]+/);
      check(listed.includes('1.2'), `version lists ${listed.join(' ')}`);
    },
  },
  {
    id: 'CON-11',
    title: 'a wrong passcode is an ERROR',
    run: async (world) => {
      const login = { login: 'nobody', passcode: 'wrong' };
      same(
        (await answer(world, { 'accept-version': '1.2', ...login })).command,
        'ERROR',
        'the answer',
      );
    },
  },
  {
    id: 'CON-12',
    title: 'SEND before CONNECT is rejected and delivered to nobody',
    run: async (world) => {
      const topic = world.topic();
      const witness = await world.connect();
      await witness.subscribe(topic, 'w');
      const early = await world.open();
      early.send(topic, 'too early');
      await early.rejected();
      await world.silent(witness, 'delivered before CONNECT');
    },
  },
  {
    id: 'CON-13',
    title: 'a second CONNECT is refused, or ignored with the session usable',
    run: async (world) => {
      const client = await world.connect();
      connectFrame(world, client, { 'accept-version': '1.2' });
      const topic = world.topic();
      client.frame('SUBSCRIBE', { destination: topic, id: 'again' });
      client.send(topic, 'still here');
      await client.rejectedOr('MESSAGE');
    },
  },
  {
    id: 'CON-14',
    title: 'an unknown host is answered',
    run: async (world) => {
      await answer(world, { 'accept-version': '1.2', host: 'no-such-host.example' });
    },
  },
  {
    id: 'CON-14b',
    title: 'a missing host is answered',
    run: async (world) => {
      const client = await world.open();
      const { login, passcode } = world.target;
      client.frame('CONNECT', { 'accept-version': '1.2', login, passcode });
      await firstAnswer(client);
    },
  },
  {
    id: 'CON-15',
    title: 'CONNECTED names the version',
    run: async (world) => {
      for (const version of ['1.1', '1.2']) {
        const frame = await answer(world, { 'accept-version': version });
        same(header(frame, 'version'), version, 'version');
      }
    },
  },
  {
    id: 'CON-16',
    title: 'session differs per connection, and 1.0 has one',
    run: async (world) => {
      const first = await answer(world, {});
      const second = await answer(world, {});
      check((header(first, 'session') ?? '') !== '', 'no session in a 1.0 CONNECTED');
      check(header(first, 'session') !== header(second, 'session'), 'two sessions of one name');
    },
  },
  {
    id: 'CON-17',
    title: 'server is name[/version] and comments',
    run: async (world) => {
      const server = header(await answer(world, { 'accept-version': '1.2' }), 'server');
      check(
        server === undefined || /^[^\s/]+(\/[^\s/]+)?( \S.*)?$/.test(server),
        `server:${server}`,
      );
    },
  },
  ...written(),
  {
    id: 'CON-22',
    title: 'the first of two accept-version headers counts',
    run: async (world) => {
      const { host, login, passcode } = world.target;
      const client = await world.open();
      client.frame('CONNECT', [
        ['accept-version', '1.1'],
        ['accept-version', '1.2'],
        ...Object.entries({ host, login, passcode }),
      ]);
      same(header(await client.take('CONNECTED'), 'version'), '1.1', 'version');
    },
  },
  {
    id: 'CON-23',
    title: 'after 40 connections, half of them cut, the next is served',
    run: async (world) => {
      for (let cycle = 0; cycle < 40; cycle++) {
        const client = await world.connect();
        if (cycle % 2 === 1) client.frame('DISCONNECT', {});
        await client.cut();
      }
      await usable(world, await world.connect());
    },
  },
  {
    id: 'CON-24',
    title: 'a socket that says nothing disturbs nobody',
    run: async (world) => {
      await world.open();
      await usable(world, await world.connect());
    },
  },
];

/** CONNECT frames whose bytes matter. */
function written(): readonly Row[] {
  const accepted = (lines: (world: World) => string) => async (world: World) => {
    const client = await world.open();
    client.text(lines(world));
    await client.take('CONNECTED');
  };
  const credentials = (world: World, eol: string) =>
    `host:${world.target.host}${eol}login:${world.target.login}${eol}passcode:${world.target.passcode}${eol}`;
  return [
    {
      id: 'CON-20',
      title: 'CONNECT may be written with CR LF',
      run: accepted(
        (world) => `CONNECT\r\naccept-version:1.2\r\n${credentials(world, '\r\n')}\r\n\0`,
      ),
    },
    {
      id: 'CON-21',
      title: 'CONNECT is not unescaped, so no escape in it is fatal',
      run: accepted(
        (world) => `CONNECT\naccept-version:1.2\nx-note:a\\tb\\\n${credentials(world, '\n')}\n\0`,
      ),
    },
    {
      id: 'CON-21b',
      title: 'CONNECT may hold bare colons',
      run: accepted(
        (world) => `CONNECT\naccept-version:1.2\nx-note:a:b:c\n${credentials(world, '\n')}\n\0`,
      ),
    },
  ];
}
