/** Peers side by side: who takes turns with whom, and what is told of it. */
import type { PeerName } from './manner.ts';
import type { Peer } from './peer.ts';

/** By round; a peer that is not installed is not there. */
export type Costs = Partial<Record<PeerName, readonly number[]>>;

/** The one that is compared: the broker with its store in memory, as the bars are. */
export const OURS = 'memory' satisfies PeerName;

export interface Bar {
  readonly of: PeerName;
  /** Ours may cost so much of the other's at most. */
  readonly most: number;
}

export interface Row {
  readonly label: string;
  readonly unit: string;
  readonly medians: Partial<Record<PeerName, number>>;
  /** Ours ÷ the other's: the median of the rounds' own ratios. */
  readonly ratios: Partial<Record<PeerName, number>>;
  readonly bars: readonly Bar[];
  /** Of ours alone: what a unit costs here, of what it costs in the row before. */
  readonly growth?: { readonly ratio: number; readonly most: number };
  /** What the broker would be asked on AWS for one burst: who hears it, and what is sent at once. */
  readonly traffic?: Traffic;
}

export interface Traffic {
  readonly lane: 'topic' | 'room';
  readonly members: number;
  readonly backlog: number;
}

/**
 * CPU microseconds of each peer's server per unit of work, round by round. Peers take turns within a
 * round, and each round begins with another: a busy machine slows all of them alike.
 * `work` answers the units it did; what `tidy` does after it is not counted.
 */
export async function alternate<One extends { readonly peer: Peer }>(
  contenders: readonly One[],
  { rounds, warm }: { readonly rounds: number; readonly warm: number },
  work: (one: One) => Promise<number>,
  tidy: (one: One) => Promise<void> = () => Promise.resolve(),
): Promise<Costs> {
  const costs = new Map<PeerName, number[]>();
  for (let round = -warm; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const one = contenders[(turn + round + warm) % contenders.length];
      if (one === undefined) continue;
      const before = await one.peer.cpuMicroseconds();
      const units = await work(one);
      const cost = ((await one.peer.cpuMicroseconds()) - before) / units;
      await tidy(one);
      if (round < 0) continue;
      costs.set(one.peer.name, [...(costs.get(one.peer.name) ?? []), cost]);
    }
  }
  return Object.fromEntries(costs);
}

export function rowOf(
  told: { readonly label: string; readonly unit: string; readonly bars?: readonly Bar[] },
  costs: Costs,
): Row {
  const ours = costs[OURS] ?? [];
  const each = (value: (values: readonly number[]) => number) =>
    Object.fromEntries(Object.entries(costs).map(([name, values]) => [name, value(values)]));
  const { [OURS]: _, ...ratios }: Row['ratios'] = each((values) =>
    median(ours.map((cost, round) => cost / (values[round] ?? Number.NaN))),
  );
  return { bars: [], ...told, medians: each(median), ratios };
}

/** Ours in this row, round by round, of ours in another. */
export function growthOf(few: Costs, many: Costs): number {
  const before = few[OURS] ?? [];
  return median((many[OURS] ?? []).map((cost, round) => cost / (before[round] ?? Number.NaN)));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Undefined where the bar's peer was not there. */
export function holds({ ratios }: Row, { of, most }: Bar): boolean | undefined {
  const ratio = ratios[of];
  return ratio === undefined ? undefined : ratio <= most;
}
