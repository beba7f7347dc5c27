/** What this environment knows of bans, and when it looks again. */
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Revoked, Shelf } from '../../broker/ports.ts';
import { makeRevocations } from '../../broker/revocations.ts';

const LATER = 1e12;
const FRESH_MILLISECONDS = LIMITS.revocationSeconds * 500;

function world() {
  const time = { now: 1_000_000 };
  const clock = { now: () => time.now };
  const shelf = memoryShelf(clock);
  const looks = { count: 0, fails: false };
  const counted: Shelf = {
    ...shelf,
    read(...asked) {
      looks.count += 1;
      return looks.fails ? Promise.reject(new Error('throttled')) : shelf.read(...asked);
    },
  };
  return { time, looks, ours: makeRevocations(counted, clock, LIMITS), clock, shelf };
}

/** What is known without a look. */
function atOnce(found: Revoked | Promise<Revoked>): Revoked {
  if (found instanceof Promise) throw new Error('it had to look');
  return found;
}

test('what was read a moment ago is told at once, and read anew when it is old', async () => {
  const { ours, looks, time, clock, shelf } = world();
  const others = makeRevocations(shelf, clock, LIMITS);
  expect(ours.current()).toBeInstanceOf(Promise);
  await ours.current();
  await others.ban({ user: 'ann' }, LATER);
  time.now += FRESH_MILLISECONDS - 1;
  expect(atOnce(ours.current()).users.has('ann')).toBe(false);
  time.now += 1;
  expect((await ours.current()).users.has('ann')).toBe(true);
  expect(atOnce(ours.current()).users.has('ann')).toBe(true);
  expect(looks.count).toBe(2);
});

test('a ban of its own is known to the next who asks', async () => {
  const { ours } = world();
  await ours.current();
  await ours.ban({ tokenId: 't1' }, LATER);
  expect((await ours.current()).tokenIds.has('t1')).toBe(true);
  await ours.pardon({ tokenId: 't1' });
  expect((await ours.current()).tokenIds.has('t1')).toBe(false);
});

test('a look that failed is tried again by the next who asks', async () => {
  const { ours, looks } = world();
  looks.fails = true;
  await expect(ours.current()).rejects.toThrow('throttled');
  looks.fails = false;
  await expect(ours.current()).resolves.toMatchObject({ users: new Set() });
});
