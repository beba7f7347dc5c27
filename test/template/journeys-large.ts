/** Journeys about size and order: large bodies, frames in pieces, bursts. */
import { deepEqual, equal } from 'node:assert/strict';
import { type Journey, settled, withPair, withStomp } from './journey.ts';
import { write } from './stomp-client.ts';

const BURST = 200;

export const LARGE_JOURNEYS: readonly Journey[] = [
  {
    name: 'a body of 30,000 octets with NULs in it arrives as it was',
    run: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const body = `${'\0'.repeat(10)}${'ä'.repeat(14_995)}`;
        const length = String(Buffer.byteLength(body));
        publisher.send('SEND', { destination: place.topic, 'content-length': length }, body);
        equal((await subscriber.frame()).body, body);
      }),
  },
  {
    name: 'a WebSocket frame over 32 KB closes with 1009',
    run: async ({ open, topic }) => {
      const peer = await open(['v12.stomp']);
      peer.sendText(write('SEND', { destination: topic }, 'x'.repeat(33 * 1024)));
      equal((await peer.closed()).code, 1009);
    },
  },
  {
    name: 'CONNECT, SUBSCRIBE and SEND in one breath take effect in order',
    needsOrder: true,
    run: async ({ open, topic }) => {
      const peer = await open(['v12.stomp']);
      peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
      peer.send('SUBSCRIBE', { id: '0', destination: topic });
      peer.send('SEND', { destination: topic }, 'at once');
      equal((await peer.frame()).command, 'CONNECTED');
      equal((await peer.frame()).body, 'at once');
      peer.close();
    },
  },
  {
    name: 'a frame in three pieces is put together',
    needsOrder: true,
    run: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const frame = write('SEND', { destination: place.topic }, 'in pieces');
        for (const [from, to] of [
          [0, 5],
          [5, 20],
          [20, frame.length],
        ] as const) {
          publisher.sendText(frame.slice(from, to));
        }
        equal((await subscriber.frame()).body, 'in pieces');
      }),
  },
  {
    name: 'a body of 100,000 octets in pieces of 30,000 arrives whole',
    needsOrder: true,
    run: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const body = 'y'.repeat(100_000);
        const headers = { destination: place.topic, 'content-length': String(body.length) };
        const frame = write('SEND', headers, body);
        for (let from = 0; from < frame.length; from += 30_000) {
          publisher.sendText(frame.slice(from, from + 30_000));
        }
        equal((await subscriber.frame(20_000)).body, body);
      }),
  },
  {
    name: `a burst of ${BURST} messages arrives in order and once each`,
    needsOrder: true,
    run: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const bodies = Array.from({ length: BURST }, (_, index) => `message ${index}`);
        for (const body of bodies) publisher.send('SEND', { destination: place.topic }, body);
        const got: string[] = [];
        while (got.length < BURST) got.push((await subscriber.frame(20_000)).body);
        deepEqual(got, bodies);
      }),
  },
  {
    name: 'many clients at once each get what is meant for them',
    run: async ({ open, topic }) => {
      const each = Array.from({ length: 8 }, (_, index) => `${topic}.${index}`);
      await Promise.all(
        each.map((destination) =>
          withStomp(open, async (peer) => {
            await settled(peer, 'SUBSCRIBE', { id: 's', destination });
            peer.send('SEND', { destination }, destination);
            equal((await peer.frame()).body, destination);
          }),
        ),
      );
    },
  },
];
