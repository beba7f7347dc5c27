/**
 * What is counted for docs/cost.md. A case is done by real handlers on an account of its own; only
 * its last step is counted.
 */
import { NOTHING, since, sum, times, type Usage } from '../bill.ts';
import {
  type Account,
  DURATION,
  type IngressKind,
  invocationMilliseconds,
  openAccount,
} from './account.ts';

export interface Counted {
  readonly name: string;
  readonly ingress: IngressKind;
  readonly usage: Usage;
}

export interface Delivering extends Counted {
  readonly delivered: number;
}

export const AUDIENCES = [1, 10, 100, 1000] as const;
/** SENDs that the queue hands over together: as many as a batch takes. */
export const BURST = 10;
/** Of two segments, as that of a topic. */
export const TOPIC = '/topic/orders.eu';
export const ROOM = '/room/orders.eu';
export const BODY_BYTES = 256;
/** As clients of stompjs that were told `heart-beat:0,240000` send them. */
const BEAT_SECONDS = 240;

export const CONNECT = 'CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:10000,10000\n\n\0';
const DISCONNECT = 'DISCONNECT\nreceipt:bye\n\n\0';
const BEAT = '\n';
const subscribeTo = (destination: string) =>
  `SUBSCRIBE\nid:sub-0\ndestination:${destination}\n\n\0`;
const sendTo = (destination: string, bodyBytes = BODY_BYTES) =>
  `SEND\ndestination:${destination}\ncontent-length:${bodyBytes}\n\n${'x'.repeat(bodyBytes)}\0`;

export async function lifecycle(ingress: IngressKind): Promise<readonly Counted[]> {
  const account = openAccount(ingress);
  const count = async (name: string, step: () => Promise<void>): Promise<Counted> => {
    const before = account.usage();
    await step();
    return { name, ingress, usage: since(before, account.usage()) };
  };
  return [
    await count('handshake (`$connect`)', () => account.connect('c')),
    await count('CONNECT', () => account.receive('c', [CONNECT])),
    await count('SUBSCRIBE', () => account.receive('c', [subscribeTo(TOPIC)])),
    await count('heart-beat', () => account.receive('c', [BEAT])),
    await count('DISCONNECT', () => account.receive('c', [DISCONNECT])),
    await count('close (`$disconnect`) after DISCONNECT', () => account.disconnect('c')),
    await step('close of one with a subscription, no DISCONNECT', ingress, {
      before: [CONNECT, subscribeTo(TOPIC)],
      counted: (other) => other.disconnect('c'),
    }),
  ];
}

/** Joining a room and leaving it, alone. */
export async function membership(ingress: IngressKind): Promise<readonly Counted[]> {
  return [
    await step('SUBSCRIBE to a room', ingress, {
      before: [CONNECT],
      counted: (account) => account.receive('c', [subscribeTo(ROOM)]),
    }),
    await step('DISCONNECT of a member', ingress, {
      before: [CONNECT, subscribeTo(ROOM)],
      counted: (account) => account.receive('c', [DISCONNECT]),
    }),
  ];
}

async function step(
  name: string,
  ingress: IngressKind,
  steps: {
    readonly before: readonly string[];
    readonly counted: (account: Account) => Promise<void>;
  },
): Promise<Counted> {
  const account = openAccount(ingress);
  await account.connect('c');
  await account.receive('c', steps.before);
  const before = account.usage();
  await steps.counted(account);
  return { name, ingress, usage: since(before, account.usage()) };
}

/**
 * One SEND, and a burst of them in one batch of the queue, to `subscribers`. Throws unless every
 * subscriber had exactly one post of each: else something else was counted.
 */
export async function sending(
  ingress: IngressKind,
  { destination, subscribers }: { readonly destination: string; readonly subscribers: number },
): Promise<{ readonly single: Delivering; readonly burst: Delivering }> {
  const account = openAccount(ingress);
  await account.together(async () => {
    const joined = [CONNECT, subscribeTo(destination)];
    for (let n = 0; n < subscribers; n++) {
      await join(account, `subscriber-${n}-VotXXcBEPHc=`, joined);
    }
    await join(account, 'sender', [CONNECT]);
  });
  const send = async (count: number): Promise<Delivering> => {
    const before = account.usage();
    await account.receive(
      'sender',
      Array.from({ length: count }, () => sendTo(destination)),
    );
    const usage = since(before, account.usage());
    const posts = usage.gatewayMessages - count;
    if (posts !== subscribers * (ingress === 'direct' ? count : 1)) {
      throw new Error(`${posts} posts for ${count} SENDs to ${subscribers}`);
    }
    const name = `SEND to a ${destination === ROOM ? 'room' : 'topic'} of ${subscribers}`;
    return { name, ingress, usage, delivered: subscribers * count };
  };
  return { single: await send(1), burst: await send(ingress === 'direct' ? 1 : BURST) };
}

/** `backlog` SENDs that the queue hands over together, to a topic or a room of so many. */
export async function burstTo(
  ingress: IngressKind,
  traffic: { readonly lane: 'topic' | 'room'; readonly members: number; readonly backlog: number },
): Promise<Delivering> {
  const destination = `/${traffic.lane}/orders.eu`;
  const account = openAccount(ingress);
  await account.together(async () => {
    for (let n = 0; n < traffic.members; n++) {
      await join(account, `member-${n}-VotXXcBEPHc=`, [CONNECT, subscribeTo(destination)]);
    }
    await join(account, 'sender', [CONNECT]);
  });
  const sends = Array.from({ length: traffic.backlog }, () => sendTo(destination));
  const before = account.usage();
  await account.together(() => account.receive('sender', sends));
  const usage = since(before, account.usage());
  const name = `${traffic.backlog} to ${traffic.members} by /${traffic.lane}`;
  return { name, ingress, usage, delivered: traffic.members * traffic.backlog };
}

export const ROOM_SIZES = [2, 10, 100, 1000] as const;
/** Messages a second in one room. */
export const RATES = [0.1, 1, 10, 100] as const;
/** How often Lambda looks at a shard of the stream. */
const POLLS_A_SECOND = 4;

/** What the stream has gathered when it is looked at: one record at least. */
function recordsOf(rate: number): number {
  return Math.max(1, Math.round(rate / POLLS_A_SECOND));
}

/**
 * Single SENDs of one sender, each an invocation of its own, delivered in batches as the stream
 * gathers them at each rate. Usage is of one message; `delivered` are the members.
 */
export async function roomAtRates(members: number): Promise<readonly Delivering[]> {
  const account = await roomOf('fifo', members);
  const counted: Delivering[] = [];
  for (const rate of RATES) {
    const records = recordsOf(rate);
    const before = account.usage();
    await account.together(async () => {
      for (let n = 0; n < records; n++) await account.receive('sender', [sendTo(ROOM)]);
    });
    const usage = times(since(before, account.usage()), 1 / records);
    counted.push({ name: `${rate} a second`, ingress: 'fifo', usage, delivered: members });
  }
  return counted;
}

/** A rule's `coalesce` at a steady rate: what comes within the window leaves in one post. */
export const WINDOW = { milliseconds: 100, rate: 100, bodyBytes: 1024 } as const;

/**
 * How many SENDs of one sender the queue hands over together at that rate: those that come while the
 * batch before them is handled, which its group waits for. SQS's own time is left out.
 */
export const WINDOW_BATCH = Math.floor((DURATION.milliseconds * WINDOW.rate) / 1000);

/**
 * SENDs so many at a time in an invocation. Usage is of one message; `deliver` waits for what is left
 * of the window, which is billed.
 */
export async function coalesced(
  ingress: IngressKind,
  { members, batch }: { readonly members: number; readonly batch: number },
): Promise<Delivering> {
  const account = await roomOf(ingress, members);
  const records = (WINDOW.rate * WINDOW.milliseconds) / 1000;
  const before = account.usage();
  await account.together(async () => {
    const sends = Array.from({ length: batch }, () => sendTo(ROOM, WINDOW.bodyBytes));
    for (let n = 0; n < records; n += batch) await account.receive('sender', sends);
  });
  const left = Math.max(0, WINDOW.milliseconds - invocationMilliseconds('deliver', members));
  const waited = (DURATION.gigabytes.deliver * left) / 1000;
  const used = sum(since(before, account.usage()), { ...NOTHING, gigabyteSeconds: waited });
  const name = `${WINDOW.rate} a second`;
  return { name, ingress, usage: times(used, 1 / records), delivered: members };
}

async function roomOf(ingress: IngressKind, members: number): Promise<Account> {
  const account = openAccount(ingress);
  await account.together(async () => {
    for (let n = 0; n < members; n++) {
      await join(account, `member-${n}-VotXXcBEPHc=`, [CONNECT, subscribeTo(ROOM)]);
    }
    await join(account, 'sender', [CONNECT]);
  });
  return account;
}

/** An hour of `clients` that are there and say nothing, with or without heart-beats. */
export async function idle(
  ingress: IngressKind,
  { clients, beats }: { readonly clients: number; readonly beats: boolean },
): Promise<Counted> {
  const account = openAccount(ingress);
  await join(account, 'c', [CONNECT, subscribeTo(TOPIC)]);
  const before = account.usage();
  await account.receive('c', [BEAT]);
  const beat = times(since(before, account.usage()), beats ? (3600 / BEAT_SECONDS) * clients : 0);
  return {
    name: beats ? `with a heart-beat every ${BEAT_SECONDS} s` : 'without heart-beats',
    ingress,
    usage: { ...NOTHING, ...beat, connectionMinutes: 60 * clients },
  };
}

async function join(
  account: Account,
  connectionId: string,
  texts: readonly string[],
): Promise<void> {
  await account.connect(connectionId);
  await account.receive(connectionId, texts);
}
