/** Durable subscriptions over a store's own shelves: positions kept, moved, listed and given up. */
import { durablesOf, openDurables } from '../../broker/durable.ts';
import { LIMITS } from '../../broker/limits.ts';
import { START } from './journal-world.ts';
import type { MakeShelf } from './shelf.ts';

const EPOCH = 'e';
const DAY = 24 * 3_600_000;

function membership(member: string, subscriptionId = 'd', connectionId = `c-${member}`) {
  return { connectionId, subscriptionId, stamp: '1', session: 's', member };
}

const at = (seq: number, revision = seq) => ({ epoch: EPOCH, seq, revision });
const position = (seq: number) => ({ epoch: EPOCH, seq });
const ackOf = (member: string, seq: number) => ({
  type: 'ack' as const,
  connectionId: `c-${member}`,
  subscriptionId: 'd',
  id: `s${seq}-ZA`,
  requeue: true,
});

export function durablesContract(name: string, make: MakeShelf): void {
  const onShelf =
    (body: (stage: Awaited<ReturnType<typeof stageOf>>) => Promise<void>) => async () => {
      const stage = await stageOf(make);
      try {
        await body(stage);
      } finally {
        await stage.close();
      }
    };

  describe(`${name} keeps durable subscriptions`, () => {
    test(
      'a position is kept from its beginning, moves, and is listed under its client alone',
      onShelf(async ({ open, list }) => {
        const room = await open('/room/a');
        expect(await room.listen(membership('ann'), 'auto', position(3), at(3))).toBeUndefined();
        await room.listen(membership('bob'), 'client', position(3), at(3));
        await room.begin();
        expect(await list('ann')).toEqual(['/room/a d e:3']);
        room.posted(at(7), new Set(['c-ann\nd', 'c-bob\nd']));
        await room.acknowledge(ackOf('bob', 5), EPOCH);
        expect(await room.save()).toBe(true);
        expect(await list('ann')).toEqual(['/room/a d e:7']);
        expect(await list('bob')).toEqual(['/room/a d e:5']);
        const late = await open('/room/a');
        await late.acknowledge(ackOf('bob', 4), EPOCH);
        await late.save();
        expect(await list('bob')).toEqual(['/room/a d e:5']);
        expect(await list('an')).toEqual([]);
        const again = await open('/room/a');
        expect(
          await again.listen(membership('ann', 'd', 'c2'), 'auto', position(9), at(9)),
        ).toEqual(position(7));
      }),
    );

    test(
      'all of one client are listed, by destination; what is given up is not',
      onShelf(async ({ open, list }) => {
        for (const log of ['/room/b', '/room/a', '/topic/news']) {
          const durables = await open(log);
          for (const id of ['1', '2']) {
            await durables.listen(membership('ann', id, `c${id}`), 'auto', position(1), at(1));
          }
          await durables.save();
        }
        const room = await open('/room/a');
        room.forget(membership('ann', '1', 'c1'), true);
        room.forget(membership('ann', '2', 'c2'), false);
        expect(await room.save()).toBe(false);
        expect(await list('ann')).toEqual([
          '/room/a 2 e:1',
          '/room/b 1 e:1',
          '/room/b 2 e:1',
          '/topic/news 1 e:1',
          '/topic/news 2 e:1',
        ]);
      }),
    );

    test(
      'a client away for long is forgotten; coming back, even to silence, renews its time',
      onShelf(async ({ open, list, pass }) => {
        const room = await open('/room/a');
        for (const who of ['ann', 'bob'])
          await room.listen(membership(who), 'client', position(1), at(1));
        await room.save();
        pass(20 * DAY);
        const later = await open('/room/a');
        expect(await later.listen(membership('ann'), 'client', position(1), at(1))).toEqual(
          position(1),
        );
        await later.save();
        pass(20 * DAY);
        expect(await list('ann')).toEqual(['/room/a d e:1']);
        expect(await list('bob')).toEqual([]);
      }),
    );

    test(
      'who a run that died had let in further on in the log is not moved by what comes before',
      onShelf(async ({ open, list }) => {
        const died = await open('/room/a');
        await died.listen(membership('ann'), 'auto', position(3), at(3, 9));
        await died.begin();
        const half = await open('/room/a');
        half.posted(at(5, 8), new Set(['c-ann\nd']));
        await half.save();
        expect(await list('ann')).toEqual(['/room/a d e:3']);
      }),
    );

    test(
      'what was acknowledged in the run in which its client comes back counts',
      onShelf(async ({ open }) => {
        const room = await open('/room/a');
        await room.listen(membership('ann'), 'client', position(1), at(1));
        await room.save();
        const later = await open('/room/a');
        await later.acknowledge(ackOf('ann', 4), EPOCH);
        later.forget(membership('ann'), false);
        const found = later.listen(membership('ann', 'd', 'c2'), 'client', position(7), at(7));
        expect(await found).toEqual(position(4));
      }),
    );

    test(
      'what is given up and taken up again in one run begins anew',
      onShelf(async ({ open }) => {
        const before = await open('/room/a');
        await before.listen(membership('ann'), 'client', position(1), at(1));
        await before.save();
        const room = await open('/room/a');
        room.forget(membership('ann'), true);
        const found = room.listen(membership('ann', 'd', 'c2'), 'client', position(7), at(7));
        expect(await found).toBeUndefined();
      }),
    );

    test(
      'many that moved together are one write of their log’s shelf, and nothing is read for it',
      onShelf(async ({ open, calls }) => {
        const room = await open('/room/a');
        const who = Array.from({ length: 40 }, (_, n) => `m${n}`);
        for (const one of who) await room.listen(membership(one), 'auto', position(0), at(0));
        await room.begin();
        calls.length = 0;
        room.posted(at(1), new Set(who.map((one) => `c-${one}\nd`)));
        await room.save();
        expect(calls).toEqual(['write durable positions in /room/a']);
        await room.save();
        expect(calls).toHaveLength(1);
      }),
    );
  });
}

async function stageOf(make: MakeShelf) {
  let now = START;
  const clock = { now: () => now };
  const { shelf, close } = await make(clock);
  const calls: string[] = [];
  const noted: typeof shelf = {
    read(name, range) {
      calls.push(`read ${name}`);
      return shelf.read(name, range);
    },
    write(name, changes, expiresAt) {
      calls.push(`write ${name}`);
      return shelf.write(name, changes, expiresAt);
    },
  };
  const ports = { clock, limits: LIMITS };
  return {
    close,
    calls,
    pass(milliseconds: number) {
      now += milliseconds;
    },
    open: (log: string) => openDurables(log, ports, { shelf: noted }),
    async list(client: string) {
      const all = await durablesOf(client, ports, { shelf });
      return all.map(
        ({ destination, subscriptionId, position: { epoch, seq } }) =>
          `${destination} ${subscriptionId} ${epoch}:${seq}`,
      );
    },
  };
}
