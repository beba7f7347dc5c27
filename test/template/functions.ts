/**
 * A Lambda function at run time: environments that start cold, serve one event at a time, are used
 * again, and are killed when they run out of time.
 */
import { randomUUID } from 'node:crypto';
import type {
  Answer,
  Environment,
  Environments,
  FunctionSpec,
  InvocationContext,
  Tell,
} from './environment.ts';

/** AWS starts up to 1,000 at once; this machine has few cores. Events beyond it wait their turn. */
export const ENVIRONMENTS_MAX = 6;
/** Requests that are held wait for their clients, not for the cores. */
export const STREAMING_ENVIRONMENTS_MAX = 64;

export interface FunctionCounts {
  readonly invocations: number;
  readonly coldStarts: number;
  readonly errors: number;
  readonly timeOuts: number;
}

export interface LambdaFunction {
  readonly spec: FunctionSpec;
  /** Whether the handler streams; known once it is warm. */
  readonly streams: boolean;
  /** Runs the event; resolves with whatever came of it. */
  invoke(event: unknown, listener?: Listener): Promise<Answer>;
  readonly counts: FunctionCounts;
  /** Events in hand that somebody waits for. */
  readonly busy: number;
  /** Starts an environment ahead of the first event; what it says if it cannot. */
  warm(): Promise<Answer | undefined>;
  /** Ends every environment that has nothing in hand, as Lambda does when it likes. */
  recycle(): Promise<void>;
  close(): Promise<void>;
}

/** Who hears a stream. */
export interface Listener {
  readonly tell: Tell;
  /**
   * Aborted when nobody listens any more. The event goes on: Lambda tells functions nothing.
   * @default nobody ever leaves
   */
  readonly gone?: AbortSignal;
  /** Hears which environment of the function it is, from 1, before the event begins. */
  readonly served?: (environment: number) => void;
  /** An environment that is not to serve. By default the one that served last serves again. */
  readonly avoid?: number | undefined;
}

export interface FunctionOptions {
  readonly environments: Environments;
  readonly log: (line: string) => void;
}

const NOBODY: Listener = { tell: () => undefined };

export function createFunction(spec: FunctionSpec, options: FunctionOptions): LambdaFunction {
  const counts = { invocations: 0, coldStarts: 0, errors: 0, timeOuts: 0 };
  const pool = createPool(spec, options, counts);
  let abandoned = 0;

  const run = async (environment: Environment, event: unknown, listener: Listener) => {
    const { tell, gone, served } = listener;
    served?.(pool.number(environment));
    let left = false;
    const leave = (): void => {
      left = true;
      abandoned += 1;
    };
    if (gone?.aborted) leave();
    gone?.addEventListener('abort', leave, { once: true });
    const text = JSON.stringify(event);
    const answer = await within(spec, environment.invoke(text, contextOf(spec), tell));
    gone?.removeEventListener('abort', leave);
    if (left) abandoned -= 1;
    const ended = 'errorType' in answer && /^(Runtime|Sandbox)\./.test(answer.errorType);
    if (ended) await pool.drop(environment);
    pool.release(ended ? undefined : environment);
    return answer;
  };

  return {
    spec,
    counts,
    get streams() {
      return pool.streams;
    },
    get busy() {
      return pool.busy - abandoned;
    },
    warm: async () => {
      const environment = await pool.acquire();
      const good = 'invoke' in environment;
      pool.release(good ? environment : undefined);
      return good ? undefined : environment;
    },
    invoke: async (event, listener = NOBODY) => {
      counts.invocations += 1;
      const environment = await pool.acquire(listener.avoid);
      if (!('invoke' in environment)) {
        pool.release(undefined);
        counts.errors += 1;
        return environment;
      }
      const answer = await run(environment, event, listener);
      if ('errorType' in answer) {
        counts.errors += 1;
        if (answer.errorType === TIMED_OUT) counts.timeOuts += 1;
        options.log(`${answer.errorType}: ${answer.errorMessage} ${answer.trace ?? ''}`);
      }
      return answer;
    },
    recycle: pool.recycle,
    close: pool.close,
  };
}

/** The environments of one function, and who waits for one. */
interface Pool {
  readonly streams: boolean;
  readonly busy: number;
  acquire(avoid?: number): Promise<Environment | Answer>;
  /** Hands the place on, and with it the environment if it is still good. */
  release(environment: Environment | undefined): void;
  drop(environment: Environment): Promise<void>;
  /** Which it is, from 1. */
  number(environment: Environment): number;
  recycle(): Promise<void>;
  close(): Promise<void>;
}

function createPool(
  spec: FunctionSpec,
  { environments, log }: FunctionOptions,
  counts: { coldStarts: number },
): Pool {
  const idle: Environment[] = [];
  const all = new Map<Environment, number>();
  const waiting: (() => void)[] = [];
  let streams = false;
  let busy = 0;
  const drop = async (environment: Environment): Promise<void> => {
    all.delete(environment);
    await environment.kill();
  };
  const take = (avoid: number | undefined): Environment | undefined => {
    const at = idle.findLastIndex((one) => all.get(one) !== avoid);
    return at < 0 ? undefined : idle.splice(at, 1)[0];
  };
  return {
    get streams() {
      return streams;
    },
    get busy() {
      return busy + waiting.length;
    },
    acquire: async (avoid) => {
      if (busy >= (streams ? STREAMING_ENVIRONMENTS_MAX : ENVIRONMENTS_MAX)) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else busy += 1;
      const warm = take(avoid);
      if (warm !== undefined) return warm;
      counts.coldStarts += 1;
      const number = counts.coldStarts;
      const started = await environments.start(spec, log);
      if (!('invoke' in started)) return started;
      all.set(started, number);
      streams = started.streams;
      return started;
    },
    release: (environment) => {
      if (environment !== undefined) idle.push(environment);
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    },
    drop,
    number: (environment) => all.get(environment) ?? 0,
    recycle: async () => {
      await Promise.all(idle.splice(0).map(drop));
    },
    close: async () => {
      await Promise.all([...all.keys()].map((environment) => environment.kill()));
      all.clear();
    },
  };
}

const TIMED_OUT = 'Sandbox.Timedout';

async function within(spec: FunctionSpec, answering: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => {
      const seconds = (spec.timeoutMilliseconds / 1000).toFixed(2);
      resolve({ errorType: TIMED_OUT, errorMessage: `Task timed out after ${seconds} seconds` });
    }, spec.timeoutMilliseconds);
  });
  const answer = await Promise.race([answering, late]);
  clearTimeout(timer);
  return answer;
}

function contextOf(spec: FunctionSpec): InvocationContext {
  return {
    awsRequestId: randomUUID(),
    functionName: spec.name,
    invokedFunctionArn: spec.arn,
    timeoutMilliseconds: spec.timeoutMilliseconds,
    memoryLimitInMB: String(spec.memoryMegabytes),
    logGroupName: spec.logGroup,
  };
}
