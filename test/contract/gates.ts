/** The contract of `Gates`: how a session leaves its mailbox for a socket, with nothing lost. */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Gates, Lease, Mailboxes } from '../../broker/ports.ts';
import type { OpenMailboxes } from './mailboxes.ts';

export type MakeGates = (world: {
  readonly clock: { now(): number };
  readonly limits: Limits;
}) => Promise<OpenMailboxes & { readonly mailboxes: Mailboxes & Gates }>;

const START = 2_000_000_000_000;
const BYE = { code: 1000, reason: 'Bye' };

interface Stage {
  readonly boxes: Mailboxes & Gates;
  lease(receiver: string): Lease;
  post(...texts: string[]): ReturnType<Mailboxes['append']>;
  /** The session `s.a` of `s.a.1` has changed over to the socket `w`. */
  moved(): Promise<void>;
}

export function gatesContract(name: string, make: MakeGates): void {
  const on = (body: (stage: Stage) => Promise<void>) => async () => {
    const { mailboxes, close } = await make({ clock: { now: () => START }, limits: LIMITS });
    const lease = (receiver: string) => ({
      receiver,
      until: START + 1000,
      expiresAt: START + 6000,
    });
    await mailboxes.open('s.a', 's.a.1', lease('poll'));
    try {
      await body({
        boxes: mailboxes,
        lease,
        post: (...texts) =>
          mailboxes.append(
            's.a.1',
            texts.map((text) => Buffer.from(text)),
          ),
        moved: async () => {
          await mailboxes.release('s.a', 'poll', START + 5000);
          await mailboxes.receive('s.a', lease('w'));
          expect(await mailboxes.move('s.a', 'w')).toBe('moved');
        },
      });
    } finally {
      await close();
    }
  };

  describe(`${name} keeps the contract of gates:`, () => {
    test(
      'while a poll receives, no socket can take its place',
      on(async ({ boxes, lease }) => {
        expect(await boxes.receive('s.a', lease('w'))).toBe('busy');
        expect(await boxes.move('s.a', 'w')).toBe('lost');
      }),
    );

    test(
      'the gate stays shut while anything waits, and what was taken is taken once',
      on(async ({ boxes, lease, post }) => {
        await boxes.release('s.a', 'poll', START + 5000);
        await post('1');
        await boxes.receive('s.a', lease('w'));
        expect(await boxes.move('s.a', 'w')).toBe('waiting');
        const taken = await boxes.take('s.a', 'w');
        expect(taken !== 'lost' && taken.posts.map((one) => Buffer.from(one).toString())).toEqual([
          '1',
        ]);
        expect(await post('2')).toBe('done');
        expect(await boxes.move('s.a', 'w')).toBe('waiting');
        await boxes.take('s.a', 'w');
        expect(await boxes.move('s.a', 'w')).toBe('moved');
      }),
    );

    test(
      'once it is open posts are for the socket, and nobody polls',
      on(async ({ boxes, lease, post, moved }) => {
        await moved();
        expect(await post('3')).toEqual({ socket: 'w' });
        expect(await boxes.find('s.a')).toMatchObject({ connectionId: 's.a.1', socket: 'w' });
        expect(await boxes.receive('s.a', lease('poll2'))).toMatchObject({ socket: 'w' });
        expect(await boxes.take('s.a', 'poll2')).toBe('lost');
        expect(await boxes.probe('s.a', START + 10)).toBe(false);
      }),
    );

    test(
      'a probe is seen by whoever receives next',
      on(async ({ boxes, lease }) => {
        expect(await boxes.probe('s.b', START + 10)).toBe(false);
        expect(await boxes.probe('s.a', START + 10)).toBe(true);
        await boxes.release('s.a', 'poll', START + 5000);
        const found = await boxes.receive('s.a', lease('next'));
        expect(found).toMatchObject({ probedUntil: START + 10 });
      }),
    );

    test(
      'a session that is closed changes over no more, and a closed one takes nothing',
      on(async ({ boxes, lease, post, moved }) => {
        await moved();
        expect(await boxes.close('s.a.1', BYE, START + 1)).toBe(true);
        expect(await post('4')).toBe('gone');
        await boxes.open('s.c', 's.c.1', lease('w'));
        await boxes.close('s.c.1', BYE, START + 1);
        expect(await boxes.move('s.c', 'w')).toBe('lost');
      }),
    );
  });
}
