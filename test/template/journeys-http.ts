/** Journeys by plain HTTP, where the URL is the destination: what curl and EventSource do. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type Answer, ask, get, post } from '../sockjs/browser.ts';
import { type EventStream, eventStream } from './http-client.ts';
import { type Journey, settled, withStomp } from './journey.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const JSON_TYPE = { accept: 'application/json' };

/** A room of the journey's own. */
const roomOf = (topic: string): string => topic.replace('/topic/', '/room/');

async function published(url: string, body: string, headers = {}): Promise<readonly string[]> {
  const answer = await post(url, body, headers);
  equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body).ids;
}

/** Its first event says that it hears. */
async function listening(url: string, headers = {}): Promise<EventStream> {
  const events = await eventStream(url, headers);
  equal(events.status, 200);
  match(events.headers['content-type'] ?? '', /^text\/event-stream/);
  equal((await events.next()).event, 'subscribed');
  return events;
}

export const HTTP_JOURNEYS: readonly Journey[] = [
  {
    name: 'curl -d publishes, and a STOMP subscriber hears it as text',
    door: 'http',
    run: ({ http, open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: '0', destination: topic });
        const ids = await published(http + topic, 'grüß dich, a=1&b', FORM);
        const { headers, body } = await peer.frame();
        equal(body, 'grüß dich, a=1&b');
        equal(headers['content-type'], 'text/plain');
        deepEqual(ids, [headers['message-id']]);
      }),
  },
  {
    name: 'each line of a batch is a message, in order',
    door: 'http',
    run: async ({ http, topic }) => {
      const events = await listening(http + topic);
      const ids = await published(http + topic, '{"n":1}\n"two"\n[3]\n', NDJSON);
      const heard = [await events.next(), await events.next(), await events.next()];
      deepEqual(
        heard.map(({ data }) => data),
        ['{"n":1}', '"two"', '[3]'],
      );
      equal(ids.length, 3);
      events.abort();
    },
  },
  {
    name: 'an EventSource of a room goes on from its Last-Event-ID, none lost, none twice',
    door: 'http',
    needs: 'rooms',
    run: async ({ http, topic }) => {
      const url = http + roomOf(topic);
      const events = await listening(url);
      for (const body of ['1', '2']) await published(url, body);
      equal((await events.next()).data, '1');
      const { id = '' } = await events.next();
      events.abort();
      for (const body of ['3', '4']) await published(url, body);
      const more = await listening(url, { 'last-event-id': id });
      await published(url, '5');
      const heard = [await more.next(), await more.next(), await more.next()];
      deepEqual(
        heard.map(({ data }) => data),
        ['3', '4', '5'],
      );
      more.abort();
    },
  },
  {
    name: 'a long poll answers with what comes, and the next with what came between',
    door: 'http',
    run: async ({ http, topic }) => {
      const first = get(http + topic, JSON_TYPE);
      const polled = async (answer: Answer) => {
        equal(answer.status, 200, answer.body);
        match(answer.headers['content-type'] ?? '', /^application\/json/);
        const { messages, next } = JSON.parse(answer.body);
        return { bodies: messages.map(({ body }: { body: unknown }) => body), next };
      };
      let { bodies, next } = await polled(await publishing(first, http + topic));
      const all: unknown[] = [...bodies];
      for (const body of ['b', 'c']) await published(http + topic, body);
      while (all.at(-1) !== 'c') {
        ({ bodies, next } = await polled(await get(http + next, JSON_TYPE)));
        all.push(...bodies);
      }
      deepEqual(
        all.filter((body) => body !== 'a'),
        ['b', 'c'],
      );
    },
  },
  {
    name: 'a Publish-Id is stored once, however often it is sent',
    door: 'http',
    needs: 'rooms',
    run: async ({ http, topic }) => {
      const url = http + roomOf(topic);
      for (let time = 0; time < 3; time++) await published(url, 'once', { 'publish-id': 'p1' });
      await published(url, 'end');
      const events = await listening(`${url}?last=10`);
      equal((await events.next()).data, 'once');
      equal((await events.next()).data, 'end');
      events.abort();
    },
  },
  {
    name: 'a large body to a room arrives whole',
    door: 'http',
    needs: 'rooms',
    run: async ({ http, topic }) => {
      const events = await listening(http + roomOf(topic));
      const body = 'x'.repeat(50_000);
      await published(http + roomOf(topic), body);
      equal((await events.next()).data, body);
      events.abort();
    },
  },
  {
    name: 'errors are JSON, with a status and words on how to mend it',
    door: 'http',
    run: async ({ http, topic }) => {
      const rows = [
        ['POST', '/topic/a..b', 400, 'destination-invalid'],
        ['POST', `${topic}.*`, 400, 'destination-invalid'],
        ['GET', '/queue/jobs', 501, 'not-supported'],
        ['GET', `${roomOf(topic)}?since=nonsense`, 400, 'header-malformed'],
        ['DELETE', topic, 405, 'unknown-command'],
      ] as const;
      for (const [method, path, status, code] of rows) {
        const answer = await ask(http + path, { method, ...(method === 'POST' && { body: 'x' }) });
        equal(answer.status, status, `${method} ${path}: ${answer.body}`);
        const said = JSON.parse(answer.body);
        deepEqual([said.command, said.code], ['ERROR', code]);
        ok(said.body.length > 0, 'it says how to mend it');
      }
      const broken = await post(http + topic, '{}\nno json', NDJSON);
      deepEqual([broken.status, JSON.parse(broken.body).message], [400, 'Line 2 is not JSON']);
      equal((await get(`${http}/nowhere`)).status, 404);
    },
  },
  {
    name: 'a body of 2 MB is refused by the broker',
    door: 'http',
    run: async ({ http, topic }) => {
      const answer = await post(http + topic, 'x'.repeat(2 * 1024 * 1024));
      equal(answer.status, 413);
      equal(JSON.parse(answer.body).code, 'frame-too-large');
    },
  },
  {
    name: 'a preflight is answered, without a body and with the origin that asks',
    door: 'http',
    run: async ({ http, topic }) => {
      const headers = { origin: 'https://x.example', 'access-control-request-method': 'POST' };
      for (const path of [topic, '/sockjs/info', '/sockjs/0/a/xhr', '/sockjs/0/a/xhr_send']) {
        const answer = await ask(http + path, { method: 'OPTIONS', headers });
        deepEqual([answer.status, answer.body], [204, ''], path);
        equal(answer.headers['access-control-allow-origin'], 'https://x.example', path);
      }
    },
  },
];

/** Publishes until the poll that hears it has been answered: when it listens nobody says. */
async function publishing(poll: Promise<Answer>, url: string): Promise<Answer> {
  let done = false;
  const answered = poll.finally(() => {
    done = true;
  });
  while (!done) {
    await published(url, 'a');
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
  return answered;
}
