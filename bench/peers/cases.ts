/**
 * What `npm run bench` compares, and the bars: each a share of what another takes in the same run.
 * Bodies are of 256 octets.
 */
import { type Crowd, gatherCrowd } from './crowd.ts';
import type { PeerName, Role } from './manner.ts';
import { alternate, type Bar, type Row, rowOf, type Traffic } from './measure.ts';
import type { Peer } from './peer.ts';
import { connecting, idleMemory, manyTopics } from './single.ts';

export interface Case {
  readonly name: string;
  readonly peers: readonly PeerName[];
  run(peers: readonly Peer[], rounds: number): Promise<readonly Row[]>;
}

const BODY_BYTES = 256;
/** Of one round: a tenth of a second for the cheapest, so that neighbours are measured side by side. */
const ROUND_DELIVERIES = 16_000;
const WARM_ROUNDS = 3;
/** Before that, bursts to one member: code that runs once a message must run hot too. */
const WARM_BURSTS = 2_000;
const EVERYONE: readonly PeerName[] = ['bare', 'socketio', 'memory', 'lmdb', 'rabbitmq'];

const FAN_OUT: Pick<CrowdCase, 'channels' | 'lane' | 'speaker' | 'bursts'> = {
  channels: 1,
  lane: 'topic',
  speaker: 'speaker',
  bursts: [
    { backlog: 8, bars: bars({ bare: 0.4, socketio: 0.4, rabbitmq: 0.15 }) },
    { backlog: 1, bars: bars({ bare: 1.15 }) },
  ],
};

export const CASES: readonly Case[] = [
  crowdCase('fan-out-100', { ...FAN_OUT, title: '1 → 100', members: 100 }),
  crowdCase('fan-out-1000', { ...FAN_OUT, title: '1 → 1,000', members: 1000 }),
  crowdCase('pairs', {
    title: '100 pairs',
    channels: 100,
    members: 1,
    lane: 'topic',
    speaker: 'speaker',
    bursts: [{ backlog: 8, bars: bars({ bare: 1.2, socketio: 0.9, rabbitmq: 0.1 }) }],
  }),
  crowdCase('topics-of-10', {
    title: '100 topics of 10',
    channels: 100,
    members: 10,
    lane: 'topic',
    speaker: 'member',
    bursts: [{ backlog: 8, bars: bars({ bare: 0.6, socketio: 0.9, rabbitmq: 0.1 }) }],
  }),
  // The broker keeps every message, numbers it and can give it again; the others do not.
  crowdCase('rooms', {
    title: '100 rooms of 10',
    channels: 100,
    members: 10,
    lane: 'room',
    speaker: 'member',
    peers: ['bare', 'socketio', 'memory', 'lmdb'],
    bursts: [{ backlog: 8 }, { backlog: 1 }],
  }),
  {
    name: 'topics',
    peers: ['memory', 'lmdb', 'rabbitmq'],
    run: (peers, rounds) => manyTopics(peers, { rounds, bodyBytes: BODY_BYTES, most: 1.2 }),
  },
  {
    name: 'connect',
    peers: EVERYONE,
    run: (peers, rounds) => connecting(peers, rounds, bars({ bare: 1.8, rabbitmq: 0.1 })),
  },
  {
    name: 'memory',
    peers: EVERYONE,
    run: (peers) => idleMemory(peers, bars({ bare: 1.4, socketio: 0.75 })),
  },
];

interface CrowdCase {
  readonly title: string;
  readonly channels: number;
  readonly members: number;
  readonly lane: Traffic['lane'];
  readonly speaker: Role;
  readonly peers?: readonly PeerName[];
  /** `backlog`: the messages of a channel that are sent at once. */
  readonly bursts: readonly { readonly backlog: number; readonly bars?: readonly Bar[] }[];
}

function bars(most: Partial<Record<PeerName, number>>): readonly Bar[] {
  return EVERYONE.flatMap((of) => {
    const share = most[of];
    return share === undefined ? [] : [{ of, most: share }];
  });
}

function crowdCase(name: string, wanted: CrowdCase): Case {
  const { channels, members, lane, speaker } = wanted;
  const load = { channels, members, speaker, prefix: `/${lane}/`, bodyBytes: BODY_BYTES };
  const run = async (peers: readonly Peer[], rounds: number): Promise<readonly Row[]> => {
    const contenders: { readonly peer: Peer; readonly crowd: Crowd }[] = [];
    for (const peer of peers) {
      await warm(peer, load.prefix);
      contenders.push({ peer, crowd: await gatherCrowd(peer, load) });
    }
    const rows: Row[] = [];
    for (const { backlog, bars = [] } of wanted.bursts) {
      const deliveries = channels * members * backlog;
      const bursts = Math.ceil(ROUND_DELIVERIES / deliveries);
      const costs = await alternate(contenders, { rounds, warm: WARM_ROUNDS }, async (one) => {
        for (let burst = 0; burst < bursts; burst++) await one.crowd.burst(backlog);
        return bursts * deliveries;
      });
      const told = { label: `${wanted.title}, backlog ${backlog}`, unit: 'µs a delivery', bars };
      rows.push({ ...rowOf(told, costs), traffic: { lane, members, backlog } });
    }
    for (const { crowd } of contenders) await crowd.close();
    return rows;
  };
  return { name, peers: wanted.peers ?? EVERYONE, run };
}

async function warm(peer: Peer, prefix: string): Promise<void> {
  const few = await gatherCrowd(peer, {
    channels: 1,
    members: 1,
    bodyBytes: BODY_BYTES,
    prefix: `${prefix}warm-`,
    speaker: 'speaker',
  });
  for (let burst = 0; burst < WARM_BURSTS; burst++) await few.burst(burst % 2 === 0 ? 1 : 8);
  await few.close();
}
