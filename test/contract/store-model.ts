/**
 * The store contract: random histories against a naive model that keeps everything in two maps.
 * Each history has names of its own, so that one store can serve them all; what the port leaves
 * open (say, changes to an expired connection) is never asked. A failure prints seed and history.
 */
import fc from 'fast-check';
import { type Destination, matches, parseDestination } from '../../broker/destination.ts';
import type { Ended } from '../../broker/model.ts';
import { at, half, type MakeStore, onStage, type Stage, SUBSCRIPTIONS_MAX } from './store-world.ts';

const TARGETS = ['a', 'a.b', 'a.b.c', 'b'];
const PLACES = [...TARGETS, 'a.*', 'a.**', '**', '*.b', 'a.**.c'];

const connection = fc.constantFrom('k', 'l', 'm');
const id = fc.constantFrom('1', '2', '3', '4', '5', '6', '7');
const ended = fc.constantFrom<Ended>('left', 'refused', 'lost');
const place = fc.constantFrom(...PLACES);

const change = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('open' as const), connection }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('update' as const), connection }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('end' as const), connection, ended }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('half' as const), connection }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('sub' as const), connection, id, place }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('unsub' as const), connection, id }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('late' as const), connection, id, place }),
  },
);
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ change, twice: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ minutes: fc.constantFrom(1, 16, 60) }) },
  { weight: 3, arbitrary: fc.record({ look: fc.constantFrom(...TARGETS) }) },
);

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

interface Known {
  readonly expiresAt: number;
  session: string | undefined;
  ended?: Ended;
  goneAt: number;
  half?: string;
  readonly subscriptions: Map<string, Destination>;
  /** Until when an id given up refuses older SUBSCRIBEs. */
  readonly graves: Map<string, number>;
}

export function storeModel(
  makeStore: MakeStore,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): void {
  test(
    'random histories end as in a naive model',
    onStage(makeStore, async (stage) => {
      let run = 0;
      const history = fc.array(step, { minLength: 5, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          run += 1;
          await replay(steps, new Model(stage, `r${run}`), stage);
        }),
        { numRuns: runs, seed, endOnFailure: runs < 50 },
      );
    }),
    120_000,
  );
}

async function replay(
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  model: Model,
  stage: Stage,
): Promise<void> {
  for (const one of steps) {
    if ('minutes' in one) stage.pass(one.minutes * 60_000);
    else if ('look' in one) await model.look(one.look);
    else await model.apply(one.change, one.twice);
  }
  for (const target of TARGETS) await model.look(target);
  for (const name of ['k', 'l', 'm']) await model.find(name);
}

/** Knows what every call must answer, and asks the store the same. */
class Model {
  readonly #stage: Stage;
  readonly #run: string;
  readonly #known = new Map<string, Known>();
  #stamp = 0;

  constructor(stage: Stage, run: string) {
    this.#stage = stage;
    this.#run = run;
  }

  async apply(asked: Change, twice: boolean): Promise<void> {
    this.#stamp += 1;
    const expected = this.#expect(asked);
    if (expected === 'open to either') return;
    const stamp = asked.type === 'late' ? at(0) : at(this.#stamp);
    for (const time of twice ? ['once', 'again'] : ['once']) {
      const answer = await this.#ask(asked, stamp);
      expect([asked, time, answer]).toEqual([asked, time, expected]);
    }
  }

  async look(target: string): Promise<void> {
    const destination = this.#destination(target);
    const expected = [...this.#known].flatMap(([name, known]) =>
      this.#live(known)
        ? [...known.subscriptions]
            .filter(([, wanted]) => matches(wanted.segments, destination.segments))
            .map(([one]) => `${this.#run}${name}|${one}`)
        : [],
    );
    const heard = await this.#stage.audience(destination.canonical);
    expect([target, heard]).toEqual([target, expected.sort()]);
  }

  async find(name: string): Promise<void> {
    const known = this.#known.get(name);
    const found = await this.#stage.store.find(`${this.#run}${name}`);
    const gone = known === undefined || this.#stage.clock.now() >= known.goneAt;
    expect([name, found === undefined]).toEqual([name, gone]);
    if (found === undefined || known === undefined) return;
    expect(found.connection.session).toBe(known.session);
    expect(found.connection.ended).toBe(known.ended);
    expect(found.half && Buffer.from(found.half.bytes).toString()).toBe(known.half);
    const listed = await this.#stage.store.subscriptions(`${this.#run}${name}`);
    expect(listed.map((one) => one.id).sort()).toEqual([...known.subscriptions.keys()].sort());
  }

  /** Moves the model on. `open to either`: the port does not say, so the store is not asked. */
  #expect(asked: Change): string | undefined {
    const known = this.#known.get(asked.connection);
    if (asked.type === 'open') return this.#open(asked.connection, known);
    const now = this.#stage.clock.now();
    if (known !== undefined && now >= known.goneAt) return 'open to either';
    const live = this.#live(known) ? known : undefined;
    switch (asked.type) {
      case 'update':
        if (live !== undefined) live.session = at(this.#stamp);
        return live === undefined ? 'ended' : 'done';
      case 'end':
        return known === undefined ? undefined : this.#end(known, asked.ended);
      case 'half':
        if (live === undefined) return 'open to either';
        live.half = at(this.#stamp);
        return undefined;
      case 'sub':
        return live === undefined ? 'ended' : this.#subscribe(live, asked);
      case 'unsub':
        return live === undefined ? 'unknown' : this.#unsubscribe(live, asked.id);
      case 'late':
        return this.#late(live, asked.id);
      default:
        return asked satisfies never;
    }
  }

  #open(name: string, known: Known | undefined): string | undefined {
    const now = this.#stage.clock.now();
    if (known !== undefined) return now < known.goneAt ? undefined : 'open to either';
    const { expiresAt, session } = this.#stage.fresh(`${this.#run}${name}`);
    const [subscriptions, graves] = [new Map(), new Map()];
    this.#known.set(name, { expiresAt, goneAt: expiresAt, session, subscriptions, graves });
    return undefined;
  }

  /** Whether a later second end prolongs the tombstone is left open. */
  #end(known: Known, ended: Ended): string | undefined {
    const goneAt = this.#stage.clock.now() + this.#stage.limits.tombstoneSeconds * 1000;
    if (known.ended !== undefined && known.goneAt !== goneAt) return 'open to either';
    if (known.ended === undefined || known.ended === 'lost') known.ended = ended;
    known.goneAt = goneAt;
    delete known.half;
    known.subscriptions.clear();
    return undefined;
  }

  #subscribe(known: Known, asked: { readonly id: string; readonly place: string }): string {
    if (known.subscriptions.has(asked.id)) return 'exists';
    if (known.subscriptions.size >= SUBSCRIPTIONS_MAX) return 'full';
    known.subscriptions.set(asked.id, this.#destination(asked.place));
    known.graves.delete(asked.id);
    return 'done';
  }

  #unsubscribe(known: Known, asked: string): string {
    if (!known.subscriptions.delete(asked)) return 'unknown';
    const now = this.#stage.clock.now();
    known.graves.set(asked, now + this.#stage.limits.tombstoneSeconds * 1000);
    return 'done';
  }

  /** A SUBSCRIBE older than all: refused where a tombstone stands, open to either elsewhere. */
  #late(known: Known | undefined, asked: string): string {
    if (known === undefined) return 'ended';
    if (known.subscriptions.has(asked)) return 'open to either';
    const grave = known.graves.get(asked) ?? 0;
    const full = known.subscriptions.size >= SUBSCRIPTIONS_MAX;
    return full || this.#stage.clock.now() >= grave ? 'open to either' : 'stale';
  }

  #live(known: Known | undefined): known is Known {
    return (
      known !== undefined && known.ended === undefined && this.#stage.clock.now() < known.expiresAt
    );
  }

  async #ask(asked: Change, stamp: string): Promise<string | undefined> {
    const { store } = this.#stage;
    const fresh = this.#stage.fresh(`${this.#run}${asked.connection}`);
    switch (asked.type) {
      case 'open':
        await store.open(fresh);
        return undefined;
      case 'update':
        return store.update(fresh.id, { session: stamp }, stamp);
      case 'end':
        await store.end(fresh.id, asked.ended);
        return undefined;
      case 'half':
        await store.keepHalf(fresh.id, half(stamp, stamp), stamp);
        return undefined;
      case 'unsub':
        return store.unsubscribe(fresh.id, asked.id, stamp);
      case 'sub':
      case 'late': {
        const expiresAt = this.#known.get(asked.connection)?.expiresAt ?? fresh.expiresAt;
        const to = this.#destination(asked.place).canonical;
        return this.#stage.subscribe({ ...fresh, expiresAt }, { id: asked.id, to, at: stamp });
      }
      default:
        return asked satisfies never;
    }
  }

  #destination(place: string): Destination {
    return parseDestination(`/topic/${this.#run}.${place}`, this.#stage.limits);
  }
}
