/**
 * Lambda, as far as it can hurt: environments that run one invocation at a time, are reused, freeze
 * when it has answered and die with it when it is killed. Every call of a port is a point where the
 * scheduler goes elsewhere, and where the invocation may die: before the call, after it, or with the
 * call on its way. Of a dead invocation nothing more runs.
 */

import type { Weather } from './plan.ts';
import type { Scheduler } from './scheduler.ts';

export interface Invocation {
  readonly name: string;
  /** Killed, or given again though it had finished: what it posted may be posted again. */
  unrecorded: boolean;
  /** Connections whose records it handed back. */
  readonly handedBack: Set<string>;
  /** True once a fault that a handler may rightly complain of has fallen on it. */
  hurt: boolean;
  /** Of a job: those who asked for it; did one of them fail, it may have been asked for anew. */
  readonly askedBy?: readonly Invocation[];
}

export type Outcome<Value> =
  | { readonly type: 'answered'; readonly value: Value; readonly by: Invocation }
  | { readonly type: 'threw'; readonly by: Invocation }
  | { readonly type: 'died'; readonly by: Invocation };

/** What a handler's ports are bound to. */
export interface Environment {
  /** The invocation under way; work that was left over belongs to the one before. */
  invocation(): Invocation;
  /** A call of a port: some time, perhaps a fault, then `effect`, some time, then its answer. */
  call<Value>(what: string, effect: () => Promise<Value>): Promise<Value>;
  after(milliseconds: number, action: () => void): () => void;
}

export interface InvokeOptions {
  /** It carries a record that kills whatever handles it. */
  readonly poisoned?: boolean;
  /** Nothing kills it. */
  readonly safe?: boolean;
  readonly job?: Pick<Invocation, 'askedBy'>;
}

export interface Fleet<Handlers> {
  invoke<Value>(
    name: string,
    work: (handlers: Handlers) => Promise<Value>,
    done: (outcome: Outcome<Value>) => void,
    options?: InvokeOptions,
  ): void;
}

interface Running {
  readonly invocation: Invocation;
  /** Calls until it is killed. */
  fuse: number;
  readonly end: (type: 'died') => void;
}

interface Host<Handlers> {
  readonly handlers: Handlers;
  running: Running | undefined;
  last: Invocation;
  dead: boolean;
  /** Answers and timers that came while it was frozen. */
  thawing: (() => void)[];
}

const IDLE: Invocation = { name: 'idle', unrecorded: false, handedBack: new Set(), hurt: false };
/** Most invocations make fewer calls; a longer fuse is an invocation that survives. */
const FUSE_MAX = 14;
const TIMEOUT_MILLISECONDS = 30_000;
/** More idle environments than this are dropped, as Lambda would some day. */
const IDLE_MAX = 4;

export function makeFleet<Handlers>(
  scheduler: Scheduler,
  weather: Weather,
  make: (environment: Environment) => Handlers,
): Fleet<Handlers> {
  const { random } = scheduler;
  const idle: Host<Handlers>[] = [];
  let count = 0;

  function environmentOf(host: () => Host<Handlers>): Environment {
    return {
      invocation: () => host().last,
      call: (what, effect) => call(host(), what, effect),
      after(milliseconds, action) {
        const at = host();
        return scheduler.after(milliseconds, 'timer', () => {
          if (!at.dead) awake(at, action);
        });
      },
    };
  }

  function open(): Host<Handlers> {
    const environment = environmentOf(() => host);
    const host: Host<Handlers> = {
      handlers: make(environment),
      running: undefined,
      last: IDLE,
      dead: false,
      thawing: [],
    };
    return host;
  }

  /** Frozen environments go on with the next invocation. */
  function awake(host: Host<Handlers>, action: () => void): void {
    if (host.running === undefined) host.thawing.push(action);
    else action();
  }

  function kill(host: Host<Handlers>, why: string): void {
    const { running } = host;
    if (host.dead || running === undefined) return;
    host.dead = true;
    running.invocation.unrecorded = true;
    weather.tell(`${running.invocation.name} killed ${why}`);
    scheduler.note(`${running.invocation.name} killed ${why}`);
    running.end('died');
  }

  function latency(): number {
    const { latencyMilliseconds } = weather.plan;
    if (weather.falls('slow')) return random.between(500, 4000);
    return latencyMilliseconds * (0.2 + 1.6 * random.next());
  }

  function call<Value>(
    host: Host<Handlers>,
    what: string,
    effect: () => Promise<Value>,
  ): Promise<Value> {
    if (host.dead) return new Promise(() => undefined);
    const invocation = host.running?.invocation ?? host.last;
    const label = `${invocation.name} ${what}`;
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => {
        if (random.chance(0.5)) awake(host, settle);
        else scheduler.after(latency(), `${label} answers`, () => answered(host, settle));
      };
      const fail = () => {
        invocation.hurt = true;
        weather.tell(`${label} failed for good`);
        answer(() => reject(new Error(`injected: ${what} failed`)));
      };
      const act = () => {
        const result = effect();
        if (fatal(host, 1)) {
          result.catch(() => undefined);
          kill(host, `after ${what}`);
        } else answer(() => result.then(resolve, reject));
        burn(host);
      };
      scheduler.after(latency(), label, () => {
        if (host.dead) {
          if (weather.falls('ghost')) effect().catch(() => undefined);
        } else if (fatal(host, 0.4)) kill(host, `before ${what}`);
        else if (weather.falls('final')) fail();
        else act();
      });
    });
  }

  /** It dies at this call; whether before or after it is a matter of chance. */
  function fatal({ running }: Host<Handlers>, chance: number): boolean {
    return running?.fuse === 0 && random.chance(chance);
  }

  function burn({ running }: Host<Handlers>): void {
    if (running !== undefined) running.fuse--;
  }

  function answered(host: Host<Handlers>, settle: () => void): void {
    if (!host.dead) awake(host, settle);
  }

  return {
    invoke<Value>(
      name: string,
      work: (handlers: Handlers) => Promise<Value>,
      done: (outcome: Outcome<Value>) => void,
      { poisoned = false, safe = false, job }: InvokeOptions = {},
    ) {
      const host = idle.length > 0 && random.chance(0.8) ? takeIdle() : open();
      const invocation = {
        name: `${name}#${++count}`,
        unrecorded: false,
        handedBack: new Set<string>(),
        hurt: false,
        ...job,
      };
      const doomed = !safe && (poisoned || weather.falls('kill'));
      const timeout = scheduler.after(TIMEOUT_MILLISECONDS, `${invocation.name} times out`, () =>
        kill(host, 'by its time-out'),
      );
      let over = false;
      const end = (outcome: Outcome<Value>) => {
        if (over) return;
        over = true;
        timeout();
        host.running = undefined;
        if (outcome.type !== 'died' && idle.length < IDLE_MAX) idle.push(host);
        done(outcome);
      };
      host.running = {
        invocation,
        fuse: doomed ? random.between(0, poisoned ? 1 : FUSE_MAX) : Number.POSITIVE_INFINITY,
        end: () => end({ type: 'died', by: invocation }),
      };
      host.last = invocation;
      scheduler.note(`${invocation.name} begins`);
      for (const action of host.thawing.splice(0)) action();
      work(host.handlers).then(
        (value) => end({ type: 'answered', value, by: invocation }),
        () => {
          invocation.unrecorded = true;
          end({ type: 'threw', by: invocation });
        },
      );
    },
  };

  function takeIdle(): Host<Handlers> {
    const [host] = idle.splice(Math.floor(random.next() * idle.length), 1);
    return host ?? open();
  }
}
