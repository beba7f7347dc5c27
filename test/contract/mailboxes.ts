/**
 * The contract of the `Mailboxes` port: every adapter runs it. Black box, with a clock that the
 * tests move; only waiting takes real time.
 */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Clock, Lease, Mailboxes } from '../../broker/ports.ts';

export interface OpenMailboxes {
  readonly mailboxes: Mailboxes;
  close(): Promise<void>;
}

export type MakeMailboxes = (world: {
  readonly clock: Clock;
  readonly limits: Limits;
}) => Promise<OpenMailboxes>;

/** The year 2033: a table's own clean-up, which reads the real clock, leaves the records alone. */
const START = 2_000_000_000_000;
const BYE = { code: 3000, reason: 'Bye' };
const NEVER = new AbortController().signal;

interface Stage {
  readonly mailboxes: Mailboxes;
  pass(milliseconds: number): void;
  lease(receiver: string): Lease;
  /** Opens session `s.a`, whose connection is `s.a.1`, received by `r`. */
  opened(): Promise<void>;
  taken(receiver: string): Promise<string>;
}

export function mailboxContract(name: string, make: MakeMailboxes): void {
  const on = (body: (stage: Stage) => Promise<void>) => async () => {
    let now = START;
    const limits = { ...LIMITS, mailboxBytesMax: 1000, mailboxPostsMax: 20 };
    const { mailboxes, close } = await make({ clock: { now: () => now }, limits });
    const lease = (receiver: string) => ({ receiver, until: now + 1000, expiresAt: now + 6000 });
    const stage: Stage = {
      mailboxes,
      lease,
      pass: (milliseconds) => {
        now += milliseconds;
      },
      opened: async () => {
        expect(await mailboxes.open('s.a', 's.a.1', lease('r'))).toBe('opened');
      },
      taken: async (receiver) => {
        const taken = await mailboxes.take('s.a', receiver);
        if (taken === 'lost') return 'lost';
        const texts = taken.posts.map((post) => Buffer.from(post).toString());
        return [...texts, ...(taken.closed ? [taken.closed.reason] : [])].join('|');
      },
    };
    try {
      await body(stage);
    } finally {
      await close();
    }
  };

  describe(`${name} keeps the mailboxes' promises`, () => {
    opening(on);
    receiving(on);
    ending(on);
    waiting(on);
  });
}

type On = (body: (stage: Stage) => Promise<void>) => () => Promise<void>;

const bytes = (text: string) => Buffer.from(text);

function opening(on: On): void {
  test(
    'a session is opened once, and is found by its name',
    on(async ({ mailboxes, opened, lease }) => {
      expect(await mailboxes.find('s.a')).toBeUndefined();
      await opened();
      expect(await mailboxes.open('s.a', 's.a.2', lease('other'))).toBe('exists');
      expect(await mailboxes.find('s.a')).toEqual({ connectionId: 's.a.1' });
      expect(await mailboxes.find('s.b')).toBeUndefined();
    }),
  );

  test(
    'of many that open at once, one does',
    on(async ({ mailboxes, lease }) => {
      const all = await Promise.all(
        Array.from({ length: 5 }, (_, n) => mailboxes.open('s.a', `s.a.${n}`, lease(`r${n}`))),
      );
      expect(all.filter((outcome) => outcome === 'opened')).toHaveLength(1);
    }),
  );

  test(
    'an expired session is unknown, and its name is free; its old connection is gone for good',
    on(async ({ mailboxes, opened, lease, pass, taken }) => {
      await opened();
      await mailboxes.append('s.a.1', [bytes('old')]);
      pass(6000);
      expect(await mailboxes.find('s.a')).toBeUndefined();
      expect(await mailboxes.append('s.a.1', [bytes('late')])).toBe('gone');
      expect(await mailboxes.receive('s.a', lease('r'))).toBe('unknown');
      expect(await taken('r')).toBe('lost');
      expect(await mailboxes.open('s.a', 's.a.2', lease('r'))).toBe('opened');
      expect(await mailboxes.append('s.a.1', [bytes('late')])).toBe('gone');
      expect(await mailboxes.close('s.a.1', BYE, START)).toBe(false);
      expect(await taken('r')).toBe('');
      expect(await mailboxes.append('s.a.2', [bytes('new')])).toBe('done');
      expect(await taken('r')).toBe('new');
    }),
  );
}

function receiving(on: On): void {
  test(
    'what is appended is taken once, in order, whole',
    on(async ({ mailboxes, opened, taken }) => {
      await opened();
      await mailboxes.append('s.a.1', [bytes('1'), bytes('2')]);
      await mailboxes.append('s.a.1', [bytes('3')]);
      expect(await taken('r')).toBe('1|2|3');
      expect(await taken('r')).toBe('');
      await mailboxes.append('s.a.1', [bytes('4')]);
      expect(await taken('r')).toBe('4');
    }),
  );

  test(
    'appends and takes side by side lose nothing and double nothing',
    on(async ({ mailboxes, opened }) => {
      await opened();
      const heard: string[] = [];
      const take = async () => {
        const taken = await mailboxes.take('s.a', 'r');
        if (taken !== 'lost')
          heard.push(...taken.posts.map((post) => Buffer.from(post).toString()));
      };
      for (let round = 0; round < 20; round++) {
        await Promise.all([
          mailboxes.append('s.a.1', [bytes(`${round}a`)]),
          take(),
          mailboxes.append('s.a.1', [bytes(`${round}b`)]),
          take(),
        ]);
      }
      await take();
      expect(heard).toHaveLength(40);
      expect(new Set(heard).size).toBe(40);
    }),
  );

  test(
    'one receiver at a time, until it lets go or its lease is over',
    on(async ({ mailboxes, opened, lease, pass, taken }) => {
      await opened();
      expect(await mailboxes.receive('s.a', lease('q'))).toBe('busy');
      expect(await taken('q')).toBe('lost');
      await mailboxes.release('s.a', 'r', START + 5000);
      expect(await mailboxes.receive('s.a', lease('q'))).toEqual({ connectionId: 's.a.1' });
      expect(await taken('r')).toBe('lost');
      pass(1001);
      expect(await mailboxes.receive('s.a', lease('p'))).toEqual({ connectionId: 's.a.1' });
      expect(await taken('q')).toBe('lost');
      expect(await taken('p')).toBe('');
    }),
  );

  test(
    'who has let go, or was never the receiver, cannot let go again',
    on(async ({ mailboxes, opened, lease }) => {
      await opened();
      await mailboxes.release('s.a', 'stranger', START);
      expect(await mailboxes.receive('s.a', lease('q'))).toBe('busy');
      await mailboxes.release('s.a', 'r', START + 5000);
      expect(await mailboxes.receive('s.a', lease('q'))).toMatchObject({ connectionId: 's.a.1' });
      await mailboxes.release('s.a', 'r', START);
      expect(await mailboxes.receive('s.a', lease('p'))).toBe('busy');
    }),
  );

  test(
    'released, it lives as long as said, and appends still reach it',
    on(async ({ mailboxes, opened, lease, pass, taken }) => {
      await opened();
      await mailboxes.release('s.a', 'r', START + 500);
      pass(499);
      expect(await mailboxes.append('s.a.1', [bytes('x')])).toBe('done');
      expect(await mailboxes.receive('s.a', lease('q'))).toMatchObject({ connectionId: 's.a.1' });
      pass(1000);
      expect(await taken('q')).toBe('x');
      await mailboxes.release('s.a', 'q', START + 1600);
      pass(101);
      expect(await mailboxes.find('s.a')).toBeUndefined();
    }),
  );

  test(
    'a mailbox is bounded in octets and in posts; what does not fit is not added in part',
    on(async ({ mailboxes, opened, taken }) => {
      await opened();
      const large = Buffer.alloc(600, 'x');
      expect(await mailboxes.append('s.a.1', [large])).toBe('done');
      expect(await mailboxes.append('s.a.1', [bytes('y'), large])).toBe('full');
      expect(await taken('r')).toBe(large.toString());
      const many = Array.from({ length: 21 }, () => bytes('z'));
      expect(await mailboxes.append('s.a.1', many)).toBe('full');
      expect(await mailboxes.append('s.a.1', many.slice(1))).toBe('done');
      expect(await mailboxes.append('s.a.1', [bytes('z')])).toBe('full');
      expect(await taken('r')).toHaveLength(39);
    }),
  );

  test(
    'posts keep every octet',
    on(async ({ mailboxes, opened }) => {
      await opened();
      const all = Uint8Array.from({ length: 256 }, (_, octet) => octet);
      await mailboxes.append('s.a.1', [all]);
      const taken = await mailboxes.take('s.a', 'r');
      if (taken === 'lost') throw new Error('lost');
      expect(Buffer.compare(taken.posts[0] ?? new Uint8Array(), all)).toBe(0);
    }),
  );
}

function ending(on: On): void {
  test(
    'a closed mailbox takes no more, gives what it has, then its reason, to anyone',
    on(async ({ mailboxes, opened, lease, taken }) => {
      await opened();
      await mailboxes.append('s.a.1', [bytes('last')]);
      expect(await mailboxes.close('s.a.1', BYE, START + 5000)).toBe(true);
      expect(await mailboxes.append('s.a.1', [bytes('more')])).toBe('gone');
      const found = { connectionId: 's.a.1', closed: BYE };
      expect(await mailboxes.find('s.a')).toEqual(found);
      expect(await mailboxes.receive('s.a', lease('q'))).toEqual(found);
      expect(await taken('q')).toBe('last|Bye');
      expect(await taken('q')).toBe('Bye');
    }),
  );

  test(
    'it is closed once: the first reason stays, until its time is over',
    on(async ({ mailboxes, opened, pass, taken }) => {
      await opened();
      await mailboxes.release('s.a', 'r', START + 100);
      expect(await mailboxes.close('s.a.1', BYE, START + 5000)).toBe(true);
      const other = { code: 1, reason: 'Other' };
      expect(await mailboxes.close('s.a.1', other, START + 9000)).toBe(false);
      pass(4999);
      expect(await taken('q')).toBe('Bye');
      pass(1);
      expect(await taken('q')).toBe('lost');
    }),
  );

  test(
    'closing what is not there does nothing',
    on(async ({ mailboxes }) => {
      expect(await mailboxes.close('s.a.1', BYE, START)).toBe(false);
      expect(await mailboxes.find('s.a')).toBeUndefined();
    }),
  );
}

function waiting(on: On): void {
  const quick = async (wait: Promise<void>): Promise<void> => {
    const before = Date.now();
    await wait;
    expect(Date.now() - before).toBeLessThan(5000);
  };

  test(
    'a wait ends when something is appended, or the mailbox is closed',
    on(async ({ mailboxes, opened, taken }) => {
      await opened();
      const first = mailboxes.changed('s.a', 10_000, NEVER);
      await mailboxes.append('s.a.1', [bytes('x')]);
      await quick(first);
      expect(await taken('r')).toBe('x');
      const second = mailboxes.changed('s.a', 10_000, NEVER);
      await mailboxes.close('s.a.1', BYE, START + 5000);
      await quick(second);
    }),
  );

  test(
    'there is no wait where something waits already, nor for what is gone',
    on(async ({ mailboxes, opened }) => {
      await quick(mailboxes.changed('s.a', 10_000, NEVER));
      await opened();
      await mailboxes.append('s.a.1', [bytes('x')]);
      await quick(mailboxes.changed('s.a', 10_000, NEVER));
    }),
  );

  test(
    'a wait ends at its time, and when its request is aborted',
    on(async ({ mailboxes, opened }) => {
      await opened();
      await quick(mailboxes.changed('s.a', 30, NEVER));
      const gone = new AbortController();
      const wait = mailboxes.changed('s.a', 10_000, gone.signal);
      gone.abort();
      await quick(wait);
    }),
  );
}
