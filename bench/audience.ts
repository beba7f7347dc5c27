/**
 * `npm run bench:audience`: one publish to 100,000, through the real core over a store, a queue and a
 * gateway that take their time by a virtual clock: what it takes at the account's quota, and what
 * becomes of others meanwhile. Same numbers on every machine.
 */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { Answer } from '../adapters/apigateway/management.ts';
import { gatewayOutbox } from '../adapters/apigateway/outbox.ts';
import { memoryCounters } from '../adapters/memory/counters.ts';
import { memoryShelf } from '../adapters/memory/shelf.ts';
import { memoryStore } from '../adapters/memory/store.ts';
import { makeAllowance } from '../broker/allowance.ts';
import { parseDestination } from '../broker/destination.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { Subscriber } from '../broker/model.ts';
import type { Job, Jobs, Logs, Ports, Store } from '../broker/ports.ts';
import { makePolicies } from '../broker/rules.ts';
import { makeTurn } from '../broker/turn.ts';
import { taskHandler } from '../lambda/work.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import { virtualTime } from './virtual-time.ts';

/** Milliseconds, and the account's quota. */
export interface Cloud {
  readonly postMilliseconds: number;
  readonly storeMilliseconds: number;
  /** From SendMessage to the handler's first line. */
  readonly queueMilliseconds: number;
  /** Rows of one page: 1 MB. */
  readonly pageRows: number;
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** Requests a second that others of the account make. */
  readonly othersPerSecond: number;
  /** In a hundred of the audience: connections that are gone, and whose buffers are full… */
  readonly staleInHundred: number;
  readonly slowInHundred: number;
  /** …and in a hundred posts: those that the gateway answers with 500. */
  readonly faultyInHundred: number;
}

export const CLOUD: Cloud = {
  postMilliseconds: 30,
  storeMilliseconds: 20,
  queueMilliseconds: 60,
  pageRows: 6000,
  requestsPerSecond: 10_000,
  requestsBurst: 5_000,
  othersPerSecond: 0,
  staleInHundred: 0,
  slowInHundred: 0,
  faultyInHundred: 0,
};

export const BAD_DAY = { staleInHundred: 1, slowInHundred: 1, faultyInHundred: 5 } as const;

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

const START = 1_800_000_000_000;
const INBOUND_EACH_MILLISECONDS = 50;

export async function runAudience(
  subscribers: number,
  cloud: Cloud = CLOUD,
  changed: Partial<Limits> = {},
): Promise<AudienceResult> {
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
  const store = await crowded(memoryStore({ clock, limits }), subscribers, limits);
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
  const shelf = memoryShelf(clock);
  const late = async <T>(work: () => Promise<T>): Promise<T> => {
    await timer.sleep(cloud.storeMilliseconds / 2);
    return work();
  };
  const ports: Ports = {
    ...world,
    ids: { random: () => String(posts) },
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
    logs: {
      shelf: {
        read: (...given) => late(() => shelf.read(...given)),
        write: (...given) => late(() => shelf.write(...given)),
      },
      policies: makePolicies([]),
    } as Partial<Logs> as Logs,
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
      invocations.push(clock.now() - began);
    },
    limits.shardsAtOnceMax,
  );
  const publishing = { ...ports, jobs: queue.jobs };

  async function publish(to: string, id: string): Promise<void> {
    const destination = parseDestination(to, limits);
    const turn = makeTurn(publishing);
    const message = { id, destination: to, headers: [], body: Buffer.from('hello'.repeat(50)) };
    await turn.flush(undefined, [{ destination, message }]);
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
      await publish('/topic/big', 'big');
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
    shards: invocations.length,
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

/** The stale and the slow are always so; a fault of the gateway passes. */
function faultOf(cloud: Cloud, connectionId: string, attempt: number): Answer | undefined {
  const [name, number] = connectionId.split('-');
  const place = Number(number) % 100;
  if (name === 'big' && place < cloud.staleInHundred)
    return { status: 410, words: 'GoneException' };
  if (name === 'big' && place < cloud.staleInHundred + cloud.slowInHundred) {
    return { status: 429, words: 'the client buffer is full' };
  }
  if (cloud.faultyInHundred === 0) return undefined;
  // As good as random, and the same in every run.
  const digest = createHash('sha256').update(`fault ${attempt}`).digest();
  const faulty = digest.readUInt16BE(0) % 100 < cloud.faultyInHundred;
  return faulty ? { status: 500, words: '', cause: new Error('500') } : undefined;
}

/** The account's bucket, from which others take as well. */
function quota({ requestsPerSecond, requestsBurst, othersPerSecond }: Cloud, now: () => number) {
  let tokens = requestsBurst;
  let filledAt = now();
  return {
    take(): boolean {
      const passed = now() - filledAt;
      filledAt = now();
      const more = (passed * (requestsPerSecond - othersPerSecond)) / 1000;
      tokens = Math.min(requestsBurst, tokens + more);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

async function crowded(store: Store, subscribers: number, limits: Limits): Promise<Store> {
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
  for (let one = 0; one < subscribers; one++) await join(`big-${one}`, '/topic/big');
  for (let one = 0; one < 10; one++) await join(`small-${one}`, '/topic/small');
  return store;
}

/** SQS FIFO: jobs of a group one after another, so many groups side by side. */
function fifo(
  { queueMilliseconds }: Cloud,
  timer: Ports['timer'],
  perform: (job: Job) => Promise<void>,
  atOnceMax: number,
) {
  const waiting: Job[] = [];
  const busy = new Set<string>();
  const waiters: (() => void)[] = [];
  let sent = 0;
  function next(): void {
    while (busy.size < atOnceMax) {
      const at = waiting.findIndex(({ group }) => !busy.has(group));
      const [job] = at < 0 ? [] : waiting.splice(at, 1);
      if (job === undefined) break;
      busy.add(job.group);
      void perform(job).then(() => {
        busy.delete(job.group);
        sent--;
        if (sent === 0) for (const wake of waiters.splice(0)) wake();
        next();
      });
    }
  }
  const jobs: Jobs = {
    async send(some) {
      sent += some.length;
      await timer.sleep(queueMilliseconds / 6);
      timer.after(queueMilliseconds, () => {
        waiting.push(...some);
        next();
      });
    },
  };
  return {
    jobs,
    drained: () =>
      new Promise<void>((resolve) => {
        if (sent === 0) resolve();
        else waiters.push(resolve);
      }),
  };
}

function fail(event: string, cause: unknown): never {
  throw new Error(`${event} in a bench`, { cause });
}

async function main(): Promise<void> {
  const cases = [
    ['10,000', 10_000, CLOUD],
    ['100,000', 100_000, CLOUD],
    ['10,000, 1 % stale, 1 % slow, 5 % of posts 500', 10_000, { ...CLOUD, ...BAD_DAY }],
    ['100,000, others take 3,000/s', 100_000, { ...CLOUD, othersPerSecond: 3000 }],
  ] as const;
  console.log(
    '| subscribers | s | 99 % by | ÷ quota’s floor | shards | longest invocation s | 429 | claims | inbound ms, median and worst | lost, twice |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const all: Record<string, AudienceResult> = {};
  for (const [name, subscribers, cloud] of cases) {
    const one = await runAudience(subscribers, cloud);
    all[name] = one;
    console.log(
      `| ${name} | ${one.seconds.toFixed(2)} | ${one.p99.toFixed(2)} | ${one.ofFloor.toFixed(2)} | ${one.shards} | ${one.longestInvocationSeconds.toFixed(1)} | ${one.refusedByRate} | ${one.claims} | ${one.inboundP50} and ${one.inboundMax} | ${one.lost}, ${one.twice} |`,
    );
  }
  console.log(`BENCH ${JSON.stringify(all)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
