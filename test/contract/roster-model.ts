/**
 * The contract of rosters: random histories of one room against a naive model, in which every
 * subscription is a line of a list. Marks rise, as a log's do; each change may come twice.
 */
import fc from 'fast-check';
import type { Membership } from '../../broker/model.ts';
import { type MakeRoster, onRoster, type RosterStage, there } from './roster.ts';

const path = fc.constantFrom('ann', 'ann/2', 'ann/2/2', 'ben', 'ben/1/2');
const step = fc.record({
  type: fc.constantFrom('enter', 'enter', 'leave', 'fade', 'gone' as const),
  path,
  /** Whether the subscription named is the one that stands, or an older one. */
  older: fc.integer({ min: 0, max: 5 }).map((one) => one === 0),
  twice: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Line {
  readonly path: string;
  readonly stamp: number;
  faded?: string;
}

export function rosterModel(
  make: MakeRoster,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): void {
  test(
    'random histories of a room end as in a naive model',
    onRoster(make, async (stage) => {
      let run = 0;
      const history = fc.array(step, { minLength: 4, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          run += 1;
          const model = new Model(stage, `/room/r${run}`);
          for (const one of steps) await model.take(one);
        }),
        { numRuns: runs, seed, endOnFailure: runs < 50 },
      );
    }),
    120_000,
  );
}

class Model {
  readonly #stage: RosterStage;
  readonly #room: string;
  #lines: readonly Line[] = [];
  /** Losses whose grace runs, by the path that was lost. */
  readonly #losses = new Map<string, { readonly membership: Membership; readonly mark: string }>();
  #changes = 0;

  constructor(stage: RosterStage, room: string) {
    this.#stage = stage;
    this.#room = room;
  }

  async take({ type, path, older, twice }: Step): Promise<void> {
    this.#changes += 1;
    const mark = `e-${this.#changes}-0`;
    const standing = this.#lines.find((line) => line.path === path)?.stamp ?? this.#changes;
    const stamp = type === 'enter' ? this.#changes : older ? standing - 1 : standing;
    const membership = there(path, String(stamp));
    const loss = this.#losses.get(path);
    if (type === 'gone' && loss === undefined) return;
    const asked = type === 'gone' && loss !== undefined ? loss : { membership, mark };
    const expected = this.#expect(type, path, asked);
    for (const time of twice ? ['once', 'again'] : ['once']) {
      const answer = await this.#stage.roster[type](this.#room, asked.membership, asked.mark);
      expect([type, path, time, answer]).toEqual([type, path, time, expected]);
    }
    expect(await this.#stage.list(this.#room)).toEqual(this.#list());
  }

  #expect(
    type: Step['type'],
    path: string,
    { membership, mark }: { readonly membership: Membership; readonly mark: string },
  ): string | undefined {
    const stamp = Number(membership.stamp);
    const mine = this.#lines.find((line) => line.path === path && line.stamp === stamp);
    switch (type) {
      case 'enter': {
        const outcome = this.#of(membership.member).length === 0 ? 'entered' : 'present';
        const stays = (line: Line) =>
          line.path !== path && (memberOf(line) !== membership.member || !line.faded);
        this.#lines = [...this.#lines.filter(stays), { path, stamp }];
        return outcome;
      }
      case 'fade':
        if (mine === undefined || mine.faded !== undefined) return undefined;
        mine.faded = mark;
        this.#losses.set(path, { membership, mark });
        return undefined;
      case 'leave':
        return this.#remove(mine, membership.member);
      case 'gone':
        this.#losses.delete(path);
        return this.#remove(mine?.faded === mark ? mine : undefined, membership.member);
      default:
        return type satisfies never;
    }
  }

  #remove(line: Line | undefined, member: string): 'left' | 'present' {
    if (line === undefined) return 'present';
    this.#lines = this.#lines.filter((other) => other !== line);
    return this.#of(member).length === 0 ? 'left' : 'present';
  }

  #of(member: string): readonly Line[] {
    return this.#lines.filter((line) => memberOf(line) === member);
  }

  #list(): Readonly<Record<string, readonly string[]>> {
    const members = [...new Set(this.#lines.map(memberOf))];
    return Object.fromEntries(
      members.map((member) => [
        member,
        [...new Set(this.#of(member).map((line) => there(line.path).session))].sort(),
      ]),
    );
  }
}

function memberOf({ path }: Line): string {
  return there(path).member;
}
