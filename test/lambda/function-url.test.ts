/** HTTP behind Lambda: a function URL's event in, a stream out. */
import { once } from 'node:events';
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { systemClock, systemIds, systemTimer } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import {
  type FunctionUrlEvent,
  type StreamingRuntime,
  streamed,
} from '../../lambda/function-url.ts';
import { makeSessions } from '../../lambda/sessions.ts';
import { sockjsHandler } from '../../lambda/sockjs.ts';
import { messagesFrame } from '../../protocol/sockjs/frames.ts';
import { awslambda, responseStream } from '../template/streaming.mjs';

const runtime: StreamingRuntime = awslambda;

const limits = { ...LIMITS, streamSeconds: 0.2, holdSeconds: 0.2 };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const world = {
  mailboxes: memoryMailboxes({ clock: systemClock, limits }),
  clock: systemClock,
  timer: systemTimer,
  ids: systemIds,
  limits,
  log,
};
const sessions = makeSessions(world, {
  service: {
    opened: async () => undefined,
    heard: async (id, texts) => {
      await world.mailboxes.append(id, [Buffer.from(messagesFrame(texts))]);
    },
    lost: async () => undefined,
  },
  sessionSeconds: 5,
  keepsInterrupted: false,
});
const options = { prefix: '/sockjs', websocket: false, cookieNeeded: true, clientUrl: '/x.js' };
const handler = streamed(sockjsHandler(world, sessions, options), runtime, limits.httpBodyBytesMax);

afterAll(() => sessions.stop());

/** One invocation, to its end, read as Lambda reads it: JSON, eight NULs, the body. */
async function invoke(method: string, rawPath: string, more: Partial<FunctionUrlEvent> = {}) {
  const chunks: Uint8Array[] = [];
  const stream = responseStream((part) => {
    if ('chunk' in part) chunks.push(part.chunk);
  });
  const event = { rawPath, rawQueryString: '', headers: {}, isBase64Encoded: false };
  const finished = once(stream, 'finish');
  await handler({ ...event, requestContext: { http: { method } }, ...more }, stream);
  await finished;
  const [head = '', body] = Buffer.concat(chunks).toString().split('\0'.repeat(8));
  const { statusCode, headers, cookies } = JSON.parse(head);
  return { statusCode, headers, cookies, body };
}

test('a session is served by invocations that know nothing of each other', async () => {
  expect((await invoke('POST', '/sockjs/0/a/xhr')).body).toBe('o\n');
  const body = Buffer.from('["ü"]').toString('base64');
  const sent = await invoke('POST', '/sockjs/0/a/xhr_send', { body, isBase64Encoded: true });
  expect(sent).toMatchObject({ statusCode: 204, body: '' });
  expect((await invoke('POST', '/sockjs/0/a/xhr')).body).toBe('a["ü"]\n');
});

test('a poll that hears nothing is answered when its hold is over, a stream just ends', async () => {
  await invoke('POST', '/sockjs/0/b/xhr');
  expect((await invoke('POST', '/sockjs/0/b/xhr')).body).toBe('h\n');
  const stream = await invoke('POST', '/sockjs/0/b/xhr_streaming');
  expect(stream.body).toBe(`${'h'.repeat(2048)}\n`);
});

test('cookies come and go apart from the headers, and no length is told', async () => {
  const answer = await invoke('POST', '/sockjs/0/c/xhr', { cookies: ['a=1', 'JSESSIONID=x'] });
  expect(answer.cookies).toEqual(['JSESSIONID=x; path=/']);
  expect(Object.keys(answer.headers)).not.toContain('Set-Cookie');
  expect(Object.keys((await invoke('GET', '/sockjs')).headers)).not.toContain('Content-Length');
});

test('preflights reach the handler, which echoes the origin', async () => {
  const headers = { origin: 'https://x.example', 'access-control-request-method': 'POST' };
  const answer = await invoke('OPTIONS', '/sockjs/0/d/xhr', { headers });
  expect(answer.statusCode).toBe(204);
  expect(answer.headers['Access-Control-Allow-Origin']).toBe('https://x.example');
});

test('an answer without a body has its status and headers all the same', async () => {
  await invoke('POST', '/sockjs/0/f/xhr');
  const headers = { origin: 'https://x.example' };
  const sent = await invoke('POST', '/sockjs/0/f/xhr_send', { body: '["x"]', headers });
  expect(sent).toMatchObject({ statusCode: 204, body: '' });
  expect(sent.headers['Access-Control-Allow-Origin']).toBe('https://x.example');
  const unknown = await invoke('POST', '/sockjs/0/never/xhr_send', { body: '["x"]' });
  expect(unknown).toMatchObject({ statusCode: 404, body: '', headers: { 'Content-Length': '0' } });
});

test('a stream that hears nothing has told what it is', async () => {
  await invoke('POST', '/sockjs/0/g/xhr');
  const stream = await invoke('GET', '/sockjs/0/g/eventsource');
  expect(stream.headers['Content-Type']).toBe('text/event-stream');
});

test('a body that is too large is refused', async () => {
  await invoke('POST', '/sockjs/0/e/xhr');
  const body = 'x'.repeat(2 * 1024 * 1024);
  expect((await invoke('POST', '/sockjs/0/e/xhr_send', { body })).statusCode).toBe(413);
});
