/**
 * The contract of the `Outbox` port. The adapter under test posts to a fake gateway whose answers
 * each test scripts; its timer sleeps by moving the clock, so no test waits for real.
 */
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Clock, Delivery, Log, Outbox, Outcome, Timer } from '../../broker/ports.ts';
import { type FakeAnswer, type FakeGateway, fakeGateway } from './fake-gateway.ts';

export interface OutboxStageWorld {
  readonly gateway: FakeGateway;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly limits: Limits;
  readonly log: Log;
}

export interface OpenOutbox {
  readonly outbox: Outbox;
  close(): Promise<void>;
}

export type MakeOutbox = (world: OutboxStageWorld) => Promise<OpenOutbox>;

const START = 2_000_000_000_000;
/** Long past its youth. */
const OLD = START - 3_600_000;

export function outboxContract(name: string, makeOutbox: MakeOutbox): void {
  describe(`${name} keeps the outbox's promises`, () => {
    outcomes(makeOutbox);
    newborns(makeOutbox);
    order(makeOutbox);
    patienceOf(makeOutbox);
    batches(makeOutbox);
    closing(makeOutbox);
  });
}

interface Stage extends OutboxStageWorld {
  readonly outbox: Outbox;
  /** Milliseconds slept so far. */
  slept(): number;
  /** Moves the clock. */
  pass(milliseconds: number): void;
  /** Events logged as warnings or errors. */
  readonly complaints: readonly string[];
}

function onStage(
  makeOutbox: MakeOutbox,
  body: (stage: Stage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    let now = START;
    const complaints: string[] = [];
    const world: OutboxStageWorld = {
      gateway: fakeGateway(),
      clock: { now: () => now },
      timer: {
        async sleep(milliseconds) {
          now += milliseconds;
        },
        after: () => () => {},
      },
      limits: LIMITS,
      log: {
        info() {},
        warn: (event) => complaints.push(event),
        error: (event) => complaints.push(event),
      },
    };
    const { outbox, close } = await makeOutbox(world);
    try {
      const pass = (milliseconds: number): void => {
        now += milliseconds;
      };
      await body({ ...world, outbox, complaints, slept: () => now - START, pass });
    } finally {
      await close();
    }
  };
}

function delivery(connectionId: string, texts: readonly string[], connectedAt = OLD): Delivery {
  return { connectionId, connectedAt, posts: texts.map((text) => Buffer.from(text)) };
}

function outcomes(makeOutbox: MakeOutbox): void {
  test(
    'what the gateway takes is sent, octet for octet',
    onStage(makeOutbox, async ({ outbox, gateway, complaints, slept }) => {
      expect(await outbox.post([delivery('L0SM9/+FvHc=', ['MESSAGE\n\nü😀\0'])])).toEqual(['sent']);
      const taken = { connectionId: 'L0SM9/+FvHc=', text: 'MESSAGE\n\nü😀\0', answer: 200 };
      expect(gateway.posts).toEqual([taken]);
      expect(complaints).toEqual([]);
      expect(slept()).toBe(0);
    }),
  );

  test.each<[answers: FakeAnswer[], outcome: Outcome, posts: number | 'a few', complains: boolean]>(
    [
      [[410], 'gone', 1, false],
      [[413], 'too-large', 1, false],
      [['buffer'], 'slow', 1, false],
      [['rate'], 'throttled', 'a few', false],
      [['rate', 200], 'sent', 2, false],
      [['rate', 'rate', 'buffer'], 'slow', 3, false],
      [[500], 'failed', 'a few', true],
      [[503, 200], 'sent', 2, false],
      [[502, 410], 'gone', 2, false],
      [['cut', 200], 'sent', 2, false],
      [['cut'], 'failed', 'a few', true],
      [[403], 'failed', 1, true],
    ],
  )('an old connection whose posts are answered %j is %s', (answers, outcome, posts, complains) =>
    onStage(makeOutbox, async ({ outbox, gateway, complaints, slept, limits }) => {
      gateway.script('a', ...answers);
      expect(await outbox.post([delivery('a', ['x'])])).toEqual([outcome]);
      if (typeof posts === 'number') expect(gateway.posts).toHaveLength(posts);
      else {
        expect(gateway.posts.length).toBeGreaterThan(2);
        expect(gateway.posts.length).toBeLessThanOrEqual(20);
      }
      expect(slept()).toBeLessThanOrEqual(limits.postRetryMillisecondsMax);
      expect(complaints.length > 0).toBe(complains);
    })(),
  );
}

function newborns(makeOutbox: MakeOutbox): void {
  test(
    'a 410 of a newborn is tried again after a pause',
    onStage(makeOutbox, async ({ outbox, gateway, slept }) => {
      gateway.script('a', 410, 410, 200);
      expect(await outbox.post([delivery('a', ['x', 'y'], START - 100)])).toEqual(['sent']);
      expect(gateway.posts.map(({ text }) => text)).toEqual(['x', 'x', 'x', 'y']);
      expect(slept()).toBeGreaterThan(0);
      expect(slept()).toBeLessThan(2000);
    }),
  );

  test(
    'a newborn that never appears is gone when patience ends, well before the handler does',
    onStage(makeOutbox, async ({ outbox, gateway, slept, limits }) => {
      gateway.script('a', 410);
      expect(await outbox.post([delivery('a', ['x'], START)])).toEqual(['gone']);
      expect(slept()).toBeGreaterThan(500);
      expect(slept()).toBeLessThanOrEqual(limits.postRetryMillisecondsMax);
      expect(gateway.posts.length).toBeGreaterThan(3);
    }),
  );

  test(
    'youth that ends between two tries ends them',
    onStage(makeOutbox, async ({ outbox, gateway, limits }) => {
      gateway.script('a', 410);
      const connectedAt = START - limits.youngConnectionSeconds * 1000 + 1;
      expect(await outbox.post([delivery('a', ['x'], connectedAt)])).toEqual(['gone']);
      expect(gateway.posts).toHaveLength(2);
    }),
  );

  test(
    'youth ends at its second: a 410 just after it is believed at once',
    onStage(makeOutbox, async ({ outbox, gateway, limits }) => {
      gateway.script('a', 410);
      const connectedAt = START - limits.youngConnectionSeconds * 1000 - 1;
      expect(await outbox.post([delivery('a', ['x'], connectedAt)])).toEqual(['gone']);
      expect(gateway.posts).toHaveLength(1);
    }),
  );
}

function order(makeOutbox: MakeOutbox): void {
  test(
    'posts for one connection go in order, each after the one before it was taken',
    onStage(makeOutbox, async ({ outbox, gateway }) => {
      gateway.script('a', 200, 'rate', 503, 200, 'cut', 200);
      const texts = ['1', '2', '3', '4'];
      expect(await outbox.post([delivery('a', texts)])).toEqual(['sent']);
      expect(gateway.posts.map(({ text }) => text)).toEqual(['1', '2', '2', '2', '3', '3', '4']);
    }),
  );

  test.each<[FakeAnswer, Outcome]>([
    [410, 'gone'],
    ['buffer', 'slow'],
    [413, 'too-large'],
    ['rate', 'throttled'],
    [500, 'failed'],
  ])('nothing follows a post that was answered %s', (answer, outcome) =>
    onStage(makeOutbox, async ({ outbox, gateway }) => {
      gateway.script('a', 200, answer);
      expect(await outbox.post([delivery('a', ['1', '2', '3'])])).toEqual([outcome]);
      const texts = new Set(gateway.posts.map(({ text }) => text));
      expect([...texts]).toEqual(['1', '2']);
    })(),
  );
}

function patienceOf(makeOutbox: MakeOutbox): void {
  test(
    'many troubled posts of one delivery draw on one patience',
    onStage(makeOutbox, async ({ outbox, gateway, slept, limits }) => {
      const texts = Array.from({ length: 20 }, (_, n) => `${n}`);
      gateway.script('a', ...texts.flatMap((): FakeAnswer[] => ['rate', 503, 'rate', 503, 200]));
      expect(await outbox.post([delivery('a', texts), delivery('b', texts)])).toEqual([
        expect.stringMatching(/throttled|failed/),
        'sent',
      ]);
      expect(slept()).toBeLessThanOrEqual(limits.postRetryMillisecondsMax);
    }),
  );

  test(
    'a slow refusal uses patience up as a pause does',
    onStage(makeOutbox, async ({ outbox, gateway, limits, pass }) => {
      gateway.script('a', 503);
      gateway.onPost(() => pass(limits.postRetryMillisecondsMax));
      expect(await outbox.post([delivery('a', ['x'])])).toEqual(['failed']);
      expect(gateway.posts.length).toBeLessThanOrEqual(2);
    }),
  );
}

function batches(makeOutbox: MakeOutbox): void {
  test(
    'no deliveries have no outcomes, and a delivery of nothing is sent',
    onStage(makeOutbox, async ({ outbox, gateway }) => {
      expect(await outbox.post([])).toEqual([]);
      expect(await outbox.post([delivery('a', [])])).toEqual(['sent']);
      expect(gateway.posts).toEqual([]);
    }),
  );

  test(
    'each delivery has its own outcome, at its own index, whatever befalls the others',
    onStage(makeOutbox, async ({ outbox, gateway }) => {
      const kinds: readonly [FakeAnswer, Outcome][] = [
        [200, 'sent'],
        [410, 'gone'],
        [200, 'sent'],
        ['buffer', 'slow'],
        ['rate', 'throttled'],
        [413, 'too-large'],
        [200, 'sent'],
        [500, 'failed'],
        ['cut', 'failed'],
      ];
      const all = Array.from({ length: 40 }, () => kinds).flat();
      for (const [index, [answer]] of all.entries()) gateway.script(`c${index}`, answer);
      const deliveries = all.map((_, index) => delivery(`c${index}`, ['x', 'y']));
      const found = await outbox.post(deliveries);
      expect(found).toEqual(all.map(([, outcome]) => outcome));
      const sent = gateway.posts.filter(({ answer }) => answer === 200);
      expect(sent).toHaveLength(3 * 40 * 2);
    }),
  );

  test(
    'the same octets for many receivers may be one object',
    onStage(makeOutbox, async ({ outbox, gateway }) => {
      const posts = [Buffer.from('shared')];
      const ids = Array.from({ length: 200 }, (_, n) => `c${n}`);
      const found = await outbox.post(
        ids.map((connectionId) => ({ connectionId, connectedAt: OLD, posts })),
      );
      expect(new Set(found)).toEqual(new Set(['sent']));
      expect(found).toHaveLength(200);
      expect(gateway.posts.map(({ connectionId }) => connectionId).sort()).toEqual(ids.sort());
      expect(posts[0]?.toString()).toBe('shared');
    }),
  );
}

function closing(makeOutbox: MakeOutbox): void {
  test(
    'a connection is closed, and closing it again is fine',
    onStage(makeOutbox, async ({ outbox, gateway, complaints }) => {
      await outbox.close('L0SM9/+FvHc=');
      expect(gateway.removed).toEqual(['L0SM9/+FvHc=']);
      await outbox.close('L0SM9/+FvHc=');
      expect(complaints).toEqual([]);
    }),
  );
}
