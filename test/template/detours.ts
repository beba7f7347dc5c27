/** Journeys that take a planted fault to go on: the ways that the template provides for bad days. */
import { equal, ok } from 'node:assert/strict';
import { type Draft, draftOf, mutable } from './draft.ts';
import type { RoleReport } from './iam.ts';
import { openRuntime, type Runtime } from './runtime.ts';
import { openPeer, type Peer } from './stomp-client.ts';

type Roles = Readonly<Record<string, RoleReport>>;

export interface Detour {
  readonly name: string;
  plant(draft: Draft): void;
  travel(runtime: Runtime): Promise<void>;
  /** Faults that the planted one explains. */
  readonly expected: RegExp;
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

export const DETOURS: readonly Detour[] = [
  {
    name: 'a message that crashes its handler on every try ends its connection, in words',
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
    plant: (draft) => {
      const environment = draft.properties('AWS::Lambda::Function', 'FunctionsDisconnect');
      const variables = mutable(mutable(environment['Environment'])['Variables']);
      variables['QUEUE_URL'] = { Ref: draft.id('AWS::SQS::Queue', 'DeadLetters') };
    },
    travel: async (runtime) => {
      const peer = await subscribed(runtime);
      peer.close();
      await peer.closed();
    },
    expected: /sqs:SendMessage/,
  },
];

async function subscribed(runtime: Runtime): Promise<Peer> {
  const peer = await openPeer(runtime.url, ['v12.stomp']);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
  equal((await peer.frame()).command, 'CONNECTED');
  peer.send('SUBSCRIBE', { id: '1', destination: '/topic/detour', receipt: 'r' });
  equal((await peer.frame()).command, 'RECEIPT');
  return peer;
}

/** Returns what the roles used; throws what failed. */
export async function runDetour(detour: Detour, folder: string, dynamoUrl: string): Promise<Roles> {
  const draft = draftOf(folder);
  try {
    detour.plant(draft);
    draft.save();
    const runtime = await openRuntime(draft.folder, { mode: 'frozen', dynamoUrl });
    try {
      await detour.travel(runtime);
      await runtime.settle();
    } finally {
      await runtime.close();
    }
    const strange = runtime.faults.filter((line) => !detour.expected.test(line));
    equal(strange.join('; '), '');
    return runtime.roles();
  } finally {
    draft.discard();
  }
}
