/** Queues, counted: what a message costs on its way through one, alone and in company. */
import { ackOfItem } from '../../broker/ack-id.ts';
import { placeIn } from '../../broker/queue-cells.ts';
import { since, sum, times, type Usage } from '../bill.ts';
import { type Account, type IngressKind, openAccount } from './account.ts';
import { BODY_BYTES, BURST, CONNECT, type Counted } from './cases.ts';

const QUEUE = '/queue/orders.eu';
/** What a consumer has in its hands when it is busy: the default prefetch. */
const HELD = 100;
/** A body that stands beside its item. */
const LARGE_BYTES = 16 * 1024;

const send = (more = '', bytes = BODY_BYTES) =>
  `SEND\ndestination:${QUEUE}\n${more}content-length:${bytes}\n\n${'x'.repeat(bytes)}\0`;
const ack = (seq: number, more = '') =>
  `ACK\nid:${ackOfItem(placeIn(1, seq), 1, 'sub-0')}\n${more}\n\0`;
const subscribe = (mode: string) =>
  `SUBSCRIBE\nid:sub-0\ndestination:${QUEUE}\nack:${mode}\nprefetch-count:1000\n\n\0`;
const each = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index));

export interface QueueCounts {
  readonly acts: readonly Counted[];
  /** For one message: sent, delivered and acknowledged. */
  readonly ways: readonly Counted[];
}

export async function queues(ingress: IngressKind): Promise<QueueCounts> {
  const [alone, held, burst, large, largeHeld, auto] = await Promise.all([
    wayOf(ingress, { count: 1, held: 0 }),
    wayOf(ingress, { count: 1, held: HELD }),
    wayOf(ingress, { count: BURST, held: 0 }),
    wayOf(ingress, { count: 1, held: 0, bytes: LARGE_BYTES }),
    wayOf(ingress, { count: 1, held: HELD, bytes: LARGE_BYTES }),
    autoOf(ingress),
  ]);
  const both = (name: string, { sent, acked }: Way, count = 1): Counted => ({
    name,
    ingress,
    usage: times(sum(sent, acked), 1 / count),
  });
  return {
    acts: [
      { name: 'SUBSCRIBE to a queue', ingress, usage: alone.subscribed },
      { name: 'SEND to a queue, posted to a consumer', ingress, usage: alone.sent },
      { name: 'its ACK', ingress, usage: alone.acked },
      { name: 'SEND to a queue, `ack:auto`', ingress, usage: auto },
      ...(ingress === 'fifo' ? await transaction(ingress) : []),
    ],
    ways: [
      { name: '`ack:auto`', ingress, usage: auto },
      both('acknowledged one by one', alone),
      both(`– while the consumer holds ${HELD} others`, held),
      both(`– with a body of ${LARGE_BYTES / 1024} KB`, large),
      both(`– with one of ${LARGE_BYTES / 1024} KB, beside ${HELD} such others`, largeHeld),
      ...(ingress === 'fifo'
        ? [both(`– ${BURST} SENDs in one batch, ${BURST} ACKs in another`, burst, BURST)]
        : []),
    ],
  };
}

interface Way {
  readonly subscribed: Usage;
  readonly sent: Usage;
  readonly acked: Usage;
}

/** Throws unless each message was posted once, and nothing is left of it after its ACK. */
async function wayOf(
  ingress: IngressKind,
  {
    count,
    held,
    bytes = BODY_BYTES,
  }: { readonly count: number; readonly held: number; readonly bytes?: number },
): Promise<Way> {
  const account = await opened(ingress);
  const subscribed = await used(account, () =>
    account.receive('consumer', [subscribe('client-individual')]),
  );
  for (let from = 0; from < held; from += BURST) {
    await account.together(() =>
      account.receive(
        'sender',
        each(Math.min(BURST, held - from), () => send('', bytes)),
      ),
    );
  }
  // The first of a queue sets its clock, and a change of its log is billed by the size of the last.
  const before = held + 1;
  await account.receive('sender', [send('', bytes)]);
  await account.receive('consumer', [ack(before)]);
  const sent = await used(account, () =>
    account.receive(
      'sender',
      each(count, () => send('', bytes)),
    ),
  );
  expectPosts(sent, count, ingress === 'direct' ? count : 1);
  const acked = await used(account, () =>
    account.receive(
      'consumer',
      each(count, (n) => ack(before + 1 + n)),
    ),
  );
  expectPosts(acked, count, 0);
  await account.receive('consumer', [`UNSUBSCRIBE\nid:sub-0\n\n\0`]);
  await expectLeft(account, held);
  return { subscribed, sent, acked };
}

async function autoOf(ingress: IngressKind): Promise<Usage> {
  const account = await opened(ingress);
  await account.receive('consumer', [subscribe('auto')]);
  await account.receive('sender', [send()]);
  const sent = await used(account, () => account.receive('sender', [send()]));
  expectPosts(sent, 1, 1);
  return sent;
}

/** BEGIN, a SEND, an ACK and COMMIT, as a worker does that hands its work on. */
async function transaction(ingress: IngressKind): Promise<readonly Counted[]> {
  const account = await opened(ingress);
  await account.receive('consumer', [subscribe('client-individual')]);
  await account.receive('sender', [send(), send()]);
  const inside = 'transaction:t\n';
  const frames = [
    'BEGIN\ntransaction:t\n\n\0',
    send(inside).replace(QUEUE, `${QUEUE}.done`),
    ack(2, inside),
    'COMMIT\ntransaction:t\n\n\0',
  ];
  const usage = await used(account, () => account.receive('consumer', frames));
  return [{ name: 'BEGIN, SEND, ACK and COMMIT, in one batch', ingress, usage }];
}

async function opened(ingress: IngressKind): Promise<Account> {
  const account = openAccount(ingress);
  for (const id of ['consumer', 'sender', 'heir']) {
    await account.connect(id);
    await account.receive(id, [CONNECT]);
  }
  return account;
}

async function used(account: Account, run: () => Promise<void>): Promise<Usage> {
  const before = account.usage();
  await run();
  return since(before, account.usage());
}

function expectPosts({ gatewayMessages }: Usage, received: number, posts: number): void {
  if (gatewayMessages === received + posts) return;
  throw new Error(`${gatewayMessages - received} posts instead of ${posts}`);
}

/** All that is left comes in one post to whoever asks next: so many octets are so many messages. */
async function expectLeft(account: Account, messages: number): Promise<void> {
  const usage = await used(account, () => account.receive('heir', [subscribe('auto')]));
  const posted = usage.gatewayMessages - 1;
  if ((messages === 0) === (posted === 0)) return;
  throw new Error(`${posted} posts of what is left, where ${messages} messages should be`);
}
