/**
 * Posting, and what its outcomes mean for the records. A connection that is gone is forgotten and,
 * in case it lives after all, cut, so that its client comes back instead of hearing nothing. So is
 * one that could not be given an answer: its client would wait for it for ever.
 */
import { atOnce } from './at-once.ts';
import { endConnection } from './ending.ts';
import type { Delivery, Outcome, Ports } from './ports.ts';

export interface Posted {
  /** By delivery. */
  readonly outcomes: readonly Outcome[];
  /**
   * Connections that were owed an answer, did not get it, and could not be cut either: they wait in
   * vain, and whoever works for them must know.
   */
  readonly unanswered: readonly string[];
}

export interface PostOptions {
  /** Whoever was refused by rate will be posted to again: nothing is lost yet. */
  readonly throttledAgain?: boolean;
}

/**
 * Posts every delivery, of which the first `answers` hold answers; returns once each has an outcome
 * and the gone are forgotten. One that cannot be delivered costs the others nothing. Each is logged
 * but the gone, which are normal life.
 */
export async function postAll(
  deliveries: readonly Delivery[],
  answers: number,
  ports: Ports,
  { throttledAgain = false }: PostOptions = {},
): Promise<Posted> {
  if (deliveries.length === 0) return NOTHING_POSTED;
  const outcomes = await ports.outbox.post(deliveries, { throttledAgain });
  const over: string[] = [];
  const undelivered: Partial<Record<Outcome, number>> = {};
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === 'sent' || (outcome === 'throttled' && throttledAgain)) continue;
    // What a full buffer did not take waits (`hold.ts`); but an answer is owed now.
    if (outcome === 'slow' && index >= answers && ports.slow !== undefined) continue;
    const connectionId = deliveries[index]?.connectionId;
    if (outcome !== 'gone') undelivered[outcome] = (undelivered[outcome] ?? 0) + 1;
    if (connectionId === undefined) continue;
    if (outcome === 'gone' || index < answers) over.push(connectionId);
  }
  if (Object.keys(undelivered).length > 0) ports.log.warn('undelivered', undelivered);
  const uncut = await cutAll(over, ports);
  const owed = new Set(deliveries.slice(0, answers).map(({ connectionId }) => connectionId));
  return { outcomes, unanswered: uncut.filter((connectionId) => owed.has(connectionId)) };
}

const NOTHING_POSTED: Posted = { outcomes: [], unanswered: [] };

/**
 * Cuts and forgets all of them, so many side by side. One that could not be is logged, costs the
 * others nothing, and is among those returned: perhaps it lives on without what it was owed.
 */
export async function cutAll(
  connectionIds: readonly string[],
  ports: Ports,
): Promise<readonly string[]> {
  const uncut: string[] = [];
  await atOnce(connectionIds, ports.limits.forgettingAtOnceMax, (connectionId) =>
    cut(connectionId, ports).catch((cause: unknown) => {
      uncut.push(connectionId);
      ports.log.error('cut-failed', cause, { connectionId });
    }),
  );
  return uncut;
}

/**
 * Cuts a connection and forgets it. Cut first: should this die in between, whoever posts to it next
 * hears 410 and does the rest. The other way round a client would live on without its records.
 */
async function cut(connectionId: string, ports: Ports): Promise<void> {
  await ports.outbox.close(connectionId);
  await endConnection(connectionId, 'lost', ports);
}
