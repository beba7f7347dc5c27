/**
 * Who asks for everything with a narrow token, in every protocol there is: 10,000 random publishes
 * over a running server, and nobody hears what is not his.
 */
import { createHash } from 'node:crypto';
import { type Broker, startBroker } from '../../local/broker.ts';
import { frame } from '../broker/world.ts';
import { type Talker, talk } from '../identity/talker.ts';
import { settings, tokenFor } from '../identity/tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ACTIONS = ['subscribe', 'publish', 'history', 'presence', 'consume'];
const PERMISSIONS = [
  { pattern: '/**', actions: ACTIONS, claims: { role: 'root' } },
  { pattern: '/topic/{area}.open.**', actions: ['subscribe', 'history'] },
  { pattern: '/room/{room}', actions: ['subscribe', 'history'] },
];
const CLAIMS = { area: 'a', room: 'mine' };
const WIDE = [
  '/topic/**',
  '/topic/*',
  '/topic/#',
  '/topic/a.**',
  '/topic/*.open.**',
  '/topic/a',
  '/topic/b.open.x',
  '/room/other',
  '/presence/room/other',
  '/presence/room/mine',
  '/queue/jobs',
  '/user/root/queue/x',
];
/** What is his. */
const MINE = ['/topic/a.open.**', '/room/mine'];
const isHis = (name: string) => /^\/topic\/a\.open(\.|$)|^\/room\/mine$/.test(name);
const PUBLISHES = 10_000;
/** The last of each: whoever has heard them has heard all before. */
const ENDS = ['/topic/a.open', '/room/mine'] as const;

const KEY = 'the-key-of-an-administrator-long-and-random';
let broker: Broker;
let [http, ws, narrow, root] = ['', '', '', ''];
beforeAll(async () => {
  const administration = [createHash('sha256').update(KEY).digest('hex')];
  const security = { identity: await settings({}, PERMISSIONS), administration };
  broker = await startBroker({ port: 0, memory: true, log: SILENT, security });
  [http, ws] = [`http://127.0.0.1:${broker.port}`, `ws://127.0.0.1:${broker.port}`];
  narrow = await tokenFor('narrow', CLAIMS);
  root = await tokenFor('root', { role: 'root' });
});
afterAll(() => broker.close());

/** One who listens. */
interface Listener {
  /** Of what he asked for too much. */
  readonly refused: readonly string[];
  /** The names of all destinations of which he heard, once he has heard the ends. */
  readonly finished: Promise<readonly string[]>;
}

/** Every message says where it was sent, whatever a protocol makes of it. */
const told = (destination: string, more = '') => `@@${destination}@@${more}`;

/** Takes texts as they come. */
function ledger() {
  const names: string[] = [];
  let ends = 0;
  let done: (names: readonly string[]) => void = () => undefined;
  const finished = new Promise<readonly string[]>((resolve) => {
    done = resolve;
  });
  const take = (text: string): void => {
    for (const [, name = '', end] of text.matchAll(/@@([^@]+)@@(end)?/g)) {
      names.push(name);
      if (end !== undefined) ends++;
    }
    if (ends >= ENDS.length) done(names);
  };
  return { take, finished, isFinished: () => ends >= ENDS.length };
}

function listened({ ws: socket, heard }: Talker): Promise<readonly string[]> {
  const { take, finished } = ledger();
  for (const text of heard) take(text);
  socket.on('message', (data) => take(String(data)));
  return finished.finally(() => socket.terminate());
}

async function json(): Promise<Listener> {
  const talker = await talk(`${ws}/ws?token=${narrow}`, { protocols: ['json.stompway'] });
  const refused: string[] = [];
  for (const wide of WIDE) {
    talker.ws.send(JSON.stringify({ subscribe: wide, id: `w ${wide}` }));
    if ((await talker.until(`"w ${wide}"`)).includes('"code":"forbidden"')) refused.push(wide);
  }
  for (const mine of MINE) {
    talker.ws.send(JSON.stringify({ subscribe: mine, receipt: `ok ${mine}` }));
    await talker.until(`ok ${mine}`);
  }
  return { refused, finished: listened(talker) };
}

/** An ERROR ends the conversation, so each wish is one of its own. */
async function stomp(url: () => string, wrap: (text: string) => string): Promise<Listener> {
  const enter = async () => {
    const talker = await talk(url());
    talker.ws.send(wrap(frame('CONNECT', ['accept-version:1.2', `passcode:${narrow}`])));
    await talker.until('CONNECTED');
    return talker;
  };
  const refused: string[] = [];
  for (const wide of WIDE) {
    const talker = await enter();
    talker.ws.send(wrap(frame('SUBSCRIBE', ['id:1', `destination:${wide}`, 'receipt:r'])));
    const answer = await Promise.race([talker.until('code:'), talker.until('RECEIPT')]);
    if (answer.includes('code:forbidden')) refused.push(wide);
    talker.ws.terminate();
  }
  const talker = await enter();
  for (const [id, mine] of MINE.entries()) {
    const headers = [`id:${id}`, `destination:${mine}`, `receipt:r${id}`];
    talker.ws.send(wrap(frame('SUBSCRIBE', headers)));
    await talker.until(`receipt-id:r${id}`);
  }
  return { refused, finished: listened(talker) };
}

async function socketio(): Promise<Listener> {
  const talker = await talk(`${ws}/socket.io/?EIO=4&transport=websocket`);
  await talker.until('0{');
  talker.ws.send(`40${JSON.stringify({ passcode: narrow })}`);
  await talker.until('40{');
  const refused: string[] = [];
  const ask = async (id: number, destination: string): Promise<boolean> => {
    talker.ws.send(`42${id}${JSON.stringify(['subscribe', destination])}`);
    return (await talker.until(`43${id}[`)).includes('"ok":true');
  };
  for (const [id, wide] of WIDE.entries()) if (!(await ask(id, wide))) refused.push(wide);
  for (const [id, mine] of MINE.entries()) expect(await ask(WIDE.length + id, mine)).toBe(true);
  return { refused, finished: listened(talker) };
}

/** GET of each: as an EventSource, or by long polls. */
async function byHttp(accept: 'text/event-stream' | 'application/json'): Promise<Listener> {
  const headers = { Accept: accept, Authorization: `Bearer ${narrow}` };
  const path = (name: string) => name.split('/').map(encodeURIComponent).join('/');
  const refused: string[] = [];
  for (const wide of WIDE) {
    const response = await fetch(http + path(wide), { headers });
    await response.body?.cancel();
    // A queue is not to be read by GET at all.
    if (response.status === 403 || wide.startsWith('/queue/')) refused.push(wide);
  }
  const { take, finished, isFinished } = ledger();
  const listen = accept === 'text/event-stream' ? stream : polls;
  for (const mine of MINE) await listen(http + path(mine), headers, take, isFinished);
  return { refused, finished };
}

type Headers = Record<string, string>;
type Take = (text: string) => void;

/** Returns once it is subscribed. */
async function stream(url: string, headers: Headers, take: Take): Promise<void> {
  const { body } = await fetch(url, { headers });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader?.read();
  expect(first?.value).toContain('subscribed');
  let rest = '';
  const go = async (): Promise<void> => {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    }
  };
  // Cut when the broker closes.
  go().catch(() => undefined);
}

/** The first poll subscribes; it is answered by what comes later. */
async function polls(
  url: string,
  headers: Headers,
  take: Take,
  isFinished: () => boolean,
): Promise<void> {
  const go = async (): Promise<void> => {
    let next = url;
    while (!isFinished()) {
      const text = await (await fetch(next, { headers })).text();
      take(text);
      next = http + String(JSON.parse(text).next);
    }
  };
  go().catch(() => undefined);
  // A poll is answered by messages alone: that it is there is asked of the administration.
  const destination = decodeURIComponent(new URL(url).pathname).replace('.**', '');
  const asked = `${http}/connections?destination=${encodeURIComponent(destination)}`;
  const administrator = { Authorization: `Bearer ${KEY}` };
  for (let there = 0; there < NARROW_LISTENERS; ) {
    const { connections } = JSON.parse(
      await (await fetch(asked, { headers: administrator })).text(),
    );
    there = connections.filter(({ user }: { user: string }) => user === 'narrow').length;
  }
}

let sessions = 0;
/** The long polls come last: all others are there already. */
const NARROW_LISTENERS = 6;
const PROTOCOLS: Readonly<Record<string, () => Promise<Listener>>> = {
  JSON: json,
  STOMP: () =>
    stomp(
      () => `${ws}/ws`,
      (text) => text,
    ),
  'STOMP over SockJS': () =>
    stomp(
      () => `${ws}/sockjs/000/leak${sessions++}/websocket`,
      (text) => JSON.stringify([text]),
    ),
  'Socket.IO': socketio,
  EventSource: () => byHttp('text/event-stream'),
  'long polls': () => byHttp('application/json'),
};

/** 10,000 of them, by a generator of its own. Returns how many are his. */
async function publish(): Promise<number> {
  const talker = await talk(`${ws}/ws?token=${root}`, { protocols: ['json.stompway'] });
  let seed = 11;
  const one = (of: readonly string[]): string => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return of[Math.floor((seed / 2_147_483_648) * of.length)] ?? '';
  };
  const destination = (): string => {
    const kind = one(['topic', 'topic', 'topic', 'room', 'queue', 'user']);
    if (kind === 'room') return `/room/${one(['mine', 'other', 'third'])}`;
    if (kind === 'queue') return '/queue/jobs';
    if (kind === 'user') return '/user/root/queue/x';
    const names = [one(['a', 'b', 'c']), one(['open', 'open', 'shut']), one(['x', 'y', 'open'])];
    return `/topic/${names.slice(0, Number(one(['1', '2', '3']))).join('.')}`;
  };
  let his = 0;
  for (let batch = 0; batch < PUBLISHES / 100; batch++) {
    for (let n = 0; n < 100; n++) {
      const to = destination();
      if (isHis(to)) his++;
      const receipt = n === 99 ? { receipt: `batch ${batch}.` } : {};
      talker.ws.send(JSON.stringify({ send: to, body: told(to), ...receipt }));
    }
    await talker.until(`batch ${batch}.`);
  }
  for (const end of ENDS) talker.ws.send(JSON.stringify({ send: end, body: told(end, 'end') }));
  return his + ENDS.length;
}

test('10,000 random publishes: nobody hears what is not his, in any protocol', async () => {
  const listeners = new Map<string, Listener>();
  for (const [name, open] of Object.entries(PROTOCOLS)) listeners.set(name, await open());
  for (const [name, { refused }] of listeners) expect([name, refused]).toEqual([name, WIDE]);
  const his = await publish();
  expect(his).toBeGreaterThan(1_000);
  for (const [name, { finished }] of listeners) {
    const heard = await finished;
    expect([name, heard.filter((one) => !isHis(one))]).toEqual([name, []]);
    expect([name, heard.length]).toEqual([name, his]);
  }
}, 60_000);
