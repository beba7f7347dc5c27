/**
 * The outbox over API Gateway. Deliveries run side by side, `postsAtOnceMax` of them; the posts of
 * one go one after another. A refusal that may pass is tried again after a jittered pause, twice as
 * long each time: the account's rate and faults of the gateway `postRetriesMax` times, a 410 while
 * the connection is young. Faults are logged once a batch and kind, not once a receiver.
 */
import { isUtf8 } from 'node:buffer';
import type { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Delivery, Log, Outbox, Outcome, Timer } from '../../broker/ports.ts';
import { type Answer, type Management, sdkManagement } from './management.ts';

export interface OutboxOptions {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly limits: Limits;
  readonly log: Log;
  /** Spreads the pauses of many: [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** The client must make one attempt a call (`managementClient`), or retries multiply. */
export function sdkOutbox({
  client,
  ...options
}: OutboxOptions & { readonly client: ApiGatewayManagementApiClient }): Outbox {
  return gatewayOutbox({ ...options, management: sdkManagement(client) });
}

export function gatewayOutbox(
  options: OutboxOptions & { readonly management: Management },
): Outbox {
  const { management, limits, log } = options;
  return {
    async post(deliveries) {
      const faults = new Map<string, Fault>();
      const outcomes: Outcome[] = deliveries.map(() => 'sent');
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < deliveries.length) {
          const index = next++;
          const delivery = deliveries[index];
          if (delivery === undefined) continue;
          const verdict = await send(delivery);
          outcomes[index] = verdict.outcome;
          if (verdict.fault) note(faults, verdict.fault, delivery.connectionId);
        }
      };
      const workers = Math.min(limits.postsAtOnceMax, deliveries.length);
      await Promise.all(Array.from({ length: workers }, work));
      for (const { event, cause, ...fields } of faults.values()) log.error(event, cause, fields);
      return outcomes;
    },

    /** A connection that could not be closed is logged: it costs nobody else anything. */
    async close(connectionId) {
      const verdict = await persist(() => management.delete(connectionId), 0);
      if (verdict.outcome === 'sent' || verdict.outcome === 'gone') return;
      const { cause } = verdict.fault ?? { cause: new Error(verdict.outcome) };
      log.error('close-failed', cause, { connectionId });
    },
  };

  async function send({ connectionId, connectedAt, posts }: Delivery): Promise<Verdict> {
    const youngUntil = connectedAt + limits.youngConnectionSeconds * 1000;
    for (const payload of posts) {
      if (!isUtf8(payload)) return NOT_TEXT;
      const verdict = await persist(() => management.post(connectionId, payload), youngUntil);
      if (verdict.outcome !== 'sent') return verdict;
    }
    return SENT;
  }

  /** One request until it is accepted, refused for good, or out of patience. */
  async function persist(request: () => Promise<Answer>, youngUntil: number): Promise<Verdict> {
    const { clock, timer, random = Math.random } = options;
    let pause = limits.postPauseMilliseconds;
    for (let retries = 0; ; retries++) {
      const verdict = judge(await request());
      const youth = youngUntil - clock.now();
      const again =
        verdict.outcome === 'gone'
          ? youth > 0 && retries < youngRetriesMax(limits)
          : verdict.passing && retries < limits.postRetriesMax;
      if (!again) return verdict;
      const jittered = Math.ceil(pause * (0.5 + random() / 2));
      await timer.sleep(verdict.outcome === 'gone' ? Math.min(jittered, youth) : jittered);
      pause = Math.min(pause * 2, limits.postPauseMillisecondsMax);
    }
  }
}

interface Verdict {
  readonly outcome: Outcome;
  /** May go well a moment later. */
  readonly passing: boolean;
  /** Of `failed`. */
  readonly fault?: { readonly event: string; readonly status?: number; readonly cause: unknown };
}

/** As logged: how many deliveries it befell, and one of them. */
interface Fault {
  readonly event: string;
  readonly cause: unknown;
  readonly status?: number;
  readonly connectionId: string;
  deliveries: number;
}

const SENT: Verdict = { outcome: 'sent', passing: false };

/** The gateway sends every post as a text frame: other octets would cut the receiver off. */
const NOT_TEXT: Verdict = {
  outcome: 'failed',
  passing: false,
  fault: { event: 'post-not-text', cause: new Error('A post must be valid UTF-8') },
};

/** PostToConnection's answers; its 429 has two reasons, told apart by the gateway's words. */
function judge({ status, words, cause }: Answer): Verdict {
  if (status === undefined) {
    return { outcome: 'failed', passing: true, fault: { event: 'post-unanswered', cause } };
  }
  if (status < 300) return SENT;
  switch (status) {
    case 403:
      return { outcome: 'failed', passing: false, fault: { event: FORBIDDEN, status, cause } };
    case 410:
      return { outcome: 'gone', passing: false };
    case 413:
      return { outcome: 'too-large', passing: false };
    case 429:
      return /buffer/i.test(words)
        ? { outcome: 'slow', passing: false }
        : { outcome: 'throttled', passing: true };
    default: {
      const fault = { event: 'post-failed', status, cause };
      return { outcome: 'failed', passing: status >= 500, fault };
    }
  }
}

/** Says the two things it can be, since the gateway does not. */
const FORBIDDEN = 'post-forbidden: wrong management endpoint, or no execute-api:ManageConnections';

function note(
  faults: Map<string, Fault>,
  fault: NonNullable<Verdict['fault']>,
  connectionId: string,
): void {
  const kind = `${fault.event} ${fault.status}`;
  const known = faults.get(kind);
  if (known) known.deliveries += 1;
  else faults.set(kind, { ...fault, connectionId, deliveries: 1 });
}

/** Enough pauses, the shortest there may be, to outlast a youth; an end if the clock stands still. */
function youngRetriesMax(limits: Limits): number {
  const shortest = limits.postPauseMillisecondsMax / 2;
  const doublings = Math.log2(limits.postPauseMillisecondsMax / limits.postPauseMilliseconds);
  return Math.ceil((limits.youngConnectionSeconds * 1000) / shortest + doublings) + 1;
}
