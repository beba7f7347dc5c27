/**
 * The outbox over a gateway in this process. Posting there is a function call, so a batch in which
 * every answer is 200 is done by one loop, before `post` returns, with one promise for the whole
 * batch: a fan-out to 1,000 makes no promise per receiver. What is refused is finished apart, with
 * its pauses, and the rest of the batch has gone out long before.
 */
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Delivery, Log, Outbox, Outcome, Timer } from '../../broker/ports.ts';

/** The HTTP status of a post; 429 has two reasons, which need two answers. */
export interface Refusal {
  readonly status: number;
  readonly reason?: 'rate' | 'buffer';
}

export type PostAnswer = number | Refusal;

/** What API Gateway offers under `@connections`, as calls. */
export interface Management {
  /** 200 when taken. A promise only where the gateway cannot answer at once. */
  post(connectionId: string, payload: Uint8Array): PostAnswer | Promise<PostAnswer>;
  /** Closes the connection; one that is gone already is fine. */
  delete(connectionId: string): void | Promise<void>;
}

export interface OutboxWorld {
  readonly management: Management;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly limits: Limits;
  readonly log: Log;
}

export function memoryOutbox(world: OutboxWorld): Outbox {
  return {
    async post(deliveries) {
      const outcomes: Outcome[] = [];
      const unfinished: Promise<void>[] = [];
      for (const [index, delivery] of deliveries.entries()) {
        const stopped = postAll(world.management, delivery);
        outcomes.push('sent');
        if (stopped === undefined) continue;
        const finished = finish(world, delivery, stopped);
        unfinished.push(
          finished.then((outcome) => {
            outcomes[index] = outcome;
          }),
        );
      }
      if (unfinished.length > 0) await Promise.all(unfinished);
      return outcomes;
    },

    async close(connectionId) {
      await world.management.delete(connectionId);
    },
  };
}

/** The first post whose answer was not 200 there and then, and that answer. */
interface Stop {
  readonly at: number;
  readonly answer: PostAnswer | Promise<PostAnswer>;
}

function postAll(management: Management, { connectionId, posts }: Delivery): Stop | undefined {
  for (let at = 0; at < posts.length; at++) {
    const answer = postOne(management, connectionId, posts[at] ?? NOTHING);
    if (answer !== 200) return { at, answer };
  }
  return undefined;
}

const NOTHING = new Uint8Array();

function postOne(
  management: Management,
  connectionId: string,
  payload: Uint8Array,
): Stop['answer'] {
  try {
    return management.post(connectionId, payload);
  } catch (cause) {
    return Promise.reject(cause);
  }
}

/** Repeats the post that stopped the loop until it is settled, then sends those after it. */
async function finish(world: OutboxWorld, delivery: Delivery, stop: Stop): Promise<Outcome> {
  const { connectionId, posts } = delivery;
  let outcome = await persist(world, delivery, { payload: posts[stop.at], first: stop.answer });
  for (let at = stop.at + 1; at < posts.length && outcome === 'sent'; at++) {
    const payload = posts[at] ?? NOTHING;
    const first = postOne(world.management, connectionId, payload);
    outcome = await persist(world, delivery, { payload, first });
  }
  return outcome;
}

/** One post until it is taken, refused for good, or out of budget. */
async function persist(
  world: OutboxWorld,
  { connectionId, connectedAt }: Delivery,
  { payload = NOTHING, first }: { payload: Uint8Array | undefined; first: Stop['answer'] },
): Promise<Outcome> {
  const { management, clock, timer, limits, log } = world;
  let verdict = await judge(first);
  let pause = limits.postPauseMilliseconds;
  for (let retries = 0; verdict.outcome !== 'sent'; retries++) {
    const youth = connectedAt + limits.youngConnectionSeconds * 1000 - clock.now();
    const again =
      verdict.outcome === 'gone'
        ? youth > 0 && retries < youngRetriesMax(limits)
        : verdict.passing && retries < limits.postRetriesMax;
    if (!again) break;
    await timer.sleep(verdict.outcome === 'gone' ? Math.min(pause, youth) : pause);
    pause = Math.min(pause * 2, limits.postPauseMillisecondsMax);
    verdict = await judge(postOne(management, connectionId, payload));
  }
  if (verdict.outcome === 'failed') log.error('post-failed', verdict.cause, { connectionId });
  return verdict.outcome;
}

interface Verdict {
  readonly outcome: Outcome;
  /** May go well a moment later. */
  readonly passing: boolean;
  /** Of `failed`. */
  readonly cause?: unknown;
}

async function judge(answer: Stop['answer']): Promise<Verdict> {
  try {
    const settled = await answer;
    return verdictOn(typeof settled === 'number' ? { status: settled } : settled);
  } catch (cause) {
    return { outcome: 'failed', passing: true, cause };
  }
}

function verdictOn({ status, reason }: Refusal): Verdict {
  switch (status) {
    case 200:
      return { outcome: 'sent', passing: false };
    case 410:
      return { outcome: 'gone', passing: false };
    case 413:
      return { outcome: 'too-large', passing: false };
    case 429:
      return reason === 'buffer'
        ? { outcome: 'slow', passing: false }
        : { outcome: 'throttled', passing: true };
    default: {
      const cause = new Error(`The gateway answered ${status} to a post`);
      return { outcome: 'failed', passing: status >= 500, cause };
    }
  }
}

/** Enough pauses to outlast a youth, and an end even where the clock stands still. */
function youngRetriesMax(limits: Limits): number {
  const longest = (limits.youngConnectionSeconds * 1000) / limits.postPauseMillisecondsMax;
  return limits.postRetriesMax + Math.ceil(longest);
}
