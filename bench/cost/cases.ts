/**
 * What is counted for docs/cost.md. A case is done by real handlers on an account of its own; only
 * its last step is counted. Rooms and queues join by a destination and a lane of theirs.
 */
import { NOTHING, since, times, type Usage } from '../bill.ts';
import { type Account, type IngressKind, openAccount } from './account.ts';

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
const DESTINATION = '/topic/orders.eu';
const BODY_BYTES = 256;
/** As clients of stompjs that were told `heart-beat:0,240000` send them. */
const BEAT_SECONDS = 240;

const CONNECT = 'CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:10000,10000\n\n\0';
const SUBSCRIBE = `SUBSCRIBE\nid:sub-0\ndestination:${DESTINATION}\n\n\0`;
const SEND = `SEND\ndestination:${DESTINATION}\ncontent-length:${BODY_BYTES}\n\n${'x'.repeat(BODY_BYTES)}\0`;
const DISCONNECT = 'DISCONNECT\nreceipt:bye\n\n\0';
const BEAT = '\n';

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
    await count('SUBSCRIBE', () => account.receive('c', [SUBSCRIBE])),
    await count('heart-beat', () => account.receive('c', [BEAT])),
    await count('DISCONNECT', () => account.receive('c', [DISCONNECT])),
    await count('close (`$disconnect`) after DISCONNECT', () => account.disconnect('c')),
    await lost(ingress),
  ];
}

/** A client that went without a word: `$disconnect` does what DISCONNECT would have done. */
async function lost(ingress: IngressKind): Promise<Counted> {
  const account = openAccount(ingress);
  await join(account, 'c', true);
  const before = account.usage();
  await account.disconnect('c');
  return {
    name: 'close of one with a subscription, no DISCONNECT',
    ingress,
    usage: since(before, account.usage()),
  };
}

/** `burst` SENDs in one batch to `subscribers`. */
export async function sending(
  ingress: IngressKind,
  { subscribers, burst }: { readonly subscribers: number; readonly burst: number },
): Promise<Delivering> {
  const account = openAccount(ingress);
  for (let n = 0; n < subscribers; n++) await join(account, `subscriber-${n}-VotXXcBEPHc=`, true);
  await join(account, 'sender', false);
  const before = account.usage();
  await account.receive(
    'sender',
    Array.from({ length: burst }, () => SEND),
  );
  return {
    name: burst === 1 ? `SEND to ${subscribers}` : `${burst} SENDs to ${subscribers}`,
    ingress,
    usage: since(before, account.usage()),
    delivered: subscribers * burst,
  };
}

/** An hour of `clients` that are there and say nothing, with or without heart-beats. */
export async function idle(
  ingress: IngressKind,
  { clients, beats }: { readonly clients: number; readonly beats: boolean },
): Promise<Counted> {
  const account = openAccount(ingress);
  await join(account, 'c', true);
  const before = account.usage();
  await account.receive('c', [BEAT]);
  const beat = times(since(before, account.usage()), beats ? (3600 / BEAT_SECONDS) * clients : 0);
  return {
    name: beats ? `with a heart-beat every ${BEAT_SECONDS} s` : 'without heart-beats',
    ingress,
    usage: { ...NOTHING, ...beat, connectionMinutes: 60 * clients },
  };
}

async function join(account: Account, connectionId: string, subscribe: boolean): Promise<void> {
  await account.connect(connectionId);
  await account.receive(connectionId, subscribe ? [CONNECT, SUBSCRIBE] : [CONNECT]);
}
