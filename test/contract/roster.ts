/** The contract of the `Roster` port: who is in a room, as told to those who watch it. */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Membership } from '../../broker/model.ts';
import type { Clock, Roster } from '../../broker/ports.ts';
import { START, upwards } from './journal-world.ts';
import { rosterModel } from './roster-model.ts';
import type { ContractOptions } from './store.ts';

export interface RosterStage {
  readonly roster: Roster;
  readonly clock: Clock;
  readonly limits: Limits;
  pass(milliseconds: number): void;
  /** All members of `/room/x`, with the sessions of each. */
  list(room?: string): Promise<Readonly<Record<string, readonly string[]>>>;
}

/** Makes one that is empty. */
export type MakeRoster = (world: { readonly clock: Clock; readonly limits: Limits }) => Promise<{
  readonly roster: Roster;
  close(): Promise<void>;
}>;

export function onRoster(
  make: MakeRoster,
  body: (stage: RosterStage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    let now = START;
    const world = { clock: { now: () => now }, limits: LIMITS };
    const { roster, close } = await make(world);
    const pass = (milliseconds: number): void => {
      now += milliseconds;
    };
    const list = async (room = ROOM) => {
      const members = await roster.members(room, undefined, 1000);
      return Object.fromEntries(
        members.map(({ member, sessions }) => [member, [...sessions].sort()]),
      );
    };
    try {
      await body({ ...world, roster, pass, list });
    } finally {
      await close();
    }
  };
}

export const ROOM = '/room/x';

/** `member/connection/subscription`, the latter two `1` where left out. */
export function there(path: string, stamp = '1'): Membership {
  const [member = '', connection = '1', subscriptionId = '1'] = path.split('/');
  const session = `${member}-${connection}`;
  return { connectionId: `c-${session}`, subscriptionId, stamp, session, member };
}

export function rosterContract(
  name: string,
  make: MakeRoster,
  { runs = 100, seed = 20_240_229 }: ContractOptions = {},
): void {
  describe(`${name} keeps the roster's promises`, () => {
    comingAndGoing(make);
    grace(make);
    repeats(make);
    listing(make);
    sideBySide(make);
    rosterModel(make, { runs, seed });
  });
}

function comingAndGoing(make: MakeRoster): void {
  test(
    'the first subscription of a member enters, the last one leaves',
    onRoster(make, async ({ roster, list }) => {
      expect(await roster.enter(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.enter(ROOM, there('ann/2'), 'm2')).toBe('present');
      expect(await roster.enter(ROOM, there('ann/2/2'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-1', 'ann-2'] });
      expect(await roster.leave(ROOM, there('ann'), 'm4')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
      expect(await roster.leave(ROOM, there('ann/2'), 'm5')).toBe('present');
      expect(await roster.leave(ROOM, there('ann/2/2'), 'm6')).toBe('left');
      expect(await list()).toEqual({});
      expect(await roster.enter(ROOM, there('ann'), 'm7')).toBe('entered');
    }),
  );

  test(
    'an entrance is recalled by its mark as it was answered, and only while it stands',
    onRoster(make, async ({ roster, list }) => {
      expect(await roster.recall(ROOM, there('ann'), 'm1')).toBe('present');
      expect(await list()).toEqual({});
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.enter(ROOM, there('ann/2'), 'm2');
      expect(await roster.recall(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.recall(ROOM, there('ann/2'), 'm2')).toBe('present');
      await roster.leave(ROOM, there('ann'), 'm3');
      expect(await roster.recall(ROOM, there('ann'), 'm1')).toBe('present');
    }),
  );

  test(
    'members and rooms are apart',
    onRoster(make, async ({ roster, list }) => {
      expect(await roster.enter(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.enter(ROOM, there('ben'), 'm2')).toBe('entered');
      expect(await roster.enter('/room/x.y', there('ann'), 'm3')).toBe('entered');
      expect(await roster.leave(ROOM, there('ann'), 'm4')).toBe('left');
      expect(await list()).toEqual({ ben: ['ben-1'] });
      expect(await list('/room/x.y')).toEqual({ ann: ['ann-1'] });
      expect(await list('/room/nobody')).toEqual({});
    }),
  );

  test(
    'who is not there cannot leave, and a leave of another SUBSCRIBE than stands is none',
    onRoster(make, async ({ roster, list }) => {
      expect(await roster.leave(ROOM, there('ann'), 'm1')).toBe('present');
      expect(await list()).toEqual({});
      await roster.enter(ROOM, there('ann', '5'), 'm2');
      expect(await roster.leave(ROOM, there('ann', '4'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-1'] });
      expect(await roster.leave(ROOM, there('ann', '5'), 'm4')).toBe('left');
    }),
  );
}

function grace(make: MakeRoster): void {
  test(
    'a lost member stays until its grace is over',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.fade(ROOM, there('ann'), 'm2');
      expect(await list()).toEqual({ ann: ['ann-1'] });
      expect(await roster.gone(ROOM, there('ann'), 'm2')).toBe('left');
      expect(await list()).toEqual({});
    }),
  );

  test(
    'who comes back within its grace never left',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.fade(ROOM, there('ann'), 'm2');
      expect(await roster.enter(ROOM, there('ann/2'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
      expect(await roster.gone(ROOM, there('ann'), 'm2')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
      expect(await roster.leave(ROOM, there('ann/2'), 'm4')).toBe('left');
    }),
  );

  test(
    'a grace is ended by its own mark alone',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      expect(await roster.gone(ROOM, there('ann'), 'm0')).toBe('present');
      await roster.fade(ROOM, there('ann'), 'm2');
      expect(await roster.gone(ROOM, there('ann'), 'm1')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-1'] });
      // The same subscription, once more: its first loss no longer counts.
      await roster.enter(ROOM, there('ann', '2'), 'm3');
      expect(await roster.gone(ROOM, there('ann'), 'm2')).toBe('present');
      await roster.fade(ROOM, there('ann', '2'), 'm4');
      expect(await roster.gone(ROOM, there('ann', '2'), 'm4')).toBe('left');
    }),
  );

  test(
    'one of two lost subscriptions at the end of its grace leaves the other to its own',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.enter(ROOM, there('ann/2'), 'm2');
      await roster.fade(ROOM, there('ann'), 'm3');
      await roster.fade(ROOM, there('ann/2'), 'm4');
      expect(await roster.gone(ROOM, there('ann'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
      expect(await roster.gone(ROOM, there('ann/2'), 'm4')).toBe('left');
    }),
  );

  test(
    'who is not there cannot fade, nor one of another SUBSCRIBE than stands',
    onRoster(make, async ({ roster, list }) => {
      await roster.fade(ROOM, there('ann'), 'm1');
      expect(await roster.gone(ROOM, there('ann'), 'm1')).toBe('present');
      await roster.enter(ROOM, there('ann', '5'), 'm2');
      await roster.fade(ROOM, there('ann', '4'), 'm3');
      expect(await roster.gone(ROOM, there('ann', '4'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-1'] });
    }),
  );
}

function repeats(make: MakeRoster): void {
  test(
    'an enter repeated answers as the first did',
    onRoster(make, async ({ roster, list }) => {
      expect(await roster.enter(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.enter(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.enter(ROOM, there('ann/2'), 'm2')).toBe('present');
      expect(await roster.enter(ROOM, there('ann'), 'm1')).toBe('entered');
      expect(await roster.enter(ROOM, there('ann/2'), 'm2')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-1', 'ann-2'] });
    }),
  );

  test(
    'who came back within its grace is present again when that is repeated',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.fade(ROOM, there('ann'), 'm2');
      expect(await roster.enter(ROOM, there('ann/2'), 'm3')).toBe('present');
      expect(await roster.enter(ROOM, there('ann/2'), 'm3')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
    }),
  );

  test(
    'a leave and an end of grace repeated answer as the first did',
    onRoster(make, async ({ roster, list }) => {
      await roster.enter(ROOM, there('ann'), 'm1');
      await roster.enter(ROOM, there('ann/2'), 'm2');
      for (const _ of ['once', 'again']) {
        expect(await roster.leave(ROOM, there('ann'), 'm3')).toBe('present');
      }
      for (const _ of ['once', 'again']) await roster.fade(ROOM, there('ann/2'), 'm4');
      for (const _ of ['once', 'again']) {
        expect(await roster.gone(ROOM, there('ann/2'), 'm4')).toBe('left');
      }
      await roster.enter(ROOM, there('ben'), 'm5');
      for (const _ of ['once', 'again']) {
        expect(await roster.leave(ROOM, there('ben'), 'm6')).toBe('left');
      }
      expect(await list()).toEqual({});
    }),
  );

  test(
    'a whole stretch repeated tells again what is so in the end',
    onRoster(make, async ({ roster, list }) => {
      const stretch = async () => [
        await roster.enter(ROOM, there('ann'), 'm1'),
        await roster.fade(ROOM, there('ann'), 'm2'),
        await roster.enter(ROOM, there('ann/2'), 'm3'),
        await roster.enter(ROOM, there('ben'), 'm4'),
        await roster.leave(ROOM, there('ben'), 'm5'),
      ];
      const first = await stretch();
      expect(first).toEqual(['entered', undefined, 'present', 'entered', 'left']);
      expect(await stretch()).toEqual(first);
      // The loss is told again too, and so is the end of its grace.
      expect(await roster.gone(ROOM, there('ann'), 'm2')).toBe('present');
      expect(await list()).toEqual({ ann: ['ann-2'] });
    }),
  );
}

function listing(make: MakeRoster): void {
  test(
    'members are listed each once, in order of their names, page after page',
    onRoster(make, async ({ roster }) => {
      const names = upwards(10, 34).map((n) => `member ${n}`);
      for (const name of [...names].reverse()) {
        await roster.enter(ROOM, there(name), `in-${name}`);
        await roster.enter(ROOM, there(`${name}/2`), `in-${name}-2`);
      }
      await roster.leave(ROOM, there('member 12'), 'out-1');
      await roster.leave(ROOM, there('member 12/2'), 'out-2');
      const left = names.filter((name) => name !== 'member 12');
      for (const most of [1, 7, 24, 100]) {
        const found: string[] = [];
        for (;;) {
          const page = await roster.members(ROOM, found.at(-1), most);
          found.push(...page.map(({ member }) => member));
          if (page.length < most) break;
        }
        expect([most, found]).toEqual([most, left]);
      }
      expect(await roster.members(ROOM, 'member 33', 100)).toEqual([
        { member: 'member 34', sessions: expect.arrayContaining(['member 34-1', 'member 34-2']) },
      ]);
      expect(await roster.members(ROOM, 'member 34', 100)).toEqual([]);
    }),
    20_000,
  );

  test(
    'a name after which a page begins need not be there any more',
    onRoster(make, async ({ roster }) => {
      for (const name of ['ann', 'ben', 'cyd']) await roster.enter(ROOM, there(name), name);
      await roster.leave(ROOM, there('ben'), 'm');
      const page = await roster.members(ROOM, 'ben', 10);
      expect(page.map(({ member }) => member)).toEqual(['cyd']);
      const between = await roster.members(ROOM, 'annabel', 10);
      expect(between.map(({ member }) => member)).toEqual(['cyd']);
    }),
  );

  test(
    'a name is any text, and a session is named once however often it subscribed',
    onRoster(make, async ({ roster, list }) => {
      for (const name of ['x#y', 'ü 東京', 'M'.repeat(128), ' ']) {
        expect(await roster.enter(ROOM, there(name), `1${name}`)).toBe('entered');
        expect(await roster.enter(ROOM, there(`${name}/1/2`), `2${name}`)).toBe('present');
      }
      const listed = await list();
      expect(Object.keys(listed)).toHaveLength(4);
      expect(listed['ü 東京']).toEqual(['ü 東京-1']);
    }),
  );
}

function sideBySide(make: MakeRoster): void {
  test(
    'changes of one member side by side lose none: one of them enters, one leaves',
    onRoster(make, async ({ roster, list }) => {
      const all = upwards(1, 8);
      const came = await Promise.all(
        all.map((n) => roster.enter(ROOM, there(`ann/${n}`), `in-${n}`)),
      );
      expect(came.filter((answer) => answer === 'entered')).toHaveLength(1);
      expect((await list())['ann']).toHaveLength(8);
      const went = await Promise.all(
        all.map((n) => roster.leave(ROOM, there(`ann/${n}`), `out-${n}`)),
      );
      expect(went.filter((answer) => answer === 'left')).toHaveLength(1);
      expect(await list()).toEqual({});
    }),
  );
}
