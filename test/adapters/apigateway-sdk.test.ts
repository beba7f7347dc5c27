/** What the SDK's client is given of time: it runs while a request is under way, and for no other. */
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from '../../adapters/apigateway/management.ts';
import { managementClient, sdkManagement } from '../../adapters/apigateway/sdk.ts';
import { systemTimer } from '../../adapters/system.ts';
import type { Timer } from '../../broker/ports.ts';
import { serve } from './management-server.ts';

const OWN = { region: 'x', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };
const CONNECTIONS = 50;

interface Posted {
  readonly count: number;
  readonly connectMilliseconds?: number;
  readonly requestMilliseconds?: number;
  readonly timer?: Timer;
  /** Called when all have been asked for. */
  readonly meanwhile?: () => void;
}

async function posted(
  endpoint: string,
  { count, meanwhile = () => {}, ...limits }: Posted,
): Promise<readonly Answer[]> {
  const client = managementClient(endpoint, { ...OWN, ...limits });
  const management = sdkManagement(client, limits);
  try {
    const all = Array.from({ length: count }, (_, n) => management.post(`c${n}`, Buffer.from('x')));
    meanwhile();
    return await Promise.all(all);
  } finally {
    client.destroy();
  }
}

async function served<Result>(
  listener: RequestListener,
  use: (endpoint: string) => Promise<Result>,
): Promise<Result> {
  const { endpoint, close } = await serve(listener);
  try {
    return await use(endpoint);
  } finally {
    await close();
  }
}

/** The process hears nothing for so long. */
function holdUp(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('what waits for a connection has not begun: its time does not run', async () => {
  const sockets = new Set<Socket>();
  const running = { connections: 0, requests: 0 };
  const most = { connections: 0, requests: 0 };
  const timer: Timer = {
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    after(milliseconds) {
      const of = milliseconds === 1 ? 'connections' : 'requests';
      most[of] = Math.max(most[of], ++running[of]);
      let over = false;
      return () => {
        if (!over) running[of] -= 1;
        over = true;
      };
    },
  };
  const found = await served(
    (request, response) => {
      sockets.add(request.socket);
      setImmediate(() => response.writeHead(200).end());
    },
    (endpoint) =>
      posted(endpoint, {
        count: 4 * CONNECTIONS,
        connectMilliseconds: 1,
        requestMilliseconds: 2,
        timer,
      }),
  );
  expect(new Set(found.map(({ status }) => status))).toEqual(new Set([200]));
  expect(sockets.size).toBe(CONNECTIONS);
  expect(most).toEqual({ connections: CONNECTIONS, requests: CONNECTIONS });
  expect(running).toEqual({ connections: 0, requests: 0 });
});

test('a process held up for longer than its limits takes nothing for lost', async () => {
  const found = await served(
    (_, response) => response.writeHead(200).end(),
    (endpoint) =>
      posted(endpoint, {
        count: 10,
        // Behind all that leads to the requests themselves, before anything is heard of them.
        meanwhile: () => setImmediate(() => setImmediate(() => holdUp(3500))),
      }),
  );
  expect(found.map(({ cause }) => cause).filter(Boolean)).toEqual([]);
});

test('a post that is not answered is given up in time, and its connection with it', async () => {
  const ended: Promise<unknown>[] = [];
  const [found] = await served(
    (request) => ended.push(new Promise((resolve) => request.socket.once('close', resolve))),
    (endpoint) => posted(endpoint, { count: 1, requestMilliseconds: 100 }),
  );
  expect(found).toMatchObject({ status: undefined, words: 'No answer within 100 ms' });
  expect(ended).toHaveLength(1);
  await Promise.all(ended);
});

test('an answer that begins and does not end is given up in time as well', async () => {
  const [found] = await served(
    (_, response) => response.writeHead(410, { 'content-length': 100 }).write('{'),
    (endpoint) => posted(endpoint, { count: 1, requestMilliseconds: 300 }),
  );
  expect(found).toMatchObject({ status: undefined, words: 'No answer within 300 ms' });
});

test('a connection that is not open in time is given up', async () => {
  const timer: Timer = {
    ...systemTimer,
    after(milliseconds, action) {
      if (milliseconds === 7) process.nextTick(action);
      return () => {};
    },
  };
  const [found] = await served(
    (_, response) => response.writeHead(200).end(),
    (endpoint) => posted(endpoint, { count: 1, connectMilliseconds: 7, timer }),
  );
  expect(found).toMatchObject({ status: undefined, words: 'No connection within 7 ms' });
});
