/**
 * Journeys of an audience too large for one invocation. Here it is divided beyond so few: the
 * assemblies are synthesized with that bound, and a broker with another passes all the same.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { type Journey, type Place, settled, withStomp } from './journey.ts';
import type { Peer } from './stomp-client.ts';

/** `-c inlinePosts=`. */
export const INLINE_POSTS = 8;

const LISTENERS = INLINE_POSTS + 4;

export const AUDIENCE_JOURNEYS: readonly Journey[] = [
  {
    name: 'an audience divided among functions hears each message once, and its sender a RECEIPT',
    run: (place) =>
      withAudience(place, (listeners) =>
        withStomp(place.open, async (publisher) => {
          const bodies = ['one', 'two', 'x'.repeat(30_000)];
          for (const body of bodies) {
            await settled(publisher, 'SEND', { destination: place.topic }, body);
          }
          for (const listener of listeners) {
            const frames = [await listener.frame(), await listener.frame(), await listener.frame()];
            deepEqual(frames.map(({ body }) => body).sort(), bodies.toSorted());
            equal(new Set(frames.map(({ headers }) => headers['message-id'])).size, 3);
          }
        }),
      ),
  },
  {
    name: 'an audience divided among functions hears what is published by HTTP',
    door: 'http',
    run: (place) =>
      withAudience(place, async (listeners) => {
        const answer = await fetch(place.http + place.topic, { method: 'POST', body: 'by HTTP' });
        equal(answer.status, 200);
        for (const listener of listeners) equal((await listener.frame()).body, 'by HTTP');
      }),
  },
];

async function withAudience(
  { open, topic }: Place,
  use: (listeners: readonly Peer[]) => Promise<void>,
  listeners: readonly Peer[] = [],
): Promise<void> {
  if (listeners.length === LISTENERS) return use(listeners);
  await withStomp(open, async (peer) => {
    await settled(peer, 'SUBSCRIBE', { id: '0', destination: topic });
    await withAudience({ open, topic, http: '' }, use, [...listeners, peer]);
  });
}
