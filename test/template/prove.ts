/** The mutation suite: every planted fault must be caught, by its name. */
import { readAssembly } from './assembly.ts';
import { draftOf } from './draft.ts';
import { idleGrants } from './grants.ts';
import { judge } from './judge.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

export interface ProveOptions {
  /** The assembly of a variant. */
  readonly folder: (variant: string) => string;
  readonly dynamoUrl: string;
  readonly print: (line: string) => void;
  /** Only mutations for whose names this holds. */
  readonly only?: (name: string) => boolean;
}

/** What a client does first, and what ends in a close: together they touch every part. */
const JOURNEYS: ReadonlySet<string> = new Set([
  'a message reaches its subscriber, with its headers and body',
  'a destination that cannot be is refused in words',
]);

/** What only clients notice is waited for no longer; what is noticed inside is not cut short. */
const MUTE_MILLISECONDS = 4_000;

export interface Proof {
  readonly caught: number;
  /** The faults that were not caught as they should have been. */
  readonly missed: readonly string[];
}

export async function proveMutations(options: ProveOptions): Promise<Proof> {
  const missed: string[] = [];
  const ids = [...readAssembly(options.folder('fifo')).resources.keys()];
  const mutations = MUTATIONS.filter(({ needs = '', name }) => {
    if (options.only?.(name) === false) return false;
    return ids.some((id) => id.includes(needs));
  });
  for (const mutation of mutations) {
    const began = Date.now();
    const faults = await faultsOf(mutation, options);
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    const caught = faults.find(
      (line) => line.startsWith(`${mutation.caught}: `) && line.includes(mutation.naming ?? ''),
    );
    if (caught === undefined) {
      missed.push(`${mutation.name}: expected ${mutation.caught}, got ${faults[0] ?? 'no fault'}`);
    }
    const what = caught ?? `MISSED, found: ${faults.join(' | ') || 'nothing'}`;
    options.print(
      `${caught ? 'ok      ' : 'FAIL    '}${mutation.name} → ${what.slice(0, 110)} (${seconds} s)`,
    );
  }
  return { caught: mutations.length - missed.length, missed };
}

async function faultsOf(mutation: Mutation, options: ProveOptions): Promise<readonly string[]> {
  const draft = draftOf(options.folder(mutation.variant ?? 'fifo'));
  try {
    mutation.plant(draft);
    draft.save();
    const verdict = await judge(draft.folder, {
      mode: mutation.mode ?? 'process',
      ingress: 'fifo',
      dynamoUrl: options.dynamoUrl,
      only: (name) => (mutation.journey ? name === mutation.journey : JOURNEYS.has(name)),
      slow: true,
      hasty: true,
      ...(mutation.caught === 'journey-failed' && { patienceMilliseconds: MUTE_MILLISECONDS }),
    });
    // These two journeys do not use every grant: only the one that a mutation adds is looked for.
    const idle = idleGrants([verdict.roles]).map((grant) => `grant-unused: ${grant}`);
    return [...verdict.faults, ...idle];
  } finally {
    draft.discard();
  }
}
