/** Marks of slow consumers stand where a fan-out reads, and nowhere else. */
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { documentClient } from '../../bench/cost/metered-client.ts';
import { meteredTable } from '../../bench/cost/metered-table.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';

const NOW = 1_800_000_000_000;
const UNTIL = NOW + 300_000;

async function setUp(destination: string) {
  const store = dynamoStore({
    client: documentClient(meteredTable()),
    tableName: 'metered',
    clock: { now: () => NOW },
    limits: LIMITS,
  });
  const connection = {
    id: 'conn=',
    carrier: 'raw',
    dialect: 'stomp',
    version: '1.2',
    connectedAt: NOW,
    expiresAt: NOW + 3_600_000,
    stamp: '0',
  };
  await store.open(connection);
  const subscription = { connectionId: 'conn=', id: 'a#1', destination, stamp: '1' } as const;
  const parsed = parseDestination(destination, LIMITS);
  await store.subscribe(connection, { ...subscription, ack: 'auto' }, parsed);
  const read = async () => {
    const page = await store.subscribers(parseDestination('/topic/x.y', LIMITS));
    return page.subscribers.map(({ subscriptionId, slowUntil }) => [subscriptionId, slowUntil]);
  };
  return { store, read };
}

test.each(['/topic/x.y', '/topic/x.*'])('a subscription to %s is marked', async (destination) => {
  const { store, read } = await setUp(destination);
  expect(await read()).toEqual([['a#1', undefined]]);
  await store.marks.mark('conn=', 'a#1', UNTIL);
  expect(await read()).toEqual([['a#1', UNTIL]]);
});

test('one that has ended is not made anew, nor one that never was', async () => {
  const { store, read } = await setUp('/topic/x.y');
  await store.unsubscribe('conn=', 'a#1', '2');
  await store.marks.mark('conn=', 'a#1', UNTIL);
  await store.marks.mark('conn=', 'other', UNTIL);
  await store.marks.mark('nobody=', 'a#1', UNTIL);
  expect(await read()).toEqual([]);
});
