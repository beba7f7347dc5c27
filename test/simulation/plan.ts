/**
 * What a seed does: how large its world is, and which faults it knows and how often. Each seed
 * leaves out about half of all faults (swarm testing): where everything fails at once, nothing gets
 * far enough to fail in an interesting way.
 */
import { type Random, seeded } from './random.ts';

/**
 * `rooms`: rooms, topics, presence. `crowds`: the same, with audiences too large for one invocation.
 * `queues`: queues, transactions, durable subscriptions.
 */
export type Scenario = 'rooms' | 'crowds' | 'queues';

export const SCENARIOS: readonly Scenario[] = ['rooms', 'crowds', 'queues'];

export interface Plan {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly ingress: 'fifo' | 'direct';
  readonly clients: number;
  readonly rooms: number;
  readonly actions: number;
  /** For how long clients act and faults fall. */
  readonly seconds: number;
  /** Of each room, if the operator limits it. */
  readonly historyCount: number | undefined;
  readonly latencyMilliseconds: number;
  readonly faults: Faults;
  readonly queue: { readonly batchMax: number; readonly retrySeconds: number };
  readonly stream: {
    readonly batchMax: number;
    readonly lagMilliseconds: number;
    readonly shards: number;
  };
  /** Of every queue. */
  readonly work: { readonly ackSeconds: number; readonly deliveriesMax: number };
  /** What is large, in crowds. */
  readonly crowd: {
    readonly inlinePostsMax: number;
    readonly shardPostsMax: number;
    readonly postsClaimMax: number;
    readonly postsPerSecond: number;
    readonly pageRows: number;
  };
}

/** Chances, of each occasion. */
export interface Faults {
  /** An invocation dies before, after or in the midst of one of its calls. */
  readonly kill: number;
  /** What a dead invocation had sent still takes effect, a little later. */
  readonly ghost: number;
  /** A batch is given again though its handler has finished. */
  readonly again: number;
  /** A record kills every invocation it comes to. */
  readonly poison: number;
  /** A call fails for good, after all retries of its adapter. */
  readonly final: number;
  /** A call takes seconds: throttled and retried inside, contended, or simply slow. */
  readonly slow: number;
  readonly gone: number;
  readonly goneYoung: number;
  readonly throttled: number;
  readonly bufferFull: number;
  readonly gatewayFault: number;
  readonly lostDisconnect: number;
  readonly lateDisconnect: number;
  /** A client's network breaks, drawn every second of each client. */
  readonly cut: number;
}

const MOST: Faults = {
  kill: 0.15,
  ghost: 0.5,
  again: 0.1,
  poison: 0.03,
  final: 0.01,
  slow: 0.01,
  gone: 0.01,
  goneYoung: 0.3,
  throttled: 0.15,
  bufferFull: 0.05,
  gatewayFault: 0.05,
  lostDisconnect: 0.5,
  lateDisconnect: 0.5,
  cut: 0.08,
};

export function makePlan(seed: number, scenario: Scenario): Plan {
  const random = seeded(seed ^ 0x5eed);
  const plan: Omit<Plan, 'crowd'> = {
    seed,
    scenario,
    ingress: random.chance(0.8) ? 'fifo' : 'direct',
    clients: random.between(2, 5),
    rooms: random.between(1, 2),
    actions: random.between(12, 40),
    seconds: random.between(5, 40),
    historyCount: random.chance(0.2) ? random.between(2, 6) : undefined,
    latencyMilliseconds: random.pick([0.5, 5, 50]),
    faults: drawFaults(random),
    queue: { batchMax: random.pick([1, 3, 10]), retrySeconds: random.pick([0.2, 2, 30]) },
    stream: {
      batchMax: random.pick([1, 3, 10, 100]),
      lagMilliseconds: random.pick([5, 200, 3000]),
      shards: random.pick([1, 2]),
    },
    work: { ackSeconds: random.pick([20, 600]), deliveriesMax: random.pick([3, 10]) },
  };
  const crowd = {
    inlinePostsMax: random.between(1, 3),
    shardPostsMax: random.between(1, 4),
    postsClaimMax: random.between(1, 2),
    postsPerSecond: random.pick([40, 1000]),
    pageRows: random.pick([1, 3, 8]),
  };
  if (scenario !== 'crowds') return { ...plan, crowd };
  return { ...plan, crowd, clients: random.between(4, 6), actions: random.between(8, 20) };
}

function drawFaults(random: Random): Faults {
  const draw = (most: number) => (random.chance(0.45) ? most * (0.2 + 0.8 * random.next()) : 0);
  return {
    kill: draw(MOST.kill),
    ghost: draw(MOST.ghost),
    again: draw(MOST.again),
    poison: draw(MOST.poison),
    final: draw(MOST.final),
    slow: draw(MOST.slow),
    gone: draw(MOST.gone),
    goneYoung: draw(MOST.goneYoung),
    throttled: draw(MOST.throttled),
    bufferFull: draw(MOST.bufferFull),
    gatewayFault: draw(MOST.gatewayFault),
    lostDisconnect: draw(MOST.lostDisconnect),
    lateDisconnect: draw(MOST.lateDisconnect),
    cut: draw(MOST.cut),
  };
}

/** The faults of a plan while it lasts; none once it is calm. Every one that falls is written down. */
export interface Weather {
  readonly plan: Plan;
  falls(fault: keyof Faults): boolean;
  /** What fell, in words, for the report. */
  tell(what: string): void;
  readonly told: readonly string[];
  calm(): void;
  readonly isCalm: boolean;
}

export function makeWeather(plan: Plan, random: Random): Weather {
  const told: string[] = [];
  let calm = false;
  return {
    plan,
    told,
    falls: (fault) => !calm && random.chance(plan.faults[fault]),
    tell: (what) => void told.push(what),
    calm() {
      calm = true;
    },
    get isCalm() {
      return calm;
    },
  };
}
