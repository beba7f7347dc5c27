/** The contract of the `Checks` port: connections to be asked whether they live. */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Checks, Clock } from '../../broker/ports.ts';
import { START, upwards } from './journal-world.ts';

/** Makes one that is empty. */
export type MakeChecks = (world: { readonly clock: Clock; readonly limits: Limits }) => Promise<{
  readonly checks: Checks;
  close(): Promise<void>;
}>;

export function checksContract(name: string, make: MakeChecks): void {
  const onChecks = (body: (checks: Checks, due: Due) => Promise<void>) => async () => {
    const { checks, close } = await make({ clock: { now: () => START }, limits: LIMITS });
    const due = async (now: number, most = 100) =>
      (await checks.due(now, most)).map(({ connectionId }) => connectionId).sort();
    try {
      await body(checks, due);
    } finally {
      await close();
    }
  };

  describe(`${name} keeps the promises of checks`, () => {
    test(
      'a connection is due once its time has come, and no earlier',
      onChecks(async (checks, due) => {
        await checks.enroll('a', START + 50_000);
        expect(await due(START)).toEqual([]);
        expect(await due(START + 49_999)).toEqual([]);
        expect(await checks.due(START + 50_000, 100)).toEqual([
          { connectionId: 'a', at: START + 50_000 },
        ]);
      }),
    );

    test(
      'it stays due until it is settled, for minutes if need be',
      onChecks(async (checks, due) => {
        await checks.enroll('a', START + 50_000);
        for (const later of [50_000, 50_001, 60_000, 120_000, 300_000]) {
          expect(await due(START + later)).toEqual(['a']);
        }
        await checks.settle('a', START + 50_000);
        expect(await due(START + 300_000)).toEqual([]);
        await checks.settle('a', START + 50_000);
      }),
    );

    test(
      'enrolling twice is one check, and settled it may be enrolled again',
      onChecks(async (checks, due) => {
        await checks.enroll('a', START + 1000);
        await checks.enroll('a', START + 1000);
        expect(await due(START + 1000)).toEqual(['a']);
        await checks.settle('a', START + 1000);
        expect(await due(START + 1000)).toEqual([]);
        await checks.enroll('a', START + 51_000);
        expect(await due(START + 50_000)).toEqual([]);
        expect(await due(START + 51_000)).toEqual(['a']);
      }),
    );

    test(
      'settling a time that is not its own leaves it due',
      onChecks(async (checks, due) => {
        await checks.enroll('a', START + 1000);
        await checks.enroll('b', START + 1000);
        await checks.settle('a', START + 2000);
        await checks.settle('c', START + 1000);
        expect(await due(START + 5000)).toEqual(['a', 'b']);
      }),
    );

    test(
      'so many as asked for are given, and settling them brings the others',
      onChecks(async (checks) => {
        const names = upwards(10, 34).map((n) => `c${n}`);
        for (const [index, name] of names.entries()) {
          await checks.enroll(name, START + 5000 * index);
        }
        const seen: string[] = [];
        while (seen.length < names.length) {
          const some = await checks.due(START + 200_000, 10);
          expect(some.length).toBeGreaterThan(0);
          expect(some.length).toBeLessThanOrEqual(10);
          for (const { connectionId, at } of some) {
            seen.push(connectionId);
            await checks.settle(connectionId, at);
          }
        }
        expect(seen.sort()).toEqual(names);
        expect(await checks.due(START + 200_000, 10)).toEqual([]);
      }),
    );
  });
}

type Due = (now: number, most?: number) => Promise<readonly string[]>;
