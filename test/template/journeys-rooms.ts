/** Journeys about rooms: order, history, resuming, and who is there. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type Journey, type Place, settled, withStomp } from './journey.ts';
import type { Frame, Peer } from './stomp-client.ts';

/** `/topic/name` of this journey as a room. */
function roomOf({ topic }: Place): string {
  return topic.replace('/topic/', '/room/');
}

/** Joins and returns the RECEIPT; `headers` may ask for the past. */
async function join(
  peer: Peer,
  destination: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Frame> {
  peer.send('SUBSCRIBE', { id: 'member', destination, receipt: 'joined', ...headers });
  const receipt = await peer.frame();
  equal(receipt.command, 'RECEIPT', receipt.headers['message']);
  match(receipt.headers['position'] ?? '', /^[^:]+:\d+$/);
  return receipt;
}

async function say(peer: Peer, destination: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await settled(peer, 'SEND', { destination }, body);
}

async function frames(peer: Peer, count: number): Promise<readonly Frame[]> {
  const got: Frame[] = [];
  while (got.length < count) got.push(await peer.frame());
  return got;
}

const LARGE = 20_000;

const journeys: readonly Omit<Journey, 'needs'>[] = [
  {
    name: 'all members of a room hear one sequence without a hole',
    run: async (place) => {
      const room = roomOf(place);
      await withStomp(place.open, async (one) => {
        await join(one, room);
        await withStomp(place.open, async (two) => {
          await join(two, room);
          await withStomp(place.open, (sender) => say(sender, room, ['a', 'b', 'c', 'd', 'e']));
          const heard = await frames(one, 5);
          deepEqual(
            heard.map(({ body }) => body),
            ['a', 'b', 'c', 'd', 'e'],
          );
          const seqs = heard.map(({ headers }) => Number(headers['seq']));
          deepEqual(
            seqs,
            seqs.map((_, index) => (seqs[0] ?? 0) + index),
          );
          const ids = (await frames(two, 5)).map(({ headers }) => headers['message-id']);
          deepEqual(
            ids,
            heard.map(({ headers }) => headers['message-id']),
          );
        });
      });
    },
  },
  {
    name: 'who joins a room may ask for the last messages, large ones too',
    run: async (place) => {
      const room = roomOf(place);
      const large = 'l'.repeat(LARGE);
      await withStomp(place.open, (sender) => say(sender, room, ['one', 'two', large]));
      await withStomp(place.open, async (late) => {
        await join(late, room, { last: '2' });
        deepEqual(
          (await frames(late, 2)).map(({ body }) => body),
          ['two', large],
        );
      });
    },
  },
  {
    name: 'who comes back with since gets what was missed, and then what is new',
    run: async (place) => {
      const room = roomOf(place);
      let position = '';
      await withStomp(place.open, async (member) => {
        await join(member, room);
        await withStomp(place.open, (sender) => say(sender, room, ['heard']));
        const { headers } = await member.frame();
        position = `${headers['epoch']}:${headers['seq']}`;
      });
      await withStomp(place.open, async (sender) => {
        await say(sender, room, ['missed 1', 'missed 2']);
        await withStomp(place.open, async (member) => {
          const { headers } = await join(member, room, { since: position });
          equal(headers['recovered'], 'true');
          await say(sender, room, ['new']);
          deepEqual(
            (await frames(member, 3)).map(({ body }) => body),
            ['missed 1', 'missed 2', 'new'],
          );
        });
      });
    },
  },
  {
    name: 'a publish id that is sent twice is stored once',
    run: async (place) => {
      const destination = roomOf(place);
      await withStomp(place.open, async (member) => {
        await join(member, destination);
        await withStomp(place.open, async (sender) => {
          const once = { destination, 'publish-id': 'id-1' };
          await settled(sender, 'SEND', once, 'once');
          await settled(sender, 'SEND', once, 'once');
          await settled(sender, 'SEND', { destination }, 'after');
        });
        deepEqual(
          (await frames(member, 2)).map(({ body }) => body),
          ['once', 'after'],
        );
      });
    },
  },
  {
    name: 'who watches a room hears who is there, who joins and who leaves',
    run: async (place) => {
      const room = roomOf(place);
      await withStomp(place.open, async (eye) => {
        await settled(eye, 'SUBSCRIBE', { id: 'eye', destination: `/presence${room}` });
        const kind = async () => (await eye.frame()).headers['presence'];
        equal(await kind(), 'members');
        await withStomp(place.open, async (member) => {
          await join(member, room);
          equal(await kind(), 'join');
          await settled(member, 'DISCONNECT', {});
          equal(await kind(), 'leave');
        });
      });
    },
  },
  {
    name: 'who comes back from nowhere is told recovered:false, gets nothing old, and all that is new',
    run: async (place) => {
      const room = roomOf(place);
      await withStomp(place.open, async (sender) => {
        await say(sender, room, ['old 1', 'old 2']);
        await withStomp(place.open, async (member) => {
          const { headers } = await join(member, room, { since: 'nosuchepoch:1' });
          equal(headers['recovered'], 'false');
          await say(sender, room, ['new']);
          equal((await member.frame()).body, 'new');
        });
      });
    },
  },
  {
    name: 'except:self spares the sender, and to: reaches the named alone',
    run: async (place) => {
      const destination = roomOf(place);
      await withStomp(place.open, async (one, { headers }) => {
        await join(one, destination);
        await withStomp(place.open, async (two) => {
          await join(two, destination);
          one.send('SEND', { destination, except: 'self' }, 'for two');
          two.send('SEND', { destination, to: headers['session'] ?? '' }, 'for one');
          equal((await two.frame()).body, 'for two');
          equal((await one.frame()).body, 'for one');
        });
      });
    },
  },
  {
    name: 'a member that vanished is a leave once its grace is over, and a reload is none',
    run: async (place) => {
      const room = roomOf(place);
      const connected = async (name: string) => {
        const peer = await place.open(['v12.stomp']);
        peer.send('CONNECT', { 'accept-version': '1.2', host: 'h', 'client-id': name });
        await peer.frame();
        return peer;
      };
      const enter = async (name: string) => {
        const peer = await connected(name);
        await join(peer, room);
        return peer;
      };
      await withStomp(place.open, async (eye) => {
        await settled(eye, 'SUBSCRIBE', { id: 'eye', destination: `/presence${room}` });
        equal((await eye.frame()).headers['presence'], 'members');
        // Where identity is configured, and guests are let in, a guest's name bears a `~`.
        const event = async () => JSON.parse((await eye.frame(30_000)).body.replaceAll('"~', '"'));
        const ann = await enter('ann');
        // Of the grace nothing is lost to a handshake: how long it takes is not what this is about.
        const back = await connected('ann');
        ann.cut();
        await join(back, room);
        equal((await event()).join.member, 'ann');
        (await enter('bob')).cut();
        equal((await event()).join.member, 'bob');
        equal((await event()).leave.member, 'bob');
        back.cut();
        equal((await event()).leave.member, 'ann');
      });
    },
  },
  {
    name: 'a burst into a room keeps its order and loses nothing',
    needsOrder: true,
    run: async (place) => {
      const destination = roomOf(place);
      const bodies = Array.from({ length: 100 }, (_, index) => `m${index}`);
      await withStomp(place.open, async (member) => {
        await join(member, destination);
        await withStomp(place.open, async (sender) => {
          for (const body of bodies) sender.send('SEND', { destination }, body);
          const heard = await frames(member, bodies.length);
          deepEqual(
            heard.map(({ body }) => body),
            bodies,
          );
          ok(Number(heard.at(-1)?.headers['seq']) >= bodies.length);
        });
      });
    },
  },
];

export const ROOM_JOURNEYS: readonly Journey[] = journeys.map((one) => ({
  ...one,
  needs: 'rooms',
}));

/** Whether the broker serves what some journeys are about at all. */
export async function serves(what: 'rooms' | 'queues', place: Place): Promise<boolean> {
  const peer = await place.open(['v12.stomp']);
  const destination = what === 'rooms' ? roomOf(place) : place.topic.replace('/topic/', '/queue/');
  try {
    peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
    if ((await peer.frame()).command !== 'CONNECTED') return true;
    peer.send('SUBSCRIBE', { id: 'probe', destination, receipt: 'probe' });
    return (await peer.frame()).headers['code'] !== 'not-supported';
  } catch {
    // Something else is wrong, and the journeys shall say what.
    return true;
  } finally {
    peer.close();
  }
}
