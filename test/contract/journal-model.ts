/**
 * The contract of logs: random histories against a naive model, an array a log. Each history has
 * rooms of its own, so that one store can serve them all. A failure prints seed and history.
 */
import fc from 'fast-check';
import type { LoggedMessage } from '../../broker/model.ts';
import { joined, type LogStage, type MakeJournal, onLogs, said } from './journal-world.ts';

const room = fc.constantFrom('k', 'l');
const count = fc.nat({ max: 12 });

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      room,
      messages: fc.nat({ max: 3 }),
      joins: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('once' as const),
      room,
      id: fc.constantFrom('p', 'q', 'r'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('keep' as const),
      room,
      from: count,
      minutes: fc.constantFrom(5, 60),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('look' as const),
      room,
      after: count,
      upTo: count,
      most: fc.nat({ max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), room }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      minutes: fc.constantFrom(1, 6, 11),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Known {
  epoch: string | undefined;
  readonly messages: LoggedMessage[];
  revision: number;
  /** When each seq, beginning with 1, expires; absent: not kept. */
  readonly kept: Map<number, number>;
  readonly publishIds: Map<string, number>;
  progress: number | undefined;
}

export function journalModel(
  make: MakeJournal,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): void {
  test(
    'random histories of logs end as in a naive model',
    onLogs(make, async (stage) => {
      let run = 0;
      const history = fc.array(step, { minLength: 5, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          run += 1;
          const model = new Model(stage, `/room/r${run}`);
          for (const one of steps) await model.take(one);
          for (const name of ['k', 'l']) await model.look(name, { after: 0, upTo: 99, most: 99 });
        }),
        { numRuns: runs, seed, endOnFailure: runs < 50 },
      );
    }),
    120_000,
  );
}

class Model {
  readonly #stage: LogStage;
  readonly #run: string;
  readonly #logs = new Map<string, Known>();
  #said = 0;

  constructor(stage: LogStage, run: string) {
    this.#stage = stage;
    this.#run = run;
  }

  async take(one: Step): Promise<void> {
    switch (one.type) {
      case 'pass':
        return this.#stage.pass(one.minutes * 60_000);
      case 'append':
        return this.#append(one.room, one.messages, one.joins);
      case 'once':
        return this.#once(one.room, one.id);
      case 'keep':
        return this.#keep(one.room, one.from, one.minutes);
      case 'look':
        return this.look(one.room, one);
      case 'advance':
        return this.#advance(one.room);
      default:
        one satisfies never;
    }
  }

  async look(
    name: string,
    { after, upTo, most }: { readonly after: number; readonly upTo: number; readonly most: number },
  ): Promise<void> {
    const { journal, clock } = this.#stage;
    const known = this.#log(name);
    const head = await journal.head(this.#name(name));
    expect(head).toEqual(known.epoch && this.#head(known));
    const progress = await journal.progress(this.#name(name));
    expect(progress?.revision).toBe(known.progress);
    const live = known.messages.filter(
      ({ seq }) => seq > after && seq <= upTo && (known.kept.get(seq) ?? 0) > clock.now(),
    );
    const range = { after, upTo, most };
    const found = await journal.history(this.#name(name), known.epoch ?? 'none', range);
    expect(found).toEqual(most === 0 ? [] : live.slice(-most));
  }

  async #append(name: string, messages: number, joins: number): Promise<void> {
    if (messages + joins === 0) return;
    const said = Array.from({ length: messages }, () => this.#say());
    const entries = [...said, ...Array.from({ length: joins }, (_, n) => joined(`c${n}`))];
    const position = await this.#stage.journal.append(this.#name(name), entries);
    this.#appended(name, said, position.epoch);
    expect(position).toEqual(this.#position(name));
  }

  async #once(name: string, id: string): Promise<void> {
    const { journal, clock, limits } = this.#stage;
    const said = this.#say();
    const known = this.#log(name);
    const position = await journal.appendOnce(this.#name(name), said, id);
    if ((known.publishIds.get(id) ?? 0) > clock.now()) {
      expect(position).toBe('repeated');
      return;
    }
    expect(position).not.toBe('repeated');
    if (position === 'repeated') return;
    known.publishIds.set(id, clock.now() + limits.publishIdSeconds * 1000);
    this.#appended(name, [said], position.epoch);
    expect(position).toEqual(this.#position(name));
  }

  /** What is not kept yet: whether a repeat prolongs the first is left open. */
  async #keep(name: string, from: number, minutes: number): Promise<void> {
    const { journal, clock } = this.#stage;
    const known = this.#log(name);
    const fresh = known.messages.filter(({ seq }) => seq > from && !known.kept.has(seq));
    if (known.epoch === undefined || fresh.length === 0) return;
    const expiresAt = clock.now() + minutes * 60_000;
    await journal.keep(this.#name(name), known.epoch, fresh, expiresAt);
    for (const { seq } of fresh) known.kept.set(seq, expiresAt);
  }

  async #advance(name: string): Promise<void> {
    const known = this.#log(name);
    if (known.epoch === undefined) return;
    known.progress = known.revision;
    const { epoch, revision } = known;
    await this.#stage.journal.advance(this.#name(name), { epoch, revision });
  }

  #appended(name: string, messages: readonly ReturnType<typeof said>[], epoch: string): void {
    const known = this.#log(name);
    expect(epoch).toBe(known.epoch ?? epoch);
    known.epoch = epoch;
    known.revision += 1;
    for (const { message } of messages) {
      known.messages.push({ ...message, seq: known.messages.length + 1 });
    }
  }

  #say() {
    this.#said += 1;
    return said(`m${this.#said}`);
  }

  #position(name: string) {
    const { epoch, messages } = this.#log(name);
    return { epoch, seq: messages.length };
  }

  #head({ epoch, messages, revision }: Known) {
    return { epoch, seq: messages.length, revision };
  }

  #log(name: string): Known {
    const there = this.#logs.get(name);
    if (there !== undefined) return there;
    const known: Known = {
      epoch: undefined,
      messages: [],
      revision: 0,
      kept: new Map(),
      publishIds: new Map(),
      progress: undefined,
    };
    this.#logs.set(name, known);
    return known;
  }

  #name(room: string): string {
    return `${this.#run}-${room}`;
  }
}
