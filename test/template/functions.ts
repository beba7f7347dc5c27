/**
 * A Lambda function at run time: environments that start cold, serve one event at a time, are used
 * again, and are killed when they run out of time.
 */
import { randomUUID } from 'node:crypto';
import {
  type Answer,
  type Environment,
  type FunctionSpec,
  type InvocationContext,
  type Mode,
  startEnvironment,
} from './environment.ts';

/** AWS starts up to 1,000 at once; this machine has few cores. Events beyond it wait their turn. */
export const ENVIRONMENTS_MAX = 6;

export interface FunctionCounts {
  readonly invocations: number;
  readonly coldStarts: number;
  readonly errors: number;
  readonly timeOuts: number;
}

export interface LambdaFunction {
  readonly spec: FunctionSpec;
  /** Runs the event; resolves with whatever came of it. */
  invoke(event: unknown): Promise<Answer>;
  readonly counts: FunctionCounts;
  /** Events in hand. */
  readonly busy: number;
  /** Starts an environment ahead of the first event; what it says if it cannot. */
  warm(): Promise<Answer | undefined>;
  close(): Promise<void>;
}

export interface FunctionOptions {
  readonly mode: Mode;
  readonly log: (line: string) => void;
}

export function createFunction(spec: FunctionSpec, options: FunctionOptions): LambdaFunction {
  const idle: Environment[] = [];
  const all = new Set<Environment>();
  const waiting: (() => void)[] = [];
  const counts = { invocations: 0, coldStarts: 0, errors: 0, timeOuts: 0 };
  let busy = 0;

  const acquire = async (): Promise<Environment | Answer> => {
    if (busy >= ENVIRONMENTS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy += 1;
    const warm = idle.pop();
    if (warm !== undefined) return warm;
    counts.coldStarts += 1;
    const started = await startEnvironment(options.mode, spec, options.log);
    if ('invoke' in started) all.add(started);
    return started;
  };
  /** Hands the place on, and with it the environment if it is still good. */
  const release = (environment: Environment | undefined): void => {
    if (environment !== undefined) idle.push(environment);
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  };
  const drop = async (environment: Environment): Promise<void> => {
    all.delete(environment);
    await environment.kill();
  };

  return {
    spec,
    counts,
    get busy() {
      return busy + waiting.length;
    },
    warm: async () => {
      const environment = await acquire();
      const good = 'invoke' in environment;
      release(good ? environment : undefined);
      return good ? undefined : environment;
    },
    invoke: async (event) => {
      counts.invocations += 1;
      const environment = await acquire();
      if (!('invoke' in environment)) {
        release(undefined);
        counts.errors += 1;
        return environment;
      }
      const text = JSON.stringify(event);
      const answer = await within(spec, environment.invoke(text, contextOf(spec)));
      const ended = 'errorType' in answer && /^(Runtime|Sandbox)\./.test(answer.errorType);
      if (ended) await drop(environment);
      release(ended ? undefined : environment);
      if ('errorType' in answer) {
        counts.errors += 1;
        if (answer.errorType === TIMED_OUT) counts.timeOuts += 1;
        options.log(`${answer.errorType}: ${answer.errorMessage} ${answer.trace ?? ''}`);
      }
      return answer;
    },
    close: async () => {
      await Promise.all([...all].map((environment) => environment.kill()));
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
