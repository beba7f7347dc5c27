/**
 * No affinity: every request of a session is served by another environment than the one before it,
 * and in the middle of each session every idle environment of every function is ended. What an
 * environment knows and the table does not would show as a session that is not whole.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get, type Open, open, post } from '../sockjs/browser.ts';
import type { Affinity } from './function-urls.ts';
import { within } from './journey.ts';
import { openRuntime, type Runtime } from './runtime.ts';

const SESSIONS = 40;
const AT_ONCE = 4;

type Check = (name: string, run: () => Promise<boolean>) => Promise<void>;

/** What goes on in the middle of a session. */
type Pause = () => Promise<void>;

/** Speaks to itself through the broker: subscribes, publishes thrice, and hears it in order. */
async function talks(session: string, hear: () => Promise<string>, pause: Pause): Promise<void> {
  const topic = `/topic/affinity.${randomUUID()}`;
  const send = async (text: unknown): Promise<void> => {
    equal((await post(`${session}/xhr_send`, JSON.stringify([JSON.stringify(text)]))).status, 204);
  };
  let all = '';
  await send({ subscribe: topic });
  while (!all.includes('RECEIPT')) all += await within('the RECEIPT', hear());
  await pause();
  for (let count = 0; count < 3; count++) await send({ send: topic, body: `#${count};` });
  while (!all.includes('#2;')) all += await within('the last message', hear());
  deepEqual(all.match(/#\d;/g), ['#0;', '#1;', '#2;']);
  // Said so that no receiver is held for a client that has gone.
  await send({ disconnect: true });
  while (!/c\[1000/.test(all)) all += await within('the close', hear());
}

async function polling(session: string, poll: () => Promise<string>, pause: Pause): Promise<void> {
  ok((await poll()).includes('o'), 'the greeting');
  await talks(session, poll, pause);
}

async function streaming(session: string, asked: Promise<Open>, pause: Pause): Promise<void> {
  const stream = await asked;
  let head = '';
  while (!/(^|["\n ])o["\r\n]/.test(head)) head += await within('the greeting', stream.read());
  await talks(session, () => stream.read(), pause);
}

type Run = (session: string, pause: Pause) => Promise<void>;

const MODES: Readonly<Record<string, Run>> = {
  xhr: (session, pause) => polling(session, async () => (await post(`${session}/xhr`)).body, pause),
  jsonp: (session, pause) =>
    polling(session, async () => (await get(`${session}/jsonp?c=cb`)).body, pause),
  xhr_streaming: (session, pause) =>
    streaming(session, open(`${session}/xhr_streaming`, { method: 'POST' }), pause),
  eventsource: (session, pause) => streaming(session, open(`${session}/eventsource`), pause),
  htmlfile: (session, pause) => streaming(session, open(`${session}/htmlfile?c=cb`), pause),
};

/** 40 of 40 in each transport. */
export async function noAffinity(folder: string, dynamoUrl: string, check: Check): Promise<void> {
  const last = new Map<string, number>();
  let repeated = 0;
  const sessionOf = (path: string): string => path.split('/')[3] ?? '';
  const affinity: Affinity = {
    avoid: (path) => last.get(sessionOf(path)),
    served: (path, environment) => {
      if (last.get(sessionOf(path)) === environment) repeated += 1;
      last.set(sessionOf(path), environment);
    },
  };
  const runtime = await openRuntime(folder, { mode: 'process', dynamoUrl, affinity });
  try {
    for (const [name, run] of Object.entries(MODES)) {
      await check(`${name}: ${SESSIONS} sessions of ${SESSIONS}, by environments that end`, () =>
        sessions(runtime, run),
      );
    }
    await check('no environment served a session twice running', async () => {
      equal(repeated, 0);
      equal(last.size, SESSIONS * Object.keys(MODES).length);
      return true;
    });
  } finally {
    await runtime.close();
  }
  await check('no affinity: nothing went wrong inside', async () => {
    equal(runtime.faults.join('; '), '');
    return true;
  });
}

async function sessions(runtime: Runtime, run: Run): Promise<boolean> {
  const broken: string[] = [];
  const one = (): Promise<void> =>
    run(`${runtime.frontDoorUrl}/sockjs/0/${randomUUID()}`, runtime.recycle).catch((cause) => {
      broken.push(String(cause));
    });
  for (let from = 0; from < SESSIONS; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }
  equal(broken.length, 0, `${SESSIONS - broken.length} of ${SESSIONS}: ${broken[0]}`);
  return true;
}
