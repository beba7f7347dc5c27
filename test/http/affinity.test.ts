/**
 * No affinity: with four environments each request goes to the next of them in turn, so every session
 * of two requests or more meets several, and what one of them knows none of the others does.
 */
import { randomUUID } from 'node:crypto';
import { type Broker, startBroker } from '../../local/broker.ts';
import { get, type Open, open, post } from '../sockjs/browser.ts';

const SESSIONS = 40;
const AT_ONCE = 8;
const PATIENCE = 120_000;

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true, environments: 4 });
}, PATIENCE);
afterAll(() => broker.close());

const base = () => `http://127.0.0.1:${broker.port}`;

/** Speaks to itself through the broker: subscribes, publishes thrice, and hears it in order. */
async function talks(session: string, hear: () => Promise<string>): Promise<boolean> {
  const topic = `/topic/affinity.${randomUUID()}`;
  const send = (text: unknown) =>
    post(`${session}/xhr_send`, JSON.stringify([JSON.stringify(text)]));
  await send({ subscribe: topic });
  let all = '';
  while (!all.includes('RECEIPT')) all += await hear();
  for (let count = 0; count < 3; count++) await send({ send: topic, body: `#${count};` });
  while (!all.includes('#2;')) all += await hear();
  return /#0;.*#1;.*#2;/s.test(all) && all.match(/#\d;/g)?.length === 3;
}

/** Polls, each a request of its own. */
async function polling(session: string, poll: () => Promise<{ body: string }>): Promise<boolean> {
  if (!(await poll()).body.includes('o')) return false;
  return talks(session, async () => (await poll()).body);
}

/** One stream, and what it says after the greeting. */
async function streaming(session: string, stream: Open): Promise<boolean> {
  let head = '';
  while (!/(^|["\n ])o["\r\n]/.test(head)) head += await stream.read();
  const whole = await talks(session, () => stream.read());
  stream.abort();
  return whole;
}

const MODES: Readonly<Record<string, (session: string) => Promise<boolean>>> = {
  xhr: (session) => polling(session, () => post(`${session}/xhr`)),
  jsonp: (session) => polling(session, () => get(`${session}/jsonp?c=cb`)),
  xhr_streaming: async (session) =>
    streaming(session, await open(`${session}/xhr_streaming`, { method: 'POST' })),
  eventsource: async (session) => streaming(session, await open(`${session}/eventsource`)),
  htmlfile: async (session) => streaming(session, await open(`${session}/htmlfile?c=cb`)),
};

test.each(Object.entries(MODES))(
  '%s: 40 sessions of 40 are whole, whichever environment serves a request',
  async (_name, run) => {
    const results: boolean[] = [];
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => run(`${base()}/sockjs/0/${randomUUID()}`));
      results.push(...(await Promise.all(some)));
    }
    expect(results.filter(Boolean)).toHaveLength(SESSIONS);
  },
  PATIENCE,
);

test(
  'long polls of a destination: 40 sessions of 40',
  async () => {
    let whole = 0;
    for (let count = 0; count < SESSIONS; count++) {
      const path = `/room/affinity-${count}`;
      await post(`${base()}${path}`, '0');
      const headers = { accept: 'application/json' };
      const heard: string[] = [];
      let next = `${path}?last=1`;
      for (let body = 0; body < 3; body++) {
        const answer = JSON.parse((await get(`${base()}${next}`, headers)).body);
        for (const message of answer.messages) heard.push(message.body);
        next = answer.next;
        await post(`${base()}${path}`, String(body + 1));
      }
      if (heard.join() === '0,1,2') whole += 1;
    }
    expect(whole).toBe(SESSIONS);
  },
  PATIENCE,
);
