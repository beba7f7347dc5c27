/**
 * The outbox over a gateway in this process. Posting there is a function call, so a batch in which
 * every answer is 200 is done by one loop, before `post` returns, with one promise for the whole
 * batch: a fan-out to 1,000 makes no promise per receiver. What is refused is finished apart, with
 * its pauses, and the rest of the batch has gone out long before.
 */
import type { Delivery, Log, Outbox, Outcome } from '../../broker/ports.ts';
import { type PatienceWorld, patience, type Verdict, verdictOn } from '../verdict.ts';

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

/** Without `random`: within one process a run can be repeated, and there is no herd to spread. */
export interface OutboxWorld extends Omit<PatienceWorld, 'random'> {
  readonly management: Management;
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
  const { management, log } = world;
  const { connectionId, connectedAt, posts } = delivery;
  const { settle } = patience({ ...world, random: () => 1 }, connectedAt);
  for (let at = stop.at; at < posts.length; at++) {
    const ask = () => judge(postOne(management, connectionId, posts[at] ?? NOTHING));
    const { outcome, fault } = await settle(ask, at === stop.at ? judge(stop.answer) : undefined);
    if (fault !== undefined) log.error(fault.event, fault.cause, { connectionId });
    if (outcome !== 'sent') return outcome;
  }
  return 'sent';
}

async function judge(answer: Stop['answer']): Promise<Verdict> {
  try {
    const settled = await answer;
    const { status, reason }: Refusal = typeof settled === 'number' ? { status: settled } : settled;
    const cause = status < 500 ? undefined : new Error(`The gateway answered ${status} to a post`);
    return verdictOn({ status, bufferFull: reason === 'buffer', cause });
  } catch (cause) {
    return verdictOn({ status: undefined, bufferFull: false, cause });
  }
}
