/** What nobody should send to a room, and somebody will: answered in words, and harmless. */
import { client, type TestClient } from '../local/gateway.ts';
import { clear, start } from './served.ts';

const open: TestClient[] = [];

afterEach(async () => {
  for (const { ws } of open.splice(0)) ws.terminate();
  await clear();
});

interface Json extends TestClient {
  say(request: object): void;
  next(): Promise<Readonly<Record<string, string>>>;
  ask(request: object): Promise<Readonly<Record<string, string>>>;
}

/** A client that speaks JSON, where an ERROR ends nothing. */
async function json(url: string): Promise<Json> {
  const opened = await client(url);
  open.push(opened);
  const say = (request: object) => opened.ws.send(JSON.stringify(request));
  const next = async () => JSON.parse(await opened.texts.next());
  return {
    ...opened,
    say,
    next,
    ask: (request) => {
      say(request);
      return next();
    },
  };
}

/** A room with three messages, and a position in it. */
async function room(url: string) {
  const member = await json(url);
  const { position = '' } = await member.ask({ subscribe: '/room/x' });
  for (const body of ['1', '2', '3']) await member.ask({ send: '/room/x', body });
  return { epoch: position.split(':')[0] ?? '' };
}

test.each([
  ['an epoch nobody knows', () => 'nosuchepoch:1'],
  ['a seq from the future', (epoch: string) => `${epoch}:99`],
  ['a seq far beyond all', (epoch: string) => `${epoch}:999999999999999`],
])('since %s: recovered:false, nothing else, and what follows comes', async (_, since) => {
  const url = await start();
  const { epoch } = await room(url);
  const late = await json(url);
  const joined = await late.ask({ subscribe: '/room/x', since: since(epoch) });
  expect(joined).toMatchObject({
    command: 'RECEIPT',
    recovered: 'false',
    position: `${epoch}:3`,
  });
  expect(await late.ask({ send: '/room/x', body: '4' })).toMatchObject({ body: '4', seq: '4' });
});

test.each([
  [{ since: '' }, 'is no position'],
  [{ since: 'nonsense' }, 'is no position'],
  [{ since: 'a:-1' }, 'is no position'],
  [{ since: 'a:1:2' }, 'is no position'],
  [{ since: 'A:1' }, 'is no position'],
  [{ since: `a:${'9'.repeat(40)}` }, 'is no position'],
  [{ last: -1 }, 'is no count'],
  [{ last: '' }, 'is no count'],
  [{ last: 1.5 }, 'is no count'],
  [{ last: 100_000 }, 'is no count'],
  [{ after: 'yesterday' }, 'is no time'],
  [{ last: 1, since: 'a:1' }, 'exclude each other'],
])('%j is refused in words, and the connection is free to ask better', async (past, words) => {
  const one = await json(await start());
  const refused = await one.ask({ subscribe: '/room/x', ...past });
  expect(refused).toMatchObject({ command: 'ERROR', code: 'header-malformed' });
  expect(refused['message']).toContain(words);
  expect(refused['body']).not.toBe('');
  expect(await one.ask({ subscribe: '/room/x' })).toMatchObject({ command: 'RECEIPT' });
});

test.each(['/room/*', '/room/**', '/room/a/*', '/room/', '/room/a/b', '/presence/room/*'])(
  'SUBSCRIBE and SEND to %s are refused: a room has one name and no pattern',
  async (destination) => {
    const one = await json(await start());
    for (const request of [{ subscribe: destination }, { send: destination, body: 'x' }]) {
      const refused = await one.ask(request);
      expect(refused).toMatchObject({ command: 'ERROR', code: 'destination-invalid' });
    }
  },
);

test.each([
  ['/topic/plain', { since: 'a:1' }],
  ['/topic/plain.*', { last: 1 }],
  ['/topic/kept.*', { last: 1 }],
  ['/presence/room/x', { after: '2026-11-24T09:30:00Z' }],
  ['/queue/jobs', { last: 1 }],
])('%s keeps no history: %j is refused, not ignored', async (destination, past) => {
  const one = await json(await start({ rules: [{ pattern: '/topic/kept.**', lane: 'logged' }] }));
  const refused = await one.ask({ subscribe: destination, ...past });
  expect(refused).toMatchObject({ command: 'ERROR', code: 'not-supported' });
  expect(refused['message']).toContain('keeps no history');
});

test('300 KB of history reach a client that does not read for a while, whole and in order', async () => {
  const url = await start();
  const writer = await json(url);
  const body = 'x'.repeat(3_000);
  for (let n = 0; n < 100; n++) {
    await writer.ask({ send: '/room/x', body: `${n} ${body}`, receipt: n });
  }
  const slow = await json(url);
  slow.say({ subscribe: '/room/x', last: 100 });
  slow.ws.pause();
  // Everybody else is served meanwhile.
  const other = await json(url);
  await other.ask({ subscribe: '/room/x' });
  other.say({ send: '/room/x', body: 'meanwhile' });
  expect(await other.next()).toMatchObject({ body: 'meanwhile' });
  slow.ws.resume();
  expect(await slow.next()).toMatchObject({ command: 'RECEIPT' });
  for (let n = 0; n < 100; n++) expect((await slow.next())['body']).toBe(`${n} ${body}`);
  expect(await slow.next()).toMatchObject({ body: 'meanwhile' });
});

test('more history than the gateway holds for one client comes over several connections', async () => {
  const url = await start({ gateway: { clientBufferBytesMax: 64 * 1024 } });
  const writer = await json(url);
  const { position = '' } = await writer.ask({ subscribe: '/room/x', id: 's' });
  await writer.ask({ unsubscribe: '/room/x', id: 's', receipt: 'left' });
  const body = 'y'.repeat(10_000);
  for (let n = 0; n < 60; n++) {
    await writer.ask({ send: '/room/x', body: `${n} ${body}`, receipt: n });
  }
  const epoch = position.split(':')[0];
  let seq = 0;
  for (let connections = 0; seq < 60; connections++) {
    expect(connections).toBeLessThan(60);
    const reader = await json(url);
    let over = false;
    void reader.closed.then(() => {
      over = true;
      reader.texts.push('null');
    });
    const joined = await reader.ask({ subscribe: '/room/x', since: `${epoch}:${seq}` });
    expect(joined).toMatchObject({ recovered: 'true' });
    while (!over && seq < 60) {
      const message = await reader.next();
      if (message === null) break;
      seq += 1;
      expect(message).toMatchObject({ seq: String(seq), body: `${seq - 1} ${body}` });
    }
  }
});
