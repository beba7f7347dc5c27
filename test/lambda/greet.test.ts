/** The greeting: retried while the gateway does not know the connection, sent once, given up. */
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { readGreeting } from '../../adapters/sqs/greeter.ts';
import type { Outcome } from '../../broker/ports.ts';
import { greetHandler, greetingsHandler } from '../../lambda/greet.ts';
import { makeWorld } from '../broker/world.ts';

function greeted(outcomes: readonly Outcome[]) {
  const world = makeWorld();
  const posts: string[] = [];
  const closed: string[] = [];
  let now = 2_000_000_000_000;
  const clock = { now: () => now };
  const ports = {
    ...world.ports,
    clock,
    timer: {
      ...world.ports.timer,
      sleep: async (milliseconds: number) => {
        now += milliseconds;
      },
    },
    outbox: {
      post: async (deliveries: readonly { readonly posts: readonly Uint8Array[] }[]) => {
        posts.push(...deliveries.flatMap((one) => one.posts.map((post) => String(post))));
        return [outcomes[posts.length - 1] ?? outcomes.at(-1) ?? 'sent'];
      },
      close: async (id: string) => {
        closed.push(id);
      },
    },
  };
  const mailboxes = memoryMailboxes({ clock, limits: ports.limits });
  return {
    greet: greetHandler(ports, mailboxes),
    posts,
    closed,
    elapsed: () => now - 2_000_000_000_000,
  };
}

test('it is tried again while the gateway says gone', async () => {
  const { greet, posts, closed } = greeted(['gone', 'gone', 'gone', 'sent']);
  await greet({ connectionId: 'a' });
  expect(posts).toHaveLength(4);
  expect(closed).toEqual([]);
});

test('asked for twice, it is sent once', async () => {
  const { greet, posts } = greeted(['sent']);
  await Promise.all([greet({ connectionId: 'a' }), greet({ connectionId: 'a' })]);
  await greet({ connectionId: 'b' });
  expect(posts).toHaveLength(2);
});

test('after two seconds the connection is given up and cut', async () => {
  const { greet, closed, elapsed } = greeted(['gone']);
  await greet({ connectionId: 'a' });
  expect(closed).toEqual(['a']);
  expect(elapsed()).toBeLessThanOrEqual(2000);
});

test('what the queue brings is read, and what is no greeting is passed over', async () => {
  const heard: string[] = [];
  const handler = greetingsHandler(readGreeting, async ({ connectionId }) => {
    heard.push(connectionId);
  });
  const record = (body: string) => ({
    messageId: 'm',
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1' },
    messageAttributes: {},
  });
  await handler({ Records: ['{"connectionId":"a"}', 'x', '{}', 'null'].map(record) });
  expect(heard).toEqual(['a']);
});

test('a greeting of Engine.IO says so on its way, and is an open packet without upgrades', async () => {
  expect(readGreeting('{"connectionId":"a","engine":true}')).toEqual({
    connectionId: 'a',
    engine: true,
  });
  const { greet, posts } = greeted(['gone', 'sent']);
  await greet({ connectionId: 'a', engine: true });
  expect(posts).toHaveLength(2);
  expect(JSON.parse(posts[1]?.slice(1) ?? '')).toMatchObject({ upgrades: [], maxPayload: 1e6 });
});
