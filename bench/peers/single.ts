/** Cases of `npm run bench` that are no crowd: many topics, coming in, being there. */
import type { WebSocket } from 'ws';
import { enterAll, leave } from './crowd.ts';
import { alternate, type Bar, type Costs, growthOf, type Row, rowOf } from './measure.ts';
import type { Peer } from './peer.ts';
import { gatherTopics } from './topics.ts';

const WARM_ROUNDS = 3;
const FEW_TOPICS = 10;
const MANY_TOPICS = 10_000;
const TOPICS_BURST = 8;
const ROUND_MESSAGES = 4_000;

/** A message to one subscriber among few topics and among many; `most`: how much dearer it may be. */
export async function manyTopics(
  peers: readonly Peer[],
  options: { readonly rounds: number; readonly bodyBytes: number; readonly most: number },
): Promise<readonly Row[]> {
  const { rounds, bodyBytes, most } = options;
  const among = async (topics: number): Promise<Costs> => {
    const contenders = [];
    for (const peer of peers) {
      contenders.push({ peer, topics: await gatherTopics(peer, { topics, bodyBytes }) });
    }
    const costs = await alternate(contenders, { rounds, warm: WARM_ROUNDS }, async (one) => {
      for (let sent = 0; sent < ROUND_MESSAGES; sent += TOPICS_BURST) {
        await one.topics.burst(TOPICS_BURST);
      }
      return ROUND_MESSAGES;
    });
    for (const one of contenders) await one.topics.close();
    return costs;
  };
  const few = await among(FEW_TOPICS);
  const many = await among(MANY_TOPICS);
  const unit = 'µs a message';
  return [
    rowOf({ label: 'one hears it, among 10 topics', unit }, few),
    {
      ...rowOf({ label: 'one hears it, among 10,000 topics', unit }, many),
      growth: { ratio: growthOf(few, many), most },
    },
  ];
}

const CONNECTIONS_A_ROUND = 500;

/** The handshake, and for those who have them CONNECT and SUBSCRIBE up to its receipt. */
export async function connecting(
  peers: readonly Peer[],
  rounds: number,
  bars: readonly Bar[],
): Promise<readonly Row[]> {
  const channels = channelsOf(CONNECTIONS_A_ROUND);
  let inside: readonly WebSocket[] = [];
  const costs = await alternate(
    peers.map((peer) => ({ peer })),
    { rounds, warm: WARM_ROUNDS },
    async ({ peer }) => {
      inside = await enterAll(peer, channels);
      return CONNECTIONS_A_ROUND;
    },
    () => leave(inside),
  );
  return [rowOf({ label: 'connect → receipt', unit: 'µs a connection', bars }, costs)];
}

/** Connections; the bars are for the last. */
const CROWDS = [1_000, 5_000] as const;

/** Resident memory that idle subscribers take; each peer must have a process of its own to itself. */
export async function idleMemory(
  peers: readonly Peer[],
  bars: readonly Bar[],
): Promise<readonly Row[]> {
  const costs = CROWDS.map((): Record<string, number[]> => ({}));
  for (const peer of peers) {
    await leave(await enterAll(peer, channelsOf(CONNECTIONS_A_ROUND)));
    const empty = await peer.memoryBytes();
    const inside: WebSocket[] = [];
    for (const [at, crowd] of CROWDS.entries()) {
      inside.push(...(await enterAll(peer, channelsOf(crowd).slice(inside.length))));
      const kibibytes = ((await peer.memoryBytes()) - empty) / crowd / 1024;
      const row = costs[at];
      if (row !== undefined) row[peer.name] = [kibibytes];
    }
    await leave(inside);
  }
  return CROWDS.map((crowd, at) => {
    const label = `${crowd.toLocaleString('en')} idle subscribers`;
    const last = at === CROWDS.length - 1;
    return rowOf({ label, unit: 'KiB each', bars: last ? bars : [] }, costs[at] ?? {});
  });
}

function channelsOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `/topic/bench.${n % 100}`);
}
