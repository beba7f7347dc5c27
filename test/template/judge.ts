/** One assembly, opened, put through the acceptance suite and closed: what is wrong with it. */
import { runAcceptance } from './acceptance.ts';
import type { Mode } from './environment.ts';
import { TemplateFault } from './fault.ts';
import type { FunctionCounts } from './functions.ts';
import type { RoleReport } from './iam.ts';
import { openRuntime, type Runtime } from './runtime.ts';

export interface JudgeOptions {
  readonly mode: Mode;
  readonly ingress: 'fifo' | 'direct';
  readonly dynamoUrl: string;
  /** Hears of each journey… */
  readonly print?: (line: string) => void;
  /** …and of every line that a function logs. */
  readonly log?: (line: string) => void;
  /** Whether journeys of half a minute are travelled as well. @default false */
  readonly slow?: boolean;
  /** Only journeys for which this holds. */
  readonly only?: (name: string) => boolean;
  /** Ends at the first fault from inside, without waiting for what clients notice of it. */
  readonly hasty?: boolean;
  /** How long a client waits for what it is owed. @default as `openPeer` */
  readonly patienceMilliseconds?: number;
  /** Runs besides the acceptance suite; throws what failed. */
  readonly also?: (runtime: Runtime) => Promise<void>;
}

export interface Verdict {
  readonly passed: number;
  readonly waived: number;
  /** One line each, beginning with its code. Empty: nothing is wrong. */
  readonly faults: readonly string[];
  readonly roles: Readonly<Record<string, RoleReport>>;
  readonly functions: Readonly<Record<string, FunctionCounts>>;
}

export async function judge(folder: string, options: JudgeOptions): Promise<Verdict> {
  try {
    return await run(folder, options);
  } catch (cause) {
    if (!(cause instanceof TemplateFault)) throw cause;
    return { passed: 0, waived: 0, faults: [cause.message], roles: {}, functions: {} };
  }
}

async function run(folder: string, options: JudgeOptions): Promise<Verdict> {
  const { mode, dynamoUrl, ingress, log = () => undefined, print = () => undefined } = options;
  let hurry: () => void = () => undefined;
  const hurried = new Promise<undefined>((resolve) => {
    hurry = () => resolve(undefined);
  });
  const onFault = (): void => {
    if (options.hasty) hurry();
  };
  const runtime = await openRuntime(folder, { mode, dynamoUrl, log, onFault });
  try {
    const { url, httpUrl, frontDoorUrl } = runtime;
    const doors = { url, httpUrl, frontDoorUrl, slow: options.slow ?? false };
    const { patienceMilliseconds } = options;
    const patience = patienceMilliseconds === undefined ? {} : { patienceMilliseconds };
    const only = options.only === undefined ? {} : { only: options.only };
    const accepted = await Promise.race([
      runAcceptance({ ...doors, ingress, print, ...only, ...patience }),
      hurried,
    ]);
    await options.also?.(runtime);
    await runtime.close();
    const failed = accepted?.failed.map((what) => `journey-failed: ${what}`) ?? [];
    return {
      passed: accepted?.passed ?? 0,
      waived: accepted?.waived ?? 0,
      // What went wrong inside is why the journeys failed: it comes first.
      faults: [...runtime.faults, ...failed],
      roles: runtime.roles(),
      functions: runtime.functions(),
    };
  } finally {
    await runtime.close();
  }
}
