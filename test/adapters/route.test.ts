/** Deliveries find their outbox by the form of the connection id, and outcomes their place. */
import { mailboxOutbox } from '../../adapters/mailbox/outbox.ts';
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { routeLiveness, routeOutbox } from '../../adapters/route.ts';
import { isSession, sessionConnectionId, sessionName, sessionOf } from '../../broker/address.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Delivery, Outbox } from '../../broker/ports.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const clock = { now: () => 2_000_000_000_000 };
const limits = { ...LIMITS, mailboxBytesMax: 100 };

function world() {
  const closed: string[] = [];
  const sockets: Outbox = {
    post: async (deliveries) => deliveries.map(({ posts }) => (posts.length > 1 ? 'slow' : 'sent')),
    close: async (id) => {
      closed.push(id);
    },
  };
  const mailboxes = memoryMailboxes({ clock, limits });
  const sessions = mailboxOutbox({ mailboxes, clock, limits, log });
  return { outbox: routeOutbox({ sockets, sessions }), mailboxes, closed };
}

const session = sessionName('/sockjs', 'abc');
const id = sessionConnectionId(session, '1');
const to = (connectionId: string, ...texts: string[]): Delivery => ({
  connectionId,
  connectedAt: 0,
  posts: texts.map((text) => Buffer.from(text)),
});

async function opened() {
  const made = world();
  const until = clock.now() + 1000;
  await made.mailboxes.open(session, id, { receiver: 'r', until, expiresAt: until });
  return made;
}

test('the id of a session tells that it is one, and which; the gateway’s own never does', () => {
  expect([isSession(id), sessionOf(id)]).toEqual([true, session]);
  for (const other of ['VotXXcBEPHcCEvQ=', 's', '', 'h.abc', 'sVotXXcBEPHcCE=']) {
    expect(isSession(other)).toBe(false);
  }
  expect(sessionName('/a', 'b')).not.toBe(sessionName('/b', 'a'));
});

test('outcomes come back in the order of their deliveries', async () => {
  const { outbox, mailboxes } = await opened();
  const gone = sessionConnectionId(sessionName('/sockjs', 'gone'), '1');
  const deliveries = [to('a=', '1'), to(id, 'x'), to('b=', '1', '2'), to(gone, 'x'), to('c=', '1')];
  expect(await outbox.post(deliveries)).toEqual(['sent', 'sent', 'slow', 'gone', 'sent']);
  const taken = await mailboxes.take(session, 'r');
  expect(taken === 'lost' ? [] : taken.posts.map(String)).toEqual(['x']);
});

test('a full mailbox is closed with a reason; one post too large for any costs nobody the session', async () => {
  const { outbox, mailboxes } = await opened();
  const large = 'x'.repeat(101);
  expect(await outbox.post([to(id, large)])).toEqual(['too-large']);
  expect(await outbox.post([to(id, 'x'.repeat(60))])).toEqual(['sent']);
  expect(await outbox.post([to(id, 'x'.repeat(60))])).toEqual(['gone']);
  expect((await mailboxes.find(session))?.closed).toMatchObject({ code: 1013 });
});

test('closing reaches the one that has the connection', async () => {
  const { outbox, mailboxes, closed } = await opened();
  await outbox.close('a=');
  await outbox.close(id);
  expect(closed).toEqual(['a=']);
  expect((await mailboxes.find(session))?.closed).toMatchObject({ code: 1000 });
});

test('a session lives while its mailbox is open, and as long as it is the same life', async () => {
  const { outbox, mailboxes } = await opened();
  const liveness = routeLiveness({ alive: async (other) => other === 'a=' }, mailboxes);
  const alive = (ids: readonly string[]) => Promise.all(ids.map((one) => liveness.alive(one)));
  const next = sessionConnectionId(session, '2');
  expect(await alive(['a=', 'b=', id, next])).toEqual([true, false, true, false]);
  await outbox.close(id);
  expect(await liveness.alive(id)).toBe(false);
});
