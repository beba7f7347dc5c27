/** The URL is the destination: what curl, EventSource and a long poll say and hear. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Broker, startBroker } from '../../local/broker.ts';
import { heard } from '../clients/heard.ts';
import { client } from '../local/gateway.ts';
import { type Answer, ask, get, type Open, open, post } from '../sockjs/browser.ts';

const rules = [{ pattern: '/topic/logged.**', lane: 'logged' }] as const;
const JSON_TYPE = { accept: 'application/json' };

let broker: Broker;
const streams: Open[] = [];

beforeAll(async () => {
  broker = await startBroker({
    port: 0,
    memory: true,
    rules,
    limits: { holdSeconds: 1, mailboxBytesMax: 4096 },
  });
});

afterEach(() => {
  for (const stream of streams.splice(0)) stream.abort();
});

afterAll(() => broker.close());

const at = (path: string) => `http://127.0.0.1:${broker.port}${path}`;

interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** An EventSource as the standard reads one: events by empty lines, comments skipped. */
async function eventSource(path: string, headers: Readonly<Record<string, string>> = {}) {
  const stream = await open(at(path), { headers: { accept: 'text/event-stream', ...headers } });
  streams.push(stream);
  const events = heard<ServerEvent>();
  const closed = read(stream, events.push);
  return { stream, closed, next: async () => (await events.next()).value };
}

async function read(stream: Open, push: (event: ServerEvent) => void): Promise<void> {
  let text = '';
  for (let chunk = await stream.read(); chunk !== ''; chunk = await stream.read()) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? ['', '', '']);
      const of = (name: string) =>
        fields.flatMap(([, key, value]) => (key === name ? [value] : []));
      if (of('data').length === 0) continue;
      push({ event: of('event')[0] ?? 'message', id: of('id')[0], data: of('data').join('\n') });
    }
  }
}

describe('publishing', () => {
  test.each([
    ['as curl -d sends it', { 'content-type': 'application/x-www-form-urlencoded' }, 'text/plain'],
    ['without a type', {}, 'text/plain'],
    ['as JSON', { 'content-type': 'application/json' }, 'application/json'],
    ['of any type', { 'content-type': 'text/csv; charset=x' }, 'text/csv; charset=x'],
  ])('a body %s is a message', async (_name, headers, type) => {
    const { ws, texts } = await client(`ws://127.0.0.1:${broker.port}/ws`);
    ws.send('{"subscribe":"/topic/pub.*"}');
    await texts.next();
    const answer = await post(at('/topic/pub/a'), '{"a=1&b":2}', headers);
    expect(answer.status).toBe(200);
    const message = JSON.parse(await texts.next());
    expect(message).toMatchObject({ destination: '/topic/pub/a', 'content-type': type });
    expect(JSON.parse(answer.body)).toEqual({ ids: [message['message-id']] });
    const { body } = message;
    expect(typeof body === 'string' ? body : JSON.stringify(body)).toBe('{"a=1&b":2}');
    ws.close();
  });

  test('each line of a batch is a message, in order', async () => {
    const { ws, texts } = await client(`ws://127.0.0.1:${broker.port}/ws`);
    ws.send('{"subscribe":"/topic/batch"}');
    await texts.next();
    const lines = '{"n":1}\n\n"two"\r\n[3]\n';
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await post(at('/topic/batch'), lines, headers);
    const messages = [];
    for (let count = 0; count < 3; count++) messages.push(JSON.parse(await texts.next()));
    expect(messages.map(({ body }) => body)).toEqual([{ n: 1 }, 'two', [3]]);
    expect(JSON.parse(answer.body).ids).toEqual(messages.map((one) => one['message-id']));
    ws.close();
  });

  test('a line that is no JSON is named, and nothing is published', async () => {
    const { ws, texts } = await client(`ws://127.0.0.1:${broker.port}/ws`);
    ws.send('{"subscribe":"/topic/batch.bad"}');
    await texts.next();
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await post(at('/topic/batch.bad'), '{"n":1}\nnot json\n', headers);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).message).toBe('Line 2 is not JSON');
    await post(at('/topic/batch.bad'), 'end');
    expect(JSON.parse(await texts.next()).body).toBe('end');
    ws.close();
  });

  test('octets that are no text arrive as they were', async () => {
    const events = await eventSource('/topic/octets');
    await events.next();
    const { stdout } = await promisify(execFile)(process.execPath, [
      '-e',
      `fetch('${at('/topic/octets')}', {method: 'POST', body: Uint8Array.of(0, 255, 254)}).then((r) => console.log(r.status))`,
    ]);
    expect(stdout.trim()).toBe('200');
    expect(await events.next()).toMatchObject({ event: 'binary', data: 'AP/+' });
  });

  test('a Publish-Id is stored once on a logged destination, however often it is sent', async () => {
    for (let time = 0; time < 3; time++) {
      await post(at('/room/once'), 'x', { 'publish-id': 'p1' });
    }
    const batch = { 'publish-id': 'p2', 'content-type': 'application/x-ndjson' };
    for (let time = 0; time < 2; time++) await post(at('/room/once'), '1\n2\n', batch);
    await post(at('/room/once'), 'end');
    const events = await eventSource('/room/once?last=10');
    await events.next();
    const bodies: string[] = [];
    while (bodies.at(-1) !== 'end') bodies.push((await events.next()).data);
    expect(bodies).toEqual(['x', '1', '2', 'end']);
  });
});

describe('EventSource', () => {
  test('hears what is published, line by line, with curl’s own Accept as well', async () => {
    const curl = await eventSource('/topic/es.*', { accept: '*/*' });
    expect(curl.stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(await curl.next()).toMatchObject({ event: 'subscribed' });
    await post(at('/topic/es/a'), 'one\r\ntwo\n\nfour');
    expect(await curl.next()).toEqual({
      event: 'message',
      id: undefined,
      data: 'one\ntwo\n\nfour',
    });
  });

  test('on a logged destination it goes on from its position, whoever serves it', async () => {
    const events = await eventSource('/topic/logged.a');
    const { id } = await events.next();
    await post(at('/topic/logged.a'), '1');
    const first = await events.next();
    expect(first.id).toBe(id?.replace(/0$/, '1'));
    events.stream.abort();
    await post(at('/topic/logged.a'), '2');
    await post(at('/topic/logged.a'), '3');
    const again = await eventSource('/topic/logged.a', { 'last-event-id': first.id ?? '' });
    expect(JSON.parse((await again.next()).data)).toMatchObject({ recovered: 'true' });
    expect([(await again.next()).data, (await again.next()).data]).toEqual(['2', '3']);
  });

  test('on any other what comes while it reconnects waits for it', async () => {
    const events = await eventSource('/topic/gap');
    const { id = '' } = await events.next();
    expect(id).toMatch(/^~/);
    events.stream.abort();
    await post(at('/topic/gap'), 'meanwhile');
    const again = await resumed('/topic/gap', id);
    expect(await again.next()).toMatchObject({ data: 'meanwhile' });
  });

  test('a second one on the same session is asked to come later', async () => {
    const events = await eventSource('/topic/twice');
    const { id = '' } = await events.next();
    const second = await open(at('/topic/twice'), { headers: { 'last-event-id': id } });
    expect(second.status).toBe(200);
    expect(await second.read()).toBe('retry: 2000\n\n');
    expect(await second.read()).toBe('');
  });

  test('presence is heard by it, and rooms from the past asked for', async () => {
    const presence = await eventSource('/presence/room/es');
    await presence.next();
    const room = await eventSource('/room/es?last=1');
    await room.next();
    let told = '';
    while (!told.includes('"join"')) told = (await presence.next()).data;
  });

  /** Until the server has seen that the one before has gone. */
  async function resumed(path: string, id: string) {
    for (;;) {
      const stream = await open(at(path), { headers: { 'last-event-id': id } });
      const first = await stream.read();
      if (first.startsWith('retry:')) continue;
      streams.push(stream);
      const events = heard<ServerEvent>();
      const [, data = ''] = /^data: (.*)$/m.exec(first) ?? [];
      events.push({ event: 'message', id: undefined, data });
      return { next: async () => (await events.next()).value };
    }
  }
});

describe('long poll', () => {
  const polled = ({ body }: Answer) => JSON.parse(body);

  test('answers with what comes, and where to ask again; nothing between is lost', async () => {
    const first = get(at('/topic/poll'), JSON_TYPE);
    await untilHeard('/topic/poll', '1');
    const one = polled(await first);
    expect(one.messages).toMatchObject([{ command: 'MESSAGE', body: '1' }]);
    await post(at('/topic/poll'), '2');
    await post(at('/topic/poll'), '3');
    const two = polled(await get(at(one.next), JSON_TYPE));
    expect(two).toMatchObject({ resumed: true, messages: [{ body: '2' }, { body: '3' }] });
  });

  test('with nothing to tell it answers when its time is over', async () => {
    const { status, body } = await get(at('/topic/silent'), JSON_TYPE);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ messages: [], resumed: false });
  });

  test('two polls of one session exclude each other', async () => {
    const { next } = polled(await get(at('/topic/pair'), JSON_TYPE));
    const answers = await Promise.all([get(at(next), JSON_TYPE), get(at(next), JSON_TYPE)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  /** The subscription stands once a message published now is heard. */
  async function untilHeard(path: string, body: string): Promise<void> {
    const { ws, texts } = await client(`ws://127.0.0.1:${broker.port}/ws`);
    ws.send(JSON.stringify({ subscribe: path }));
    await texts.next();
    ws.close();
    await post(at(path), body);
  }
});

describe('what is wrong is told in JSON, with a status', () => {
  test.each([
    ['POST', '/topic/', 400, 'destination-invalid'],
    ['POST', '/topic/a..b', 400, 'destination-invalid'],
    ['POST', '/topic/a.*', 400, 'destination-invalid'],
    ['POST', '/topic/%ff', 400, 'destination-invalid'],
    ['POST', '/exchange/a/b', 400, 'destination-invalid'],
    ['POST', '/presence/room/x', 400, 'destination-invalid'],
    ['GET', '/topic/', 400, 'destination-invalid'],
    ['GET', '/queue/jobs', 501, 'not-supported'],
    ['GET', '/room/x?since=nonsense', 400, 'header-malformed'],
    ['DELETE', '/topic/a', 405, 'unknown-command'],
    ['HEAD', '/topic/a', 405, undefined],
  ])('%s %s: %s %s', async (method, path, status, code) => {
    const answer = await ask(at(path), { method, ...(method === 'POST' ? { body: 'x' } : {}) });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    if (code !== undefined)
      expect(JSON.parse(answer.body)).toMatchObject({ command: 'ERROR', code });
  });

  test('a body of 2 MB', async () => {
    const answer = await post(at('/topic/a'), 'x'.repeat(2 * 1024 * 1024));
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'frame-too-large' });
  });

  test('a message larger than one may be', async () => {
    const answer = await post(at('/topic/a'), 'x'.repeat(200 * 1024));
    expect(answer.status).toBe(413);
  });

  test('pages of other origins may ask, and read the answer', async () => {
    const headers = { origin: 'https://x.example', 'access-control-request-method': 'POST' };
    const allowed = await ask(at('/topic/a'), { method: 'OPTIONS', headers });
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-origin']).toBe('https://x.example');
    const refused = await post(at('/topic/'), 'x', headers);
    expect(refused.headers['access-control-allow-origin']).toBe('https://x.example');
  });
});

test('the page at / is a page still', async () => {
  const answer = await get(at('/'));
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
});

describe('a mailbox that nobody empties', () => {
  test('is closed with a reason, and its subscriptions go', async () => {
    const session = at(`/sockjs/000/${Math.random().toString(36).slice(2)}`);
    expect((await post(`${session}/xhr`)).body).toBe('o\n');
    const subscribe = JSON.stringify(['{"subscribe":"/topic/flood"}']);
    expect((await post(`${session}/xhr_send`, subscribe)).status).toBe(204);
    expect((await post(`${session}/xhr`)).body).toContain('RECEIPT');
    for (let count = 0; count < 6; count++) await post(at('/topic/flood'), 'x'.repeat(1000));
    const first = await post(`${session}/xhr`);
    expect(first.body).toMatch(/^a\["/);
    const second = await post(`${session}/xhr`);
    expect(second.body).toBe('c[1013,"The client fetches its messages too slowly"]\n');
  });
});
