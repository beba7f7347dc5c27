/** Journeys about queues: consumers that share, acknowledge and die, and what STOMP builds on them. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type Journey, type Place, settled, withStomp } from './journey.ts';
import type { Frame, Peer } from './stomp-client.ts';

export function queueOf({ topic }: Place): string {
  return topic.replace('/topic/', '/queue/');
}

/** Stands beside its item, and beside its change of the log. */
const LARGE = 'l'.repeat(20_000);

export type Wish = Readonly<Record<string, string>>;

/** The next MESSAGE; an ERROR fails in its own words. */
export async function message(peer: Peer): Promise<Frame> {
  const frame = await peer.frame();
  equal(frame.command, 'MESSAGE', frame.headers['message']);
  return frame;
}

export async function consume(peer: Peer, destination: string, wish: Wish = {}): Promise<void> {
  await settled(peer, 'SUBSCRIBE', { id: 'work', destination, ack: 'client-individual', ...wish });
}

export async function acknowledge(peer: Peer, frame: Frame, more: Wish = {}): Promise<void> {
  await settled(peer, 'ACK', { id: frame.headers['ack'] ?? '', ...more });
}

export async function say(
  peer: Peer,
  destination: string,
  bodies: readonly string[],
): Promise<void> {
  for (const body of bodies) await settled(peer, 'SEND', { destination }, body);
}

/** A client that nobody closes, to be cut. */
export async function doomed(open: Place['open']): Promise<Peer> {
  const peer = await open(['v12.stomp']);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'acceptance' });
  equal((await peer.frame()).command, 'CONNECTED');
  return peer;
}

const journeys: readonly Omit<Journey, 'needs'>[] = [
  {
    name: 'a queue keeps what nobody consumes yet, and its consumers share it',
    run: async (place) => {
      const queue = queueOf(place);
      const one = { 'prefetch-count': '1' };
      await withStomp(place.open, (sender) => say(sender, queue, ['early', 'late']));
      await withStomp(place.open, async (left) => {
        await consume(left, queue, one);
        const first = await message(left);
        equal(first.body, 'early');
        await withStomp(place.open, async (right) => {
          await consume(right, queue, one);
          const second = await message(right);
          equal(second.body, 'late');
          await acknowledge(left, first);
          await acknowledge(right, second);
        });
      });
    },
  },
  {
    name: 'a consumer that vanished gives its share back, marked redelivered, and what it acknowledged is gone',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (sender) => {
        await say(sender, queue, ['done', 'held 1', LARGE]);
        const victim = await doomed(place.open);
        await consume(victim, queue);
        const got = [await message(victim), await message(victim), await message(victim)];
        const [done] = got;
        if (done !== undefined) await acknowledge(victim, done);
        victim.cut();
        await withStomp(place.open, async (heir) => {
          await consume(heir, queue);
          const again = [await message(heir), await message(heir)];
          deepEqual(
            again.map(({ body, headers }) => [body, headers['redelivered']]),
            [
              ['held 1', 'true'],
              [LARGE, 'true'],
            ],
          );
          for (const one of again) await acknowledge(heir, one);
        });
      });
    },
  },
  {
    name: 'ack:client settles all before it, a NACK brings one again',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (reader) => {
        await consume(reader, queue, { ack: 'client' });
        await withStomp(place.open, (sender) => say(sender, queue, ['1', '2', '3']));
        const [, second, third] = [
          await message(reader),
          await message(reader),
          await message(reader),
        ];
        if (second !== undefined) await acknowledge(reader, second);
        reader.send('NACK', { id: third?.headers['ack'] ?? '' });
        const again = await message(reader);
        deepEqual([again.body, again.headers['redelivered']], ['3', 'true']);
        await settled(reader, 'UNSUBSCRIBE', { id: 'work' });
        await withStomp(place.open, async (heir) => {
          await consume(heir, queue, { ack: 'auto' });
          equal((await message(heir)).body, '3');
        });
      });
    },
  },
  {
    name: 'NACK with requeue:false leads to the dead letters, with the reason',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (reader) => {
        await consume(reader, queue);
        await withStomp(place.open, (sender) => say(sender, queue, ['poison']));
        const { headers } = await message(reader);
        await settled(reader, 'NACK', { id: headers['ack'] ?? '', requeue: 'false' });
        const graves = queue.replace('/queue/', '/queue/dead.');
        reader.send('SUBSCRIBE', { id: 'graves', destination: graves, ack: 'auto' });
        const dead = await message(reader);
        equal(dead.body, 'poison');
        deepEqual([dead.headers['dead-reason'], dead.headers['dead-queue']], ['refused', queue]);
      });
    },
  },
  {
    name: 'priority goes first, a delay holds back, and a life that has ended leads to the dead letters',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (sender) => {
        const send = (body: string, more: Wish = {}) =>
          settled(sender, 'SEND', { destination: queue, ...more }, body);
        await send('dead', { expiration: '1' });
        await send('later', { 'x-delay': '2000' });
        await send('plain');
        await send('urgent', { priority: '9' });
        await withStomp(place.open, async (reader) => {
          const graves = queue.replace('/queue/', '/queue/dead.');
          await settled(reader, 'SUBSCRIBE', { id: 'graves', destination: graves, ack: 'auto' });
          reader.send('SUBSCRIBE', { id: 'work', destination: queue, ack: 'auto' });
          const heard: Frame[] = [];
          while (heard.length < 4) {
            const frame = await reader.frame();
            if (frame.command === 'MESSAGE') heard.push(frame);
          }
          const of = (id: string) =>
            heard.filter(({ headers }) => headers['subscription'] === id).map(({ body }) => body);
          deepEqual(of('work'), ['urgent', 'plain', 'later']);
          deepEqual(of('graves'), ['dead']);
          equal(heard.find(({ body }) => body === 'dead')?.headers['dead-reason'], 'expired');
        });
      });
    },
  },
  {
    name: 'a request is answered through a temporary queue, which is its owner’s alone',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (server) => {
        await consume(server, queue, { ack: 'auto' });
        await withStomp(place.open, async (client) => {
          const asked = { 'reply-to': '/temp-queue/answers', 'correlation-id': '7' };
          client.send('SEND', { destination: queue, ...asked }, 'question');
          const { headers } = await message(server);
          const address = headers['reply-to'] ?? '';
          match(address, /^\/temp-queue\/.+/);
          ok(address !== '/temp-queue/answers');
          const more = { 'correlation-id': headers['correlation-id'] ?? '' };
          server.send('SEND', { destination: address, ...more }, 'answer');
          const answer = await message(client);
          equal(answer.body, 'answer');
          equal(answer.headers['subscription'], '/temp-queue/answers');
          equal(answer.headers['correlation-id'], '7');
        });
      });
    },
  },
  {
    name: 'a selector lets through what it fits, in queues and on topics',
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (picky) => {
        const selector = "color = 'red' AND weight > 2.5";
        await consume(picky, queue, { ack: 'auto', selector });
        await settled(picky, 'SUBSCRIBE', { id: 'topic', destination: place.topic, selector });
        await withStomp(place.open, async (sender) => {
          for (const destination of [queue, place.topic]) {
            await settled(sender, 'SEND', { destination, color: 'blue', weight: '3' }, 'no');
            await settled(sender, 'SEND', { destination, color: 'red', weight: '3' }, 'yes');
          }
        });
        const heard = [await message(picky), await message(picky)];
        deepEqual(
          heard.map(({ body }) => body),
          ['yes', 'yes'],
        );
        deepEqual(heard.map(({ headers }) => headers['subscription']).sort(), ['topic', 'work']);
      });
    },
  },
];

export const QUEUE_JOURNEYS: readonly Journey[] = journeys.map((one) => ({
  ...one,
  needs: 'queues',
}));
