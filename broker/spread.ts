/**
 * Audiences too large for the invocation that publishes: each becomes jobs, one for each slice of
 * it, which read their own subscribers. Nobody enumerates the audience for that: subscribers are even
 * over their slices, so that the first page tells how many there are about. Ordinary audiences pay a
 * comparison.
 */
import type { Limits } from './limits.ts';
import type { Message } from './model.ts';
import type { Job, Ports, SubscriberPage } from './ports.ts';
import type { Topic } from './receivers.ts';
import { slicesFor } from './slice.ts';

/**
 * Hands over the largest audiences until what is left fits `inlinePostsMax`, and says which; once
 * they are stored they are bound to be posted to. One that could not be handed over is a fault.
 */
export async function spreadLarge(
  topics: readonly Topic[],
  pages: readonly SubscriberPage[],
  { jobs, limits }: Pick<Ports, 'jobs' | 'limits'>,
  faults: Map<string, unknown>,
): Promise<ReadonlySet<number>> {
  const large = new Set<number>();
  if (jobs === undefined) return large;
  const posts = topics.map((topic, at) => audienceOf(pages[at]) * postsEach(topic, limits));
  let left = posts.reduce((sum, one) => sum + one, 0);
  while (left > limits.inlinePostsMax) {
    const most = posts.indexOf(Math.max(...posts));
    large.add(most);
    left -= posts[most] ?? 0;
    posts[most] = 0;
  }
  for (const at of large) {
    const topic = topics[at];
    if (topic === undefined) continue;
    const audience = audienceOf(pages[at]);
    try {
      for (const round of jobsOf(topic, audience, limits)) await jobs.send(round);
    } catch (cause) {
      faults.set(topic.destination.canonical, cause);
    }
  }
  return large;
}

function audienceOf(page: SubscriberPage | undefined): number {
  return page === undefined ? 0 : Math.max(page.about ?? 0, page.subscribers.length);
}

function postsEach({ messages }: Topic, { postBytesMax }: Limits): number {
  const octets = messages.reduce((sum, { body }) => sum + body.length, 0);
  return Math.max(1, Math.ceil(octets / postBytesMax));
}

/** How many posts one shard may make: it shares the rate with as many as run side by side. */
export function shardPosts({
  shardPostsMax,
  shardSeconds,
  shardsAtOnceMax,
  postsPerSecond,
}: Limits): number {
  const share = Math.floor((postsPerSecond * shardSeconds) / shardsAtOnceMax);
  return Math.max(1, Math.min(shardPostsMax, share));
}

/** Rounds, to be sent one after another: a group has one job of each, with messages in order. */
function jobsOf(topic: Topic, audience: number, limits: Limits): readonly (readonly Job[])[] {
  const of = slicesFor(audience * postsEach(topic, limits), shardPosts(limits));
  const destination = topic.destination.canonical;
  const indexes = Array.from({ length: of }, (_, index) => index);
  return batchesOf(topic.messages, limits).map((messages) =>
    indexes.map((index) => ({
      group: `${destination} ${index}/${of}`,
      once: `${messages[0]?.id} ${messages.length} ${messages.at(-1)?.id}`,
      task: { type: 'shard', destination, slice: { index, of }, messages },
    })),
  );
}

/** As many messages together as a job may hold; one alone always fits. */
export function batchesOf<One extends Message>(
  messages: readonly One[],
  limits: Limits,
): readonly (readonly One[])[] {
  const batches: One[][] = [];
  let octets = 0;
  for (const message of messages) {
    const more = octetsOf(message);
    const last = batches.at(-1);
    if (last === undefined || octets + more > limits.shardBytesMax) {
      batches.push([message]);
      octets = more;
    } else {
      last.push(message);
      octets += more;
    }
  }
  return batches;
}

/** As JSON, with its body in base64. */
function octetsOf({ headers, body, destination, id }: Message): number {
  const named = Buffer.byteLength(JSON.stringify([id, destination, headers]));
  return named + Math.ceil(body.length / 3) * 4 + 64;
}
