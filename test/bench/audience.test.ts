/** Large audiences at the account's quota, by a virtual clock: the bars, the same on every machine. */
import { runAudience } from '../../bench/audience.ts';
import { BAD_DAY, CLOUD } from '../../bench/audience-cloud.ts';
import { LIMITS } from '../../broker/limits.ts';

test('100,000 subscribers: near the quota’s floor, no long invocation, inbound never starved', async () => {
  const one = await runAudience(100_000);
  expect(one).toMatchObject({ lost: 0, twice: 0, inboundRefused: 0, refusedByRate: 0 });
  expect(one.ofFloor).toBeLessThanOrEqual(1.15);
  expect(one.longestInvocationSeconds).toBeLessThan(10);
  // Alone it takes one read and one post: 50 ms.
  expect(one.inboundMax).toBeLessThanOrEqual(100);
  // A few writes a second to the counters that share the rate.
  expect(one.claims / one.seconds).toBeLessThan(40);
}, 60_000);

test('where others use the account, shards yield: nothing lost, and inbound goes on', async () => {
  const one = await runAudience(30_000, { ...CLOUD, othersPerSecond: 3000 });
  expect(one).toMatchObject({ lost: 0, twice: 0, inboundRefused: 0 });
  expect(one.seconds).toBeLessThanOrEqual((30_000 / 7000) * 1.15);
  expect(one.longestInvocationSeconds).toBeLessThan(10);
  expect(one.inboundMax).toBeLessThanOrEqual(1000);
}, 60_000);

test('one stale, one slow and five faults in a hundred delay the others by less than a tenth', async () => {
  const good = await runAudience(10_000);
  const bad = await runAudience(10_000, { ...CLOUD, ...BAD_DAY });
  expect(bad).toMatchObject({ lost: 0, twice: 0 });
  expect(bad.p99).toBeLessThanOrEqual(good.p99 * 1.1);
}, 60_000);

test('the same for an audience that is posted to at once', async () => {
  const good = await runAudience(LIMITS.inlinePostsMax);
  const bad = await runAudience(LIMITS.inlinePostsMax, { ...CLOUD, ...BAD_DAY });
  expect(good.shards + bad.shards).toBe(0);
  expect(bad).toMatchObject({ lost: 0, twice: 0 });
  expect(bad.p99).toBeLessThanOrEqual(good.p99 * 1.1);
}, 60_000);

test('a room of 100,000: the stream and its batch on top, and still near the quota’s floor', async () => {
  const one = await runAudience(100_000, CLOUD, {}, 'logged');
  expect(one).toMatchObject({ lost: 0, twice: 0, inboundRefused: 0, refusedByRate: 0 });
  expect(one.ofFloor).toBeLessThanOrEqual(1.15);
  expect(one.longestInvocationSeconds).toBeLessThan(10);
  expect(one.inboundMax).toBeLessThanOrEqual(100);
}, 60_000);

test('in a room of 10,000 a bad day delays the others by less than a tenth', async () => {
  const good = await runAudience(10_000, CLOUD, {}, 'logged');
  const bad = await runAudience(10_000, { ...CLOUD, ...BAD_DAY }, {}, 'logged');
  expect(bad).toMatchObject({ lost: 0, twice: 0 });
  expect(bad.p99).toBeLessThanOrEqual(good.p99 * 1.1);
}, 60_000);
