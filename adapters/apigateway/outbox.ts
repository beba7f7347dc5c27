/**
 * The outbox over API Gateway. Posts run side by side, `postsAtOnceMax` of them; those of one
 * delivery go one after another, and a refusal that may pass is tried again (`verdict.ts`). Whoever
 * pauses holds up nobody: the others go on meanwhile. Faults are logged once a batch and kind, not
 * once a receiver.
 */
import { isUtf8 } from 'node:buffer';
import type { Delivery, Log, Outbox, Outcome } from '../../broker/ports.ts';
import { type Fault, type PatienceWorld, patience, SENT, type Verdict } from '../verdict.ts';
import { judge, type Management } from './management.ts';
import { makeSlots } from './slots.ts';

export interface OutboxOptions extends Omit<PatienceWorld, 'random'> {
  /** One attempt a call, or retries multiply. */
  readonly management: Management;
  readonly log: Log;
  /** @default Math.random */
  readonly random?: () => number;
}

export function gatewayOutbox(options: OutboxOptions): Outbox {
  const { management, limits, log } = options;
  const world: PatienceWorld = { random: Math.random, ...options };
  return {
    async post(deliveries, { throttledAgain = false } = {}) {
      const faults = new Map<string, Befallen>();
      const outcomes: Outcome[] = deliveries.map(() => 'sent');
      const slot = makeSlots(limits.postsAtOnceMax);
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < deliveries.length) {
          const index = next++;
          const delivery = deliveries[index];
          if (delivery === undefined) continue;
          const verdict = await send(delivery, async (payload) => {
            const answer = await slot(() => management.post(delivery.connectionId, payload));
            const said = judge(answer);
            return throttledAgain && said.outcome === 'throttled' ? THROTTLED : said;
          });
          outcomes[index] = verdict.outcome;
          if (verdict.fault) note(faults, verdict.fault, delivery.connectionId);
        }
      };
      const workers = Math.min(limits.postsAtOnceMax * UNDER_WAY_PER_SLOT, deliveries.length);
      await Promise.all(Array.from({ length: workers }, work));
      for (const { event, cause, ...fields } of faults.values()) log.error(event, cause, fields);
      return outcomes;
    },

    /** A connection that could not be closed is logged: it costs nobody else anything. */
    async close(connectionId) {
      const verdict = await patience(world, NEVER).settle(async () =>
        judge(await management.delete(connectionId)),
      );
      if (verdict.outcome === 'sent' || verdict.outcome === 'gone') return;
      const { cause } = verdict.fault ?? { cause: new Error(verdict.outcome) };
      log.error('close-failed', cause, { connectionId });
    },
  };

  async function send(
    { connectedAt, posts }: Delivery,
    post: (payload: Uint8Array) => Promise<Verdict>,
  ): Promise<Verdict> {
    const { settle } = patience(world, connectedAt);
    for (const payload of posts) {
      if (!isUtf8(payload)) return NOT_TEXT;
      const verdict = await settle(() => post(payload));
      if (verdict.outcome !== 'sent') return verdict;
    }
    return SENT;
  }
}

/** Deliveries under way for each post: most of those beyond it pause between two attempts. */
const UNDER_WAY_PER_SLOT = 8;

/** For whoever will try again when the rate allows it. */
const THROTTLED: Verdict = { outcome: 'throttled', passing: false };

/** A DELETE's 410 is what was wanted, however young the connection. */
const NEVER = 0;

/** How many deliveries a fault befell, and one of them. */
interface Befallen extends Fault {
  readonly connectionId: string;
  deliveries: number;
}

/** The gateway sends every post as a text frame: other octets would cut the receiver off. */
const NOT_TEXT: Verdict = {
  outcome: 'failed',
  passing: false,
  fault: { event: 'post-not-text', cause: new Error('A post must be valid UTF-8') },
};

function note(faults: Map<string, Befallen>, fault: Fault, connectionId: string): void {
  const kind = `${fault.event} ${fault.status}`;
  const known = faults.get(kind);
  if (known) known.deliveries += 1;
  else faults.set(kind, { ...fault, connectionId, deliveries: 1 });
}
