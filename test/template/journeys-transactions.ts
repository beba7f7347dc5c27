/** Journeys about what keeps across frames and connections: transactions, durable subscriptions. */
import { deepEqual, equal } from 'node:assert/strict';
import { type Journey, settled, withStomp } from './journey.ts';
import { acknowledge, consume, doomed, message, queueOf, say } from './journeys-queues.ts';

const journeys: readonly Omit<Journey, 'needs'>[] = [
  {
    name: 'COMMIT does all of a transaction, ABORT none of it',
    needsOrder: true,
    run: async (place) => {
      const [queue, room] = [queueOf(place), place.topic.replace('/topic/', '/room/')];
      await withStomp(place.open, async (reader) => {
        await consume(reader, queue, { ack: 'auto' });
        await settled(reader, 'SUBSCRIBE', { id: 'room', destination: room });
        await withStomp(place.open, async (writer) => {
          for (const [transaction, end] of [
            ['dropped', 'ABORT'],
            ['kept', 'COMMIT'],
          ] as const) {
            await settled(writer, 'BEGIN', { transaction });
            for (const destination of [queue, room]) {
              await settled(writer, 'SEND', { destination, transaction }, transaction);
            }
            if (end === 'COMMIT') await say(writer, queue, ['outside']);
            await settled(writer, end, { transaction });
          }
        });
        const heard = [await message(reader), await message(reader), await message(reader)];
        const of = (id: string) =>
          heard.filter(({ headers }) => headers['subscription'] === id).map(({ body }) => body);
        deepEqual(of('work'), ['outside', 'kept']);
        deepEqual(of('room'), ['kept']);
      });
    },
  },
  {
    name: 'an ACK inside a transaction counts with its COMMIT',
    needsOrder: true,
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, (sender) => say(sender, queue, ['committed', 'aborted']));
      const victim = await doomed(place.open);
      await consume(victim, queue);
      const got = [await message(victim), await message(victim)];
      for (const [index, end] of ['COMMIT', 'ABORT'].entries()) {
        const transaction = `t${index}`;
        await settled(victim, 'BEGIN', { transaction });
        const one = got[index];
        if (one !== undefined) await acknowledge(victim, one, { transaction });
        await settled(victim, end, { transaction });
      }
      victim.cut();
      await withStomp(place.open, async (heir) => {
        await consume(heir, queue);
        equal((await message(heir)).body, 'aborted');
      });
    },
  },
  {
    name: 'a durable subscription hears what came while its client was away',
    run: async (place) => {
      const destination = place.topic.replace('/topic/', '/room/');
      const client = `client-${place.topic.split('-').at(-1)}`;
      const enter = async () => {
        const peer = await place.open(['v12.stomp']);
        peer.send('CONNECT', { 'accept-version': '1.2', host: 'h', 'client-id': client });
        equal((await peer.frame()).command, 'CONNECTED');
        await settled(peer, 'SUBSCRIBE', { id: 'durable', destination, durable: 'true' });
        return peer;
      };
      await withStomp(place.open, async (sender) => {
        const before = await enter();
        await say(sender, destination, ['heard']);
        equal((await message(before)).body, 'heard');
        await settled(before, 'DISCONNECT', {});
        await before.closed();
        await say(sender, destination, ['missed 1', 'missed 2']);
        const after = await enter();
        equal((await message(after)).body, 'missed 1');
        equal((await message(after)).body, 'missed 2');
        await settled(after, 'UNSUBSCRIBE', { id: 'durable', durable: 'true' });
        after.close();
      });
    },
  },
  {
    name: 'with ack:client a durable subscription hears again what it did not acknowledge, and nothing once given up',
    run: async (place) => {
      const destination = place.topic.replace('/topic/', '/room/');
      const client = `client-${place.topic.split('-').at(-1)}`;
      const enter = async () => {
        const peer = await place.open(['v12.stomp']);
        peer.send('CONNECT', { 'accept-version': '1.2', host: 'h', 'client-id': client });
        equal((await peer.frame()).command, 'CONNECTED');
        const wish = { ack: 'client', durable: 'true' };
        await settled(peer, 'SUBSCRIBE', { id: 'durable', destination, ...wish });
        return peer;
      };
      await withStomp(place.open, async (sender) => {
        const before = await enter();
        await say(sender, destination, ['1', '2', '3']);
        const got = [await message(before), await message(before), await message(before)];
        const [, second] = got;
        if (second !== undefined) await acknowledge(before, second);
        before.cut();
        const after = await enter();
        equal((await message(after)).body, '3');
        await settled(after, 'UNSUBSCRIBE', { id: 'durable', durable: 'true' });
        await say(sender, destination, ['unheard']);
        after.close();
        const anew = await enter();
        await say(sender, destination, ['4']);
        equal((await message(anew)).body, '4');
        await settled(anew, 'UNSUBSCRIBE', { id: 'durable', durable: 'true' });
        anew.close();
      });
    },
  },
  {
    name: 'a NACK inside a transaction brings its message again, and a lost connection drops what it began',
    needsOrder: true,
    run: async (place) => {
      const queue = queueOf(place);
      await withStomp(place.open, async (sender) => {
        await say(sender, queue, ['again']);
        const victim = await doomed(place.open);
        await consume(victim, queue);
        const first = await message(victim);
        await settled(victim, 'BEGIN', { transaction: 'back' });
        const named = { id: first.headers['ack'] ?? '' };
        await settled(victim, 'NACK', { ...named, transaction: 'back' });
        await settled(victim, 'COMMIT', { transaction: 'back' });
        const second = await message(victim);
        deepEqual([second.body, second.headers['redelivered']], ['again', 'true']);
        await settled(victim, 'BEGIN', { transaction: 'lost' });
        await acknowledge(victim, second, { transaction: 'lost' });
        const inside = { destination: queue, transaction: 'lost' };
        await settled(victim, 'SEND', inside, 'never');
        victim.cut();
        await withStomp(place.open, async (heir) => {
          await consume(heir, queue);
          equal((await message(heir)).body, 'again');
          await say(sender, queue, ['end']);
          equal((await message(heir)).body, 'end');
        });
      });
    },
  },
];

export const TRANSACTION_JOURNEYS: readonly Journey[] = journeys.map((one) => ({
  ...one,
  needs: 'queues',
}));
