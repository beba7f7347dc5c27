/**
 * What a real account alone can answer: how API Gateway and SQS treat what the local gateway and the
 * template runtime only suppose. Each question is asked from outside, over the WebSocket, and
 * answered in a sentence with numbers; none fails the run, for the answer is what it is for.
 */
import type { Place } from '../template/journey.ts';
import { settled, withPair, withStomp } from '../template/journey.ts';
import { openPeer, type Peer, write } from '../template/stomp-client.ts';

export interface Question {
  readonly name: string;
  /** What the design supposes. */
  readonly supposed: string;
  /** True: takes minutes, and is asked with `--slow` alone. */
  readonly slow?: boolean;
  ask(place: Place & { readonly url: string }): Promise<string>;
}

const BURST = 1000;
/** SENDs written without a pause. */
const CHUNK = 50;
/** The broker's own bound, below the gateway's 128 KB. */
const PUBLISH_KILOBYTES_MAX = 120;
/** What one WebSocket message may hold on its way in. */
const PIECE_OCTETS = 24 * 1024;

export const QUESTIONS: readonly Question[] = [
  {
    name: 'body of a STOMP frame in the queue',
    supposed: '$input.body is the raw text; base64 keeps NUL and UTF-8',
    ask: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const body = 'a\0b é 漢字 😀 \u2028 "quotes" \\ %41 $input.body';
        const octets = Buffer.byteLength(body);
        publisher.send(
          'SEND',
          { destination: place.topic, 'content-length': String(octets) },
          body,
        );
        const got = (await subscriber.frame()).body;
        return got === body
          ? `${octets} octets with NUL and every plane of UTF-8 came back unchanged`
          : `changed on the way: sent ${JSON.stringify(body)}, got ${JSON.stringify(got)}`;
      }),
  },
  {
    name: `order of a burst of ${BURST}`,
    supposed: 'the gateway enqueues serially; the queue keeps the order',
    ask: (place) => burst(place, place.topic),
  },
  {
    name: `order of a burst of ${BURST} in a room`,
    supposed: 'the log keeps one order, without a hole',
    ask: (place) => burst(place, place.topic.replace('/topic/', '/room/')),
  },
  {
    name: 'posts of 33, 100 and 119 KB',
    supposed: 'up to 128 KB arrive whole, in frames of at most 32 KB',
    ask: async (place) => {
      const answers: string[] = [];
      for (const kilobytes of [33, 100, 119]) answers.push(await large(place, kilobytes));
      return answers.join('; ');
    },
  },
  {
    name: 'a message of 129 KB',
    supposed: 'refused by the broker with frame-too-large',
    ask: (place) => large(place, 129),
  },
  {
    name: 'first seconds of a connection',
    supposed: 'a post right after the 101 may answer 410, and is tried again',
    ask: async (place) => {
      let slowest = 0;
      for (let n = 0; n < 20; n++) {
        const began = Date.now();
        await withStomp(place.open, async () => undefined);
        slowest = Math.max(slowest, Date.now() - began);
      }
      return `20 connections were answered by CONNECTED, the slowest after ${slowest} ms`;
    },
  },
  {
    name: 'close codes',
    supposed: '33 KB in one frame: 1009; after an ERROR: 1000 or 1005; after DISCONNECT: 1000',
    ask: async (place) => {
      const codes = [
        ['33 KB', await closing(place, (peer) => peer.sendText('x'.repeat(33 * 1024)))],
        ['ERROR', await closing(place, (peer) => peer.send('NONSENSE', {}))],
        ['DISCONNECT', await closing(place, (peer) => peer.send('DISCONNECT', { receipt: 'bye' }))],
      ];
      return codes.map(([what, code]) => `${what}: ${code}`).join('; ');
    },
  },
  {
    name: 'idle time-out',
    supposed: 'ten minutes without a message close the connection with 1001',
    slow: true,
    ask: async ({ url }) => {
      const peer = await openPeer(url, ['v12.stomp']);
      peer.send('CONNECT', { 'accept-version': '1.2', host: 'verify' });
      await peer.frame();
      const began = Date.now();
      const { code } = await peer.closed(11 * 60_000);
      return `closed with ${code} after ${Math.round((Date.now() - began) / 1000)} s`;
    },
  },
];

async function burst(place: Place, destination: string): Promise<string> {
  return withStomp(place.open, (subscriber) =>
    withStomp(place.open, async (publisher) => {
      await settled(subscriber, 'SUBSCRIBE', { id: 'burst', destination });
      const began = Date.now();
      for (let n = 0; n < BURST; n += CHUNK) {
        for (let k = n; k < n + CHUNK; k++) publisher.send('SEND', { destination }, String(k));
        await new Promise(setImmediate);
      }
      const got: number[] = [];
      while (got.length < BURST) got.push(Number((await subscriber.frame(30_000)).body));
      const swapped = got.filter(
        (value, index) => index > 0 && value < (got[index - 1] ?? 0),
      ).length;
      const distinct = new Set(got).size;
      return `${distinct} of ${BURST} came, ${swapped} behind a later one, in ${Date.now() - began} ms`;
    }),
  );
}

/** A frame over 32 KB goes in by pieces and comes out as one post. */
async function large(place: Place, kilobytes: number): Promise<string> {
  const body = 'x'.repeat(kilobytes * 1024);
  return withPair(place, async (subscriber, publisher) => {
    const frame = write('SEND', { destination: place.topic }, body);
    for (let at = 0; at < frame.length; at += PIECE_OCTETS) {
      publisher.sendText(frame.slice(at, at + PIECE_OCTETS));
    }
    if (kilobytes <= PUBLISH_KILOBYTES_MAX) {
      const { body: got } = await subscriber.frame();
      return `${kilobytes} KB: ${got.length} octets came`;
    }
    const { command, headers } = await publisher.frame();
    return `${kilobytes} KB: ${command} ${headers['code'] ?? 'without a code'}`;
  });
}

async function closing(place: Place, act: (peer: Peer) => void): Promise<number> {
  const peer = await place.open(['v12.stomp']);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'verify' });
  await peer.frame();
  act(peer);
  return (await peer.closed()).code;
}
