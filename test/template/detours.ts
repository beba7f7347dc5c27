/** Journeys that take a planted fault to go on: the ways that the template provides for bad days. */
import { equal, ok } from 'node:assert/strict';
import type { Faults } from '../../local/faults.ts';
import { type Draft, draftOf, mutable } from './draft.ts';
import type { RoleReport } from './iam.ts';
import { INLINE_POSTS } from './journeys-audience.ts';
import { openRuntime, type Runtime } from './runtime.ts';
import { openPeer, type Peer } from './stomp-client.ts';

type Roles = Readonly<Record<string, RoleReport>>;

export interface Detour {
  readonly name: string;
  plant(draft: Draft): void;
  travel(runtime: Runtime): Promise<void>;
  /** Faults that the planted one explains. */
  readonly expected?: RegExp;
  /** Of the gateway. */
  readonly faults?: Faults;
  /** Part of the logical id of a resource that a template without this ability lacks. */
  readonly needs?: string;
}

const CRASHING = 'crash the handler';

/** Before the real handler: one that throws when a body says so. */
const CRASHER = `import * as real from './real.mjs';
const text = ({ body }) => Buffer.from(body.slice(1), 'base64').toString();
export const message = (event) => {
  if (event.Records.some((one) => text(one).includes('${CRASHING}'))) {
    throw new Error('planted crash');
  }
  return real.message(event);
};`;

/** Before the real handler: its clock is two minutes ahead, so that what is due later is due now. */
const LATER = `const now = Date.now;
Date.now = () => now() + 120_000;
export * from './real.mjs';`;

export const DETOURS: readonly Detour[] = [
  {
    name: 'a message that crashes its handler on every try ends its connection, in words',
    needs: 'IngressDeadLetters',
    plant: (draft) => draft.wrap('FunctionsMessage', CRASHER),
    travel: async (runtime) => {
      const peer = await subscribed(runtime);
      peer.send('SEND', { destination: '/topic/elsewhere' }, CRASHING);
      const error = await peer.frame();
      equal(error.command, 'ERROR');
      equal(error.headers['code'], 'internal');
      await peer.closed();
      ok(runtime.faults.some((line) => line.includes('gave up')));
    },
    expected: /planted crash|gave up/,
  },
  {
    name: 'a disconnect that cannot be queued is handled at once',
    needs: 'IngressDeadLetters',
    plant: (draft) => {
      const environment = draft.properties('AWS::Lambda::Function', 'FunctionsDisconnect');
      const variables = mutable(mutable(environment['Environment'])['Variables']);
      variables['QUEUE_URL'] = { Ref: draft.id('AWS::SQS::Queue', 'IngressDeadLetters') };
    },
    travel: async (runtime) => {
      const peer = await subscribed(runtime);
      peer.close();
      await peer.closed();
    },
    expected: /sqs:SendMessage/,
  },
  {
    name: 'a member whose connection was lost is told to have left, after the grace',
    needs: 'FunctionsWork',
    plant: () => undefined,
    travel: (runtime) =>
      watching(runtime, async (member, kind) => {
        member.cut();
        equal(await kind(), 'leave');
      }),
  },
  {
    name: 'a member whose $disconnect never came is found by the sweep',
    needs: 'FunctionsWork',
    faults: { seed: 1, disconnectLost: 1 },
    plant: (draft) => draft.wrap('FunctionsWork', LATER),
    travel: (runtime) =>
      watching(runtime, async (member, kind) => {
        // One that lives stands beside it: it is asked as well, and stays.
        const other = await connected(runtime);
        other.send('SUBSCRIBE', { id: '1', destination: '/room/detour' });
        equal(await kind(), 'join');
        member.cut();
        await runtime.settle();
        await Promise.all(runtime.schedules.map(({ fire }) => fire()));
        equal(await kind(), 'leave');
        other.close();
      }),
  },
  {
    name: 'a member that cannot be posted to is ended by the delivery itself',
    needs: 'FunctionsDeliver',
    faults: { seed: 1, disconnectLost: 1 },
    plant: () => undefined,
    travel: (runtime) =>
      watching(runtime, async (member, kind) => {
        member.cut();
        const sender = await connected(runtime);
        sender.send('SEND', { destination: '/room/detour' }, 'anybody there?');
        equal(await kind(), 'leave');
        sender.close();
      }),
  },
  {
    name: 'one of a large audience who is gone is ended by the part that finds it so',
    needs: 'FunctionsWork',
    faults: { seed: 1, disconnectLost: 1 },
    plant: () => undefined,
    travel: async (runtime) => {
      const peers: Peer[] = [];
      while (peers.length < INLINE_POSTS + 4) peers.push(await subscribed(runtime));
      const [gone, ...others] = peers;
      gone?.cut();
      others[0]?.send('SEND', { destination: '/topic/detour' }, 'anybody there?');
      for (const peer of others) equal((await peer.frame()).body, 'anybody there?');
      await runtime.settle();
      for (const peer of others) peer.close();
    },
  },
  {
    name: 'what a full buffer does not take waits, and comes',
    needs: 'FunctionsWork',
    faults: { seed: 3, postSlow: 0.4 },
    plant: () => undefined,
    travel: async (runtime) => {
      // An answer that finds the buffer full ends its connection: then another is tried.
      const listener = await persistent(() => subscribed(runtime));
      const speaker = await persistent(() => connected(runtime));
      const bodies = Array.from({ length: 10 }, (_, index) => String(index));
      for (const body of bodies) {
        speaker.send('SEND', { destination: '/topic/detour' }, body);
        // One by one, so that each is a post of its own.
        equal((await listener.frame(30_000)).body, body);
      }
      listener.close();
      speaker.close();
    },
  },
];

async function persistent(attempt: () => Promise<Peer>): Promise<Peer> {
  for (;;) {
    const peer = await attempt().catch(() => undefined);
    if (peer !== undefined) return peer;
  }
}

/** Somebody joins a room that somebody else watches; `kind` is the next thing the watcher hears. */
async function watching(
  runtime: Runtime,
  use: (member: Peer, kind: () => Promise<string | undefined>) => Promise<void>,
): Promise<void> {
  const [eye, member] = [await connected(runtime), await connected(runtime)];
  // Behind a grace, and whatever starts cold meanwhile.
  const kind = async () => (await eye.frame(30_000)).headers['presence'];
  eye.send('SUBSCRIBE', { id: 'eye', destination: '/presence/room/detour', receipt: 'r' });
  equal((await eye.frame()).command, 'RECEIPT');
  equal(await kind(), 'members');
  member.send('SUBSCRIBE', { id: '1', destination: '/room/detour' });
  equal(await kind(), 'join');
  await use(member, kind);
  eye.close();
}

async function connected(runtime: Runtime): Promise<Peer> {
  const peer = await openPeer(runtime.url, ['v12.stomp']);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
  equal((await peer.frame()).command, 'CONNECTED');
  return peer;
}

async function subscribed(runtime: Runtime): Promise<Peer> {
  const peer = await connected(runtime);
  peer.send('SUBSCRIBE', { id: '1', destination: '/topic/detour', receipt: 'r' });
  equal((await peer.frame()).command, 'RECEIPT');
  return peer;
}

/** Returns what the roles used, undefined where the template cannot go there; throws what failed. */
export async function runDetour(
  detour: Detour,
  folder: string,
  dynamoUrl: string,
): Promise<Roles | undefined> {
  const draft = draftOf(folder);
  try {
    const { needs = '' } = detour;
    if (!Object.keys(draft.resources).some((id) => id.includes(needs))) return undefined;
    detour.plant(draft);
    draft.save();
    const { faults } = detour;
    const options = { mode: 'frozen', dynamoUrl, ...(faults && { faults }) } as const;
    const runtime = await openRuntime(draft.folder, options);
    try {
      await detour.travel(runtime);
      await runtime.settle();
    } finally {
      await runtime.close();
    }
    const strange = runtime.faults.filter((line) => !detour.expected?.test(line));
    equal(strange.join('; '), '');
    return runtime.roles();
  } finally {
    draft.discard();
  }
}
