/** What an environment is told of clients that leave. */
import { getEventListeners } from 'node:events';
import type { HttpRequest, Reply } from '../../lambda/exchange.ts';
import type { ToEnvironment } from '../../local/thread.ts';
import { requestPool } from '../../local/thread-requests.ts';

const REQUEST: HttpRequest = {
  method: 'GET',
  path: '/topic/a',
  query: '',
  headers: {},
  body: new Uint8Array(0),
  oversized: false,
};

/** One request in an environment; its socket's signal may have others. */
function world() {
  const environment = {};
  const told: ToEnvironment[] = [];
  const pool = requestPool(() => ({ environment, tell: (message) => told.push(message) }));
  const client = new AbortController();
  const reply: Reply = {
    gone: client.signal,
    start: () => undefined,
    write: async () => undefined,
    end: () => undefined,
  };
  const handled = pool.handle(REQUEST, reply).catch((cause: Error) => cause.message);
  const gone = () => told.filter(({ type }) => type === 'gone').length;
  return { environment, pool, client, handled, gone };
}

type World = ReturnType<typeof world>;

test('an environment is told once that the client of its request has left', () => {
  const { client, gone } = world();
  client.abort();
  expect(gone()).toBe(1);
});

test.each([
  ['answered', ({ pool }: World) => pool.hear({ type: 'ended', call: 1 })],
  ['broken', ({ pool }: World) => pool.hear({ type: 'broke', call: 1, fault: 'broke' })],
  ['buried with its environment', ({ pool, environment }: World) => pool.buried(environment)],
] as const)('a request that is %s leaves nothing at the signal of its socket', async (_, end) => {
  const one = world();
  expect(getEventListeners(one.client.signal, 'abort')).toHaveLength(1);
  end(one);
  await one.handled;
  expect(getEventListeners(one.client.signal, 'abort')).toHaveLength(0);
  one.client.abort();
  expect(one.gone()).toBe(0);
});
