/**
 * `npm run bench:audience`: one publish to 100,000, on either lane, through the real core over a store, a queue and a
 * gateway that take their time by a virtual clock: what it takes at the account's quota, and what
 * becomes of others meanwhile. Same numbers on every machine.
 */
import { pathToFileURL } from 'node:url';
import { gatewayOutbox } from '../adapters/apigateway/outbox.ts';
import { memoryCounters } from '../adapters/memory/counters.ts';
import { memoryJournal } from '../adapters/memory/journal.ts';
import { type MemoryStore, memoryStore } from '../adapters/memory/store.ts';
import { makeAllowance } from '../broker/allowance.ts';
import { deliverLogs } from '../broker/deliver.ts';
import { parseDestination } from '../broker/destination.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { Subscriber } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { makeTurn } from '../broker/turn.ts';
import { taskHandler } from '../lambda/work.ts';
import { takeNoFlags } from '../local/flags.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import {
  BAD_DAY,
  CLOUD,
  type Cloud,
  faultOf,
  fifo,
  type Late,
  logsOf,
  quota,
  streamOf,
} from './audience-cloud.ts';
import { virtualTime } from './virtual-time.ts';

export interface AudienceResult {
  readonly seconds: number;
  /** Of the quota's own time. */
  readonly ofFloor: number;
  readonly longestInvocationSeconds: number;
  readonly shards: number;
  readonly posts: number;
  /** Of those whom no fault befell: until 99 in a hundred have it, seconds. */
  readonly p99: number;
  /** Alive, not slow, and without the message. */
  readonly lost: number;
  readonly twice: number;
  readonly refusedByRate: number;
  readonly claims: number;
  /** A message to ten others, twenty times a second: from its sending to the last post. */
  readonly inboundP50: number;
  readonly inboundMax: number;
  readonly inboundRefused: number;
}

/** A topic, posted to where it is published, or a room, posted to where its log is read. */
export type Lane = 'direct' | 'logged';

const BIG = { direct: '/topic/big', logged: '/room/big' } as const;

const START = 1_800_000_000_000;
const INBOUND_EACH_MILLISECONDS = 50;

export async function runAudience(
  subscribers: number,
  cloud: Cloud = CLOUD,
  changed: Partial<Limits> = {},
  lane: Lane = 'direct',
): Promise<AudienceResult> {
  const big = BIG[lane];
  const time = virtualTime(START);
  const { clock, timer } = time;
  const limits: Limits = { ...LIMITS, ...changed };
  const account = quota(cloud, clock.now);
  const heard = new Map<string, number>();
  let refusedByRate = 0;
  let posts = 0;
  let attempts = 0;
  const heardAt: number[] = [];
  let whole: readonly Subscriber[] = [];
  const faulted = new Set<string>();
  const counters = memoryCounters(clock);
  let claims = 0;
  const invocations: number[] = [];
  let shards = 0;
  const store = await crowded(memoryStore({ clock, limits }), { subscribers, big, limits });
  const log = { info: () => undefined, warn: () => undefined, error: fail };
  const world = { clock, timer, limits, log };
  const outbox = gatewayOutbox({
    ...world,
    random: () => 0.5,
    management: {
      async post(connectionId) {
        await timer.sleep(cloud.postMilliseconds);
        if (!account.take()) {
          refusedByRate++;
          return { status: 429, words: 'LimitExceededException: rate' };
        }
        const fault = faultOf(cloud, connectionId, attempts++);
        if (fault?.status === 500) faulted.add(connectionId);
        if (fault !== undefined) return fault;
        posts++;
        if (!faulted.has(connectionId)) heardAt.push(clock.now());
        heard.set(connectionId, (heard.get(connectionId) ?? 0) + 1);
        return { status: 200, words: '' };
      },
      delete: async () => ({ status: 204, words: '' }),
      get: async () => ({ status: 200, words: '' }),
    },
  });
  const late: Late = async (work) => {
    await timer.sleep(cloud.storeMilliseconds / 2);
    return work();
  };
  const ids = { random: () => String(posts) };
  const journal = memoryJournal({ clock, limits, ids });
  const ports: Ports = {
    ...world,
    ids,
    store: {
      ...store,
      async subscribers(destination, from, slice) {
        await timer.sleep(cloud.storeMilliseconds);
        const page = await store.subscribers(destination, from, slice);
        if (slice !== undefined || page.subscribers.length <= cloud.pageRows) return page;
        // Keys do not shift when rows before them go.
        if (from !== undefined) return { subscribers: whole.slice(cloud.pageRows) };
        whole = page.subscribers;
        // As DynamoDB's pages end: an estimate, here 3 % too low, of what there is.
        const about = Math.round(page.subscribers.length * 0.97);
        return { subscribers: page.subscribers.slice(0, cloud.pageRows), next: 'more', about };
      },
    },
    outbox,
    dialects: new Map([[stompDialect.name, stompDialect]]),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: 'stompway/bench',
    logs: logsOf(journal, store.held, clock, late),
    allowance: makeAllowance(
      {
        add: (...given) => {
          claims++;
          return late(() => counters.add(...given));
        },
      },
      world,
    ),
  };
  const queue = fifo(
    cloud,
    time.timer,
    async (job) => {
      const began = clock.now();
      await taskHandler(ports)(job.task, { repeated: false });
      shards++;
      invocations.push(clock.now() - began);
    },
    limits.shardsAtOnceMax,
  );
  const publishing = { ...ports, jobs: queue.jobs };
  const stream = streamOf(journal, cloud, timer, async (records) => {
    const began = clock.now();
    await deliverLogs(records, publishing);
    invocations.push(clock.now() - began);
  });

  async function publish(to: string, id: string): Promise<void> {
    const destination = parseDestination(to, limits);
    const turn = makeTurn(publishing);
    const message = { id, destination: to, headers: [], body: Buffer.from('hello'.repeat(50)) };
    const log = { at: clock.now(), repeated: false };
    const logged = to.startsWith('/room/') ? { log } : {};
    await turn.flush(undefined, [{ destination, message, ...logged }]);
  }

  const delays: number[] = [];
  let inboundRefused = 0;
  let over = false;
  async function inbound(): Promise<void> {
    for (let count = 0; !over; count++) {
      const began = clock.now();
      // What a client sends is a request of the account as well; a refused one is closed on.
      if (account.take()) {
        void publish('/topic/small', `inbound-${count}`).then(() =>
          delays.push(clock.now() - began),
        );
      } else inboundRefused++;
      await timer.sleep(INBOUND_EACH_MILLISECONDS);
    }
  }

  const seconds = await time.run(
    (async () => {
      const inbounds = inbound();
      await timer.sleep(1000);
      const since = clock.now();
      await publish(big, 'big');
      await stream.read();
      await queue.drained();
      const took = (clock.now() - since) / 1000;
      over = true;
      await inbounds;
      return took;
    })(),
  );
  const counts = [...heard].filter(([id]) => id.startsWith('big'));
  const hearing =
    subscribers - Math.round((subscribers * (cloud.staleInHundred + cloud.slowInHundred)) / 100);
  const began = START + 1000;
  const sorted = delays.sort((a, b) => a - b);
  return {
    seconds,
    ofFloor: seconds / (subscribers / cloud.requestsPerSecond),
    longestInvocationSeconds: Math.max(0, ...invocations) / 1000,
    shards,
    posts,
    p99: ((heardAt[Math.floor(heardAt.length * 0.99)] ?? began) - began) / 1000,
    lost: hearing - counts.length,
    twice: counts.filter(([, times]) => times > 1).length,
    refusedByRate,
    claims,
    inboundP50: sorted[Math.floor(sorted.length / 2)] ?? 0,
    inboundMax: sorted.at(-1) ?? 0,
    inboundRefused,
  };
}

interface Crowd {
  readonly subscribers: number;
  readonly big: string;
  readonly limits: Limits;
}

async function crowded(
  store: MemoryStore,
  { subscribers, big, limits }: Crowd,
): Promise<MemoryStore> {
  const join = async (id: string, to: string) => {
    const connection = {
      id,
      carrier: 'raw',
      dialect: 'stomp',
      version: '1.2',
      connectedAt: START - 60_000,
      expiresAt: START + 3_600_000,
      stamp: '0',
    };
    await store.open(connection);
    const subscription = { connectionId: id, id: '1', destination: to, ack: 'auto', stamp: '1' };
    await store.subscribe(
      connection,
      { ...subscription, ack: 'auto' },
      parseDestination(to, limits),
    );
  };
  for (let one = 0; one < subscribers; one++) await join(`big-${one}`, big);
  for (let one = 0; one < 10; one++) await join(`small-${one}`, '/topic/small');
  return store;
}

function fail(event: string, cause: unknown): never {
  throw new Error(`${event} in a bench`, { cause });
}

async function main(): Promise<void> {
  takeNoFlags('npm run bench:audience takes no options.');
  const badDay = { ...CLOUD, ...BAD_DAY };
  const cases = [
    ['10,000', 10_000, CLOUD, 'direct'],
    ['100,000', 100_000, CLOUD, 'direct'],
    ['10,000, 1 % stale, 1 % slow, 5 % of posts 500', 10_000, badDay, 'direct'],
    ['100,000, others take 3,000/s', 100_000, { ...CLOUD, othersPerSecond: 3000 }, 'direct'],
    ['a room of 10,000', 10_000, CLOUD, 'logged'],
    ['a room of 100,000', 100_000, CLOUD, 'logged'],
    ['a room of 10,000, 1 % stale, 1 % slow, 5 % of posts 500', 10_000, badDay, 'logged'],
  ] as const;
  console.log(
    '| subscribers | s | 99 % by | ÷ quota’s floor | shards | longest invocation s | 429 | claims | inbound ms, median and worst | lost, twice |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const all: Record<string, AudienceResult> = {};
  for (const [name, subscribers, cloud, lane] of cases) {
    const one = await runAudience(subscribers, cloud, {}, lane);
    all[name] = one;
    console.log(
      `| ${name} | ${one.seconds.toFixed(2)} | ${one.p99.toFixed(2)} | ${one.ofFloor.toFixed(2)} | ${one.shards} | ${one.longestInvocationSeconds.toFixed(1)} | ${one.refusedByRate} | ${one.claims} | ${one.inboundP50} and ${one.inboundMax} | ${one.lost}, ${one.twice} |`,
    );
  }
  console.log(`BENCH ${JSON.stringify(all)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
