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
    name: 'a room divided among functions hears everything in one order, who joins late from there on',
    needs: 'rooms',
    run: ({ open }) => {
      const room = `/room/large-${Date.now()}`;
      const place = { open, topic: room, http: '' };
      return withAudience(place, (members) =>
        withStomp(open, async (late) => {
          const [speaker] = members;
          // One after the other: with direct ingress SENDs side by side have no order.
          speaker?.send('SEND', { destination: room }, 'one');
          equal((await members[1]?.frame())?.body, 'one');
          speaker?.send('SEND', { destination: room }, 'two');
          equal((await members[1]?.frame())?.body, 'two');
          await settled(late, 'SUBSCRIBE', { id: '0', destination: room });
          speaker?.send('SEND', { destination: room }, 'three');
          const frame = await late.frame();
          deepEqual([frame.body, frame.headers['seq']], ['three', '3']);
          equal((await members[1]?.frame())?.body, 'three');
          for (const member of members.slice(2)) {
            const heard = [await member.frame(), await member.frame(), await member.frame()];
            deepEqual(
              heard.map(({ headers }) => headers['seq']),
              ['1', '2', '3'],
            );
          }
        }),
      );
    },
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
