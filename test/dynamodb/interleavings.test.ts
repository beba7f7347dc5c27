/**
 * What no transaction guards, every way round: two changes of one subscription, cut into their
 * single calls and interleaved in each possible order, and a change broken off after each of its
 * calls. Whatever happens, the audience and the connection's own list must agree, and the end of the
 * connection must leave no subscriber row behind.
 */
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { audience, tableDefinition } from '../../adapters/dynamodb/schema.ts';
import { type DynamoStore, dynamoStore } from '../../adapters/dynamodb/store.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Connection } from '../../broker/model.ts';
import { localClient } from '../dynamodb-local.ts';

const endpoint = process.env['DYNAMODB_LOCAL_ENDPOINT'];
const NOW = 2_000_000_000_000;
const TableName = `interleavings-${process.pid}`;
const destination = parseDestination('/topic/a', LIMITS);

if (endpoint === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  const clients: DynamoDBClient[] = [];
  const client = (): DynamoDBClient => {
    const made = localClient(endpoint);
    clients.push(made);
    return made;
  };
  const plain = client();
  beforeAll(() =>
    plain.send(
      new CreateTableCommand({
        TableName,
        BillingMode: tableDefinition.BillingMode,
        KeySchema: [...tableDefinition.KeySchema],
        AttributeDefinitions: [...tableDefinition.AttributeDefinitions],
      }),
    ),
  );
  afterAll(() => {
    for (const each of clients) each.destroy();
  });
  suite(client, plain);
}

type Change = (store: DynamoStore, connection: Connection) => Promise<unknown>;

function subscribe(stamp: string): Change {
  return (store, connection) => {
    const connectionId = connection.id;
    const asked = { connectionId, id: '1', destination: '/topic/a', ack: 'auto', stamp } as const;
    return store.subscribe(connection, asked, destination);
  };
}

function hold(stamp: string): Change {
  return (store, connection) => {
    const connectionId = connection.id;
    const asked = { connectionId, id: '1', destination: '/topic/a', ack: 'auto', stamp } as const;
    return store.held.hold(connection, asked, destination);
  };
}

function enlist(stamp: string): Change {
  return (store, { id }) => store.held.enlist(id, '1', stamp, destination);
}

function unsubscribe(stamp: string): Change {
  return (store, { id }) => store.unsubscribe(id, '1', stamp);
}

function end(store: DynamoStore, { id }: Connection): Promise<unknown> {
  return store.end(id, 'lost');
}

function suite(client: () => DynamoDBClient, plain: DynamoDBClient): void {
  const store = storeOver(plain);
  let connections = 0;

  async function opened(): Promise<Connection> {
    const connection: Connection = {
      id: `c${++connections}`,
      carrier: 'raw',
      dialect: 'stomp',
      version: '1.2',
      connectedAt: NOW,
      expiresAt: NOW + 3_600_000,
      stamp: '0',
    };
    await store.open(connection);
    return connection;
  }

  async function isHeard({ id }: Connection): Promise<boolean> {
    const { subscribers } = await store.subscribers(destination);
    return subscribers.some(({ connectionId }) => connectionId === id);
  }

  async function expectAgreement(connection: Connection, story: unknown): Promise<boolean> {
    const heard = await isHeard(connection);
    const listed = (await store.subscriptions(connection.id)).length === 1;
    expect([story, heard]).toEqual([story, listed]);
    return heard;
  }

  /** Keys of all subscriber rows that there are, whether or not a reader would believe them. */
  async function leftovers(): Promise<readonly string[]> {
    const documents = DynamoDBDocumentClient.from(plain);
    const { Items = [] } = await documents.send(
      new QueryCommand({
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': audience(destination) },
      }),
    );
    return Items.map(({ pk, sk }) => `${pk} ${sk}`);
  }

  test.each<[name: string, before: Change[], left: Change, right: Change]>([
    ['SUBSCRIBE and its UNSUBSCRIBE', [], subscribe('1'), unsubscribe('2')],
    ['SUBSCRIBE repeated late and UNSUBSCRIBE', [subscribe('1')], subscribe('1'), unsubscribe('2')],
    ['SUBSCRIBE and the end', [], subscribe('1'), end],
    ['UNSUBSCRIBE and the end', [subscribe('1')], unsubscribe('2'), end],
    [
      'an old UNSUBSCRIBE and the next SUBSCRIBE',
      [subscribe('1'), unsubscribe('2')],
      unsubscribe('2'),
      subscribe('3'),
    ],
    ['two SUBSCRIBEs of one id', [], subscribe('1'), subscribe('2')],
    ['enlisting and UNSUBSCRIBE', [hold('1')], enlist('1'), unsubscribe('2')],
    ['enlisting and the end', [hold('1')], enlist('1'), end],
    ['enlisting and the same once more', [hold('1')], enlist('1'), enlist('1')],
    ['enlisting and holding repeated late', [hold('1')], enlist('1'), hold('1')],
  ])(
    '%s agree in every order of their calls',
    async (_, before, left, right) => {
      const orders = await everyOrder(async (order) => {
        const connection = await opened();
        for (const change of before) await change(store, connection);
        const lanes = [left, right].map((change) => {
          const gated = client();
          return lane(gated, () => change(storeOver(gated), connection));
        });
        const turns = await interleave(order, lanes);
        const story = turns.map((turn) => turn.lane).join('');
        const heard = await expectAgreement(connection, story);
        if (right === end) expect([story, heard]).toEqual([story, false]);
        await store.end(connection.id, 'lost');
        expect([story, await leftovers()]).toEqual([story, []]);
        return turns;
      });
      expect(orders).toBeGreaterThan(10);
    },
    120_000,
  );

  test.each<[name: string, before: Change[], change: Change, heard: boolean]>([
    ['SUBSCRIBE', [], subscribe('1'), true],
    ['UNSUBSCRIBE', [subscribe('1')], unsubscribe('2'), false],
    ['SUBSCRIBE again', [subscribe('1'), unsubscribe('2')], subscribe('3'), true],
    ['the end', [subscribe('1')], end, false],
    ['enlisting', [hold('1')], enlist('1'), true],
  ])(
    '%s, broken off after any call, is done by being repeated',
    async (_, before, change, heard) => {
      for (let calls = 0; ; calls++) {
        const connection = await opened();
        for (const each of before) await each(store, connection);
        const broken = await breakOff(client(), calls, (lane) =>
          change(storeOver(lane), connection),
        );
        await change(store, connection);
        expect([calls, await expectAgreement(connection, calls)]).toEqual([calls, heard]);
        await store.end(connection.id, 'lost');
        expect([calls, await leftovers()]).toEqual([calls, []]);
        if (!broken) break;
        expect(calls).toBeLessThan(20);
      }
    },
  );

  test.each<[name: string, before: Change[], change: Change]>([
    ['SUBSCRIBE', [], subscribe('1')],
    ['UNSUBSCRIBE', [subscribe('1')], unsubscribe('2')],
    ['the end', [subscribe('1')], end],
    ['enlisting', [hold('1')], enlist('1')],
  ])('%s, broken off after any call, is cleared by the end', async (_, before, change) => {
    for (let calls = 0; ; calls++) {
      const connection = await opened();
      for (const each of before) await each(store, connection);
      const broken = await breakOff(client(), calls, (lane) => change(storeOver(lane), connection));
      await store.end(connection.id, 'lost');
      expect([calls, await leftovers()]).toEqual([calls, []]);
      expect(await isHeard(connection)).toBe(false);
      if (!broken) break;
    }
  });

  test('who dies enlisting after the end has looked is cleared by enlisting again', async () => {
    const connection = await opened();
    await hold('1')(store, connection);
    const gated = client();
    const dying = lane(gated, () => enlist('1')(storeOver(gated), connection));
    for (const _ of ['its connection', 'its subscription']) {
      await dying.still();
      dying.letThrough();
    }
    await dying.still();
    await store.end(connection.id, 'lost');
    dying.letThrough();
    await dying.still();
    expect(await leftovers()).toHaveLength(1);
    expect(await enlist('1')(store, connection)).toBeUndefined();
    expect(await leftovers()).toEqual([]);
    for (; dying.isWaiting(); await dying.still()) dying.letThrough();
    expect(await dying.finished).toBeUndefined();
  });
}

function storeOver(client: DynamoDBClient): DynamoStore {
  return dynamoStore({
    client: DynamoDBDocumentClient.from(client),
    tableName: TableName,
    clock: { now: () => NOW },
    limits: LIMITS,
  });
}

/** One change whose every call, also of several at once, waits to be let through. */
interface Lane {
  readonly finished: Promise<unknown>;
  isWaiting(): boolean;
  /** Resolves once a call waits or the change is done. */
  still(): Promise<void>;
  letThrough(): void;
}

function lane(client: DynamoDBClient, run: () => Promise<unknown>): Lane {
  const waiting: (() => void)[] = [];
  let done = false;
  let notify = (): void => {};
  client.middlewareStack.add(
    (next) => async (args) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        notify();
      });
      return next(args);
    },
    { step: 'initialize', name: 'gate' },
  );
  const finished = run().finally(() => {
    done = true;
    notify();
  });
  finished.catch(() => {});
  return {
    finished,
    isWaiting: () => waiting.length > 0,
    async still() {
      while (!done && waiting.length === 0) {
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    },
    letThrough() {
      waiting.shift()?.();
    },
  };
}

interface Turn {
  readonly lane: number;
  /** Whether the other lane could have gone instead. */
  readonly choice: boolean;
}

/** Lets one call through at a time: as `order` says, then the first lane that waits. */
async function interleave(
  order: readonly number[],
  lanes: readonly Lane[],
): Promise<readonly Turn[]> {
  const turns: Turn[] = [];
  for (;;) {
    await Promise.all(lanes.map((each) => each.still()));
    const able = [...lanes.keys()].filter((index) => lanes[index]?.isWaiting());
    const [first] = able;
    if (first === undefined) break;
    const wanted = order[turns.length] ?? first;
    const next = able.includes(wanted) ? wanted : first;
    turns.push({ lane: next, choice: able.length > 1 });
    lanes[next]?.letThrough();
  }
  await Promise.all(lanes.map((each) => each.finished));
  return turns;
}

/** Depth first through all orders; answers how many there were. */
async function everyOrder(
  run: (order: readonly number[]) => Promise<readonly Turn[]>,
): Promise<number> {
  let order: readonly number[] = [];
  for (let count = 1; ; count++) {
    const turns = await run(order);
    const last = turns.findLastIndex((turn) => turn.choice && turn.lane === 0);
    if (last < 0) return count;
    order = [...turns.slice(0, last).map((turn) => turn.lane), 1];
  }
}

/** Whether `run` was broken off: it may make that many calls, and the next fails. */
async function breakOff(
  client: DynamoDBClient,
  calls: number,
  run: (client: DynamoDBClient) => Promise<unknown>,
): Promise<boolean> {
  let made = 0;
  const broken = new Error('The process is gone');
  client.middlewareStack.add(
    (next) => (args) => {
      if (made++ === calls) throw broken;
      return next(args);
    },
    { step: 'initialize', name: 'crash' },
  );
  try {
    await run(client);
    return false;
  } catch (cause) {
    if (cause !== broken) throw cause;
    return true;
  }
}
