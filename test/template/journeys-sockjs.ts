/** Journeys of SockJS: the client as it comes, what it cannot do in Node by hand, and bad input. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Answer, get, type Open, open as openStream, post } from '../sockjs/browser.ts';
import { eventStream, type Party, sockjsParty } from './http-client.ts';
import { type Journey, settled, within, withStomp } from './journey.ts';
import { openPeer, Refused } from './stomp-client.ts';

const MESSAGES = 20;

/** Either says so much to both, at once; each hears every one's in order, none missing, none twice. */
async function talk(parties: readonly [Party, Party], topic: string): Promise<void> {
  for (const party of parties) await party.subscribe(topic);
  for (let number = 0; number < MESSAGES; number++) {
    for (const [who, party] of parties.entries()) party.say(topic, `${who} ${number}`);
  }
  const whole = Array.from({ length: MESSAGES }, (_, number) => number);
  for (const party of parties) {
    const heard: number[][] = [[], []];
    for (let count = 0; count < 2 * MESSAGES; count++) {
      const [who, number] = (await party.hear()).split(' ');
      heard[Number(who)]?.push(Number(number));
    }
    deepEqual(heard, [whole, whole]);
  }
  for (const party of parties) await party.leave();
}

/** An unmodified client that may use one transport alone, beside a WebSocket of the API's own. */
function byTransport(transport: string, door: Journey['door'] & string): Journey {
  return {
    name: `stompjs over sockjs-client, ${transport} alone: both ways, in order`,
    door,
    needsOrder: true,
    run: async ({ http, topic }) => {
      const parties = [await sockjsParty(http, transport), await sockjsParty(http, transport)];
      const [one, two] = parties;
      ok(one !== undefined && two !== undefined);
      deepEqual([one.transport, two.transport], [transport, transport]);
      await talk([one, two], topic);
    },
  };
}

/** A session of its own, below the base. */
const sessionOf = (http: string): string => `${http}/sockjs/0/${randomUUID()}`;

async function said(session: string, ...texts: readonly string[]): Promise<void> {
  equal((await post(`${session}/xhr_send`, JSON.stringify(texts))).status, 204);
}

/** Subscribes and publishes in one session, which hears itself; `hear` is one answer or chunk. */
async function hearsItself(
  session: string,
  topic: string,
  hear: () => Promise<string>,
): Promise<void> {
  const until = async (sign: string): Promise<string> => {
    let all = '';
    while (!all.includes(sign)) all += await within(sign, hear());
    return all;
  };
  await said(session, JSON.stringify({ subscribe: topic }));
  await until('RECEIPT');
  await said(
    session,
    ...['1', '2'].map((body) => JSON.stringify({ send: topic, body: `#${body}` })),
  );
  match(await until('#2'), /#1.*#2/s);
}

async function streamed(session: string, topic: string, stream: Open, open: RegExp): Promise<void> {
  equal(stream.status, 200);
  let head = '';
  while (!open.test(head)) head += await within('the greeting', stream.read());
  await hearsItself(session, topic, () => stream.read());
  stream.abort();
}

export const SOCKJS_JOURNEYS: readonly Journey[] = [
  byTransport('xhr-streaming', 'http'),
  byTransport('xhr-polling', 'http'),
  byTransport('eventsource', 'http'),
  byTransport('websocket', 'frontDoor'),
  {
    name: 'jsonp, by hand: a session hears itself',
    door: 'http',
    run: async ({ http, topic }) => {
      const session = sessionOf(http);
      const poll = () => get(`${session}/jsonp?c=cb`);
      equal((await poll()).body, '/**/cb("o");\r\n');
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const nothing = await post(`${session}/jsonp_send`, 'd=%5B%5D', form);
      deepEqual([nothing.status, nothing.body], [200, 'ok']);
      await hearsItself(session, topic, async () => (await poll()).body);
    },
  },
  {
    name: 'htmlfile, by hand: a session hears itself',
    door: 'http',
    run: async ({ http, topic }) => {
      const session = sessionOf(http);
      await streamed(session, topic, await openStream(`${session}/htmlfile?c=cb`), /p\("o"\)/);
    },
  },
  {
    name: 'left to itself sockjs-client takes the WebSocket, greeted in time',
    door: 'frontDoor',
    run: async ({ http }) => {
      for (let round = 0; round < 3; round++) {
        const party = await sockjsParty(http);
        equal(party.transport, 'websocket');
        await party.leave();
      }
    },
  },
  {
    name: 'a client that goes before it is greeted is forgotten',
    door: 'frontDoor',
    run: async ({ http }) => {
      const url = `${http.replace(/^http/, 'ws')}/sockjs/0/${randomUUID()}/websocket`;
      const peer = await openPeer(url);
      peer.cut();
      // The next is greeted all the same.
      const other = await openPeer(url);
      equal(await other.text(), 'o');
      other.close();
    },
  },
  {
    name: 'raw WebSockets have no framing, at /ws and at /sockjs/websocket',
    door: 'frontDoor',
    run: async ({ http, topic }) => {
      for (const path of ['/ws', '/ws/', '/sockjs/websocket', '/ws?token=x']) {
        const open = () => openPeer(http.replace(/^http/, 'ws') + path, ['v12.stomp']);
        await withStomp(open, async (peer) => {
          await settled(peer, 'SUBSCRIBE', { id: '0', destination: topic });
          peer.send('SEND', { destination: topic }, path);
          equal((await peer.frame()).body, path);
        });
      }
      const refused = await openPeer(`${http.replace(/^http/, 'ws')}/ws/more`).catch(
        (cause: unknown) => cause,
      );
      ok(refused instanceof Refused);
    },
  },
  {
    name: 'a chat of four doors: SockJS polling, raw STOMP, EventSource and curl',
    door: 'http',
    run: async ({ http, open, topic }) => {
      const anna = await sockjsParty(http, 'xhr-polling');
      await anna.subscribe(topic);
      const clara = await eventStream(http + topic);
      equal((await clara.next()).event, 'subscribed');
      await withStomp(open, async (ben) => {
        await settled(ben, 'SUBSCRIBE', { id: '0', destination: topic });
        const speeches: readonly (readonly [string, (body: string) => unknown])[] = [
          ['anna, by SockJS', (body) => anna.say(topic, body)],
          ['ben, by STOMP', (body) => ben.send('SEND', { destination: topic }, body)],
          ['dora, by curl', (body) => post(http + topic, body)],
        ];
        for (const [name, say] of speeches) {
          const body = `${name}: ünï 😀 100%`;
          await say(body);
          const heard = [await anna.hear(), (await ben.frame()).body, (await clara.next()).data];
          deepEqual(heard, [body, body, body]);
        }
      });
      clara.abort();
      await anna.leave();
    },
  },
  {
    name: 'SockJS: what is wrong is told in the words that clients’ tests know',
    door: 'http',
    run: async ({ http }) => {
      const session = sessionOf(http);
      const told = ({ status, body }: Answer): unknown => [status, body];
      deepEqual(told(await post(`${session}/xhr_send`, '["x"]')), [404, '']);
      deepEqual(told(await post(`${session}/xhr`)), [200, 'o\n']);
      deepEqual(told(await post(`${session}/xhr_send`, '')), [500, 'Payload expected.']);
      deepEqual(told(await post(`${session}/xhr_send`, '["x')), [500, 'Broken JSON encoding.']);
      deepEqual(told(await post(`${session}/xhr_send`, '{"a":1}')), [500, 'Payload expected.']);
      const large = await post(`${session}/xhr_send`, 'x'.repeat(2 * 1024 * 1024));
      equal(large.status, 413);
      deepEqual(told(await get(`${session}/jsonp`)), [500, '"callback" parameter required']);
      const script = encodeURIComponent('<script>alert(1)</script>');
      deepEqual(told(await get(`${session}/jsonp?c=${script}`)), [
        500,
        'invalid "callback" parameter',
      ]);
      equal((await get(`${session}/nothing`)).status, 404);
      const put = await get(`${session}/xhr_send`);
      deepEqual([put.status, put.headers['allow']], [405, 'OPTIONS, POST']);
    },
  },
  {
    name: 'SockJS: a second receiver is told of the first, and a session that nobody polls expires',
    door: 'http',
    run: async ({ http }) => {
      const session = sessionOf(http);
      const stream = await openStream(`${session}/xhr_streaming`, { method: 'POST' });
      let head = '';
      while (!head.includes('o\n')) head += await within('the greeting', stream.read());
      const second = await post(`${session}/xhr`);
      equal(second.body, 'c[2010,"Another connection still open"]\n');
      stream.abort();
      const quiet = sessionOf(http);
      equal((await post(`${quiet}/xhr`)).body, 'o\n');
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      equal((await post(`${quiet}/xhr_send`, '["x"]')).status, 404);
      equal((await post(`${quiet}/xhr`)).body, 'o\n');
    },
  },
  {
    name: 'SockJS: a mailbox that nobody empties is closed with a reason',
    door: 'http',
    run: async ({ http, topic }) => {
      const session = sessionOf(http);
      equal((await post(`${session}/xhr`)).body, 'o\n');
      await said(session, JSON.stringify({ subscribe: topic }));
      match((await post(`${session}/xhr`)).body, /RECEIPT/);
      // On AWS a mailbox takes 256 KB, on one machine a megabyte.
      for (let count = 0; count < 13; count++) {
        equal((await post(http + topic, 'x'.repeat(90_000))).status, 200);
      }
      match((await post(`${session}/xhr`)).body, /^a\["/);
      equal(
        (await post(`${session}/xhr`)).body,
        'c[1013,"The client fetches its messages too slowly"]\n',
      );
    },
  },
  {
    name: 'a poll and a stream that hear nothing are held for 25 s, and end well',
    door: 'http',
    slow: true,
    run: async ({ http, topic }) => {
      const session = sessionOf(http);
      equal((await post(`${session}/xhr`)).body, 'o\n');
      const events = await eventStream(http + topic);
      equal((await events.next()).event, 'subscribed');
      // Two are served at once from here on: what a cold start takes is none of their 25 s.
      await Promise.all([get(`${http}/sockjs/info`), get(`${http}/sockjs/info`)]);
      const began = Date.now();
      const [poll, long] = await Promise.all([
        post(`${session}/xhr`),
        get(http + topic, { accept: 'application/json' }),
      ]);
      equal(poll.body, 'h\n');
      deepEqual(JSON.parse(long.body).messages, []);
      const seconds = (Date.now() - began) / 1000;
      ok(seconds > 24 && seconds < 29, `it took ${seconds} s`);
      events.abort();
    },
  },
];
