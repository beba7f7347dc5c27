/** One assembly, opened, put through the acceptance suite and closed: what is wrong with it. */
import { runAcceptance } from './acceptance.ts';
import type { Mode } from './environment.ts';
import { TemplateFault } from './fault.ts';
import type { FunctionCounts } from './functions.ts';
import type { RoleReport } from './iam.ts';
import { openRuntime } from './runtime.ts';

export interface JudgeOptions {
  readonly mode: Mode;
  readonly ingress: 'fifo' | 'direct';
  readonly dynamoUrl: string;
  readonly log: (line: string) => void;
  /** Only journeys whose name holds this. */
  readonly only?: string;
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
  const { mode, dynamoUrl, ingress, log, only } = options;
  const runtime = await openRuntime(folder, { mode, dynamoUrl, log });
  try {
    const { passed, failed, waived } = await runAcceptance({
      url: runtime.url,
      ingress,
      print: log,
      ...(only !== undefined && { only }),
    });
    await runtime.close();
    const inside = [...new Set(runtime.faults)].map((what) => named(what));
    return {
      passed,
      waived,
      // What went wrong inside is why the journeys failed: it comes first.
      faults: [...inside, ...failed.map((what) => `journey-failed: ${what}`)],
      roles: runtime.roles(),
      functions: runtime.functions(),
    };
  } finally {
    await runtime.close();
  }
}

/** A fault from inside the runtime, with the code it deserves in front. */
function named(what: string): string {
  if (/not authorized to perform|: 403: /.test(what)) return `access-denied: ${what}`;
  if (what.startsWith('dynamodb:')) return `key-schema: ${what}`;
  return `handler-failed: ${what}`;
}
