/** An emitter over DynamoDB: who a target means, and what is asked of it, in the store's own rows. */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dynamoChecks } from '../../adapters/dynamodb/checks.ts';
import { appendingClient, dynamoJournal } from '../../adapters/dynamodb/journal.ts';
import { dynamoMailboxes } from '../../adapters/dynamodb/mailboxes.ts';
import { dynamoRoster } from '../../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { systemClock, systemIds, systemTimer } from '../../adapters/system.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Logs } from '../../broker/ports.ts';
import { writeRecord } from '../../broker/recovery-record.ts';
import { makePolicies } from '../../broker/rules.ts';
import { Emitter } from '../../emitter/emitter.ts';
import { performOver } from '../../emitter/perform.ts';
import { emitterPorts } from '../../emitter/ports.ts';
import { localClient } from '../dynamodb-local.ts';
import { makeTable } from './tables.ts';

const endpoint = process.env['DYNAMODB_LOCAL_ENDPOINT'];

async function makeWorld(client: ReturnType<typeof localClient>) {
  const { tableName, drop } = await makeTable(client);
  const limits = { ...LIMITS, catchUpSecondsMax: 0.05 };
  const never = () => Promise.reject(new Error('an emitter does no such thing'));
  const world = {
    clock: systemClock,
    timer: systemTimer,
    ids: systemIds,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    limits,
    client: DynamoDBDocumentClient.from(client),
    tableName,
  };
  const { held, ...store } = dynamoStore(world);
  const policies = makePolicies([]);
  const once = appendingClient({
    ...(endpoint === undefined ? {} : { endpoint }),
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const appending = DynamoDBDocumentClient.from(once);
  const logs: Logs = {
    held,
    journal: dynamoJournal({ ...world, policies, appending }),
    roster: dynamoRoster(world),
    checks: dynamoChecks(world),
    shelf: dynamoShelf(world),
    policies,
    later: { schedule: never },
    liveness: { alive: never },
  };
  const posts: string[] = [];
  const sockets = {
    post: async (deliveries: readonly { connectionId: string; posts: readonly Uint8Array[] }[]) =>
      deliveries.map(({ connectionId, posts: some }) => {
        for (const post of some) posts.push(`${connectionId} ${Buffer.from(post)}`);
        return 'sent' as const;
      }),
    close: async (connectionId: string) => void posts.push(`${connectionId} closed`),
  };
  const mailboxes = dynamoMailboxes(world);
  const ports = emitterPorts({ ...world, store, logs, sockets, mailboxes });
  const connect = async (id: string, ...rooms: readonly string[]) => {
    const now = systemClock.now();
    const session = `${id.repeat(8)}-0000-4000-8000-000000000000`;
    const connection = {
      id,
      carrier: 'engineio',
      dialect: 'socketio',
      version: '5',
      session,
      connectedAt: now,
      expiresAt: now + 60_000,
      stamp: '0',
    };
    await store.open(connection);
    const record = { pid: `${session}.x`, connectionId: id };
    await writeRecord(session, record, connection.expiresAt, logs);
    for (const room of rooms) {
      const destination = parseDestination(`/room/${room}`, limits);
      const subscription = { connectionId: id, id: `m${room}`, destination: `/room/${room}` };
      const asked = { ...subscription, ack: 'auto', stamp: '1' } as const;
      await held.hold(connection, asked, destination);
      await held.enlist(id, `m${room}`, '1', destination);
    }
    return session;
  };
  return { emitter: new Emitter(performOver(ports)), ports, posts, connect, drop };
}

if (endpoint === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  const client = localClient(endpoint);
  let world: Awaited<ReturnType<typeof makeWorld>>;
  beforeEach(async () => {
    world = await makeWorld(client);
  });
  afterEach(() => world.drop());
  afterAll(() => client.destroy());

  test('a union without exceptions is one copy each; everybody is everybody', async () => {
    const { emitter, posts, connect } = world;
    await connect('a', 'x');
    await connect('b', 'x', 'y');
    await connect('c', 'x', 'z');
    const d = await connect('d');
    await emitter.to('x').to('y').except('z').emit('hi', 1);
    expect(posts.splice(0).sort()).toEqual(['a 42["hi",1]', 'b 42["hi",1]']);
    await emitter.emit('all');
    expect(posts.splice(0).sort()).toEqual(['a', 'b', 'c', 'd'].map((id) => `${id} 42["all"]`));
    await emitter.to(d).emit('you');
    expect(posts.splice(0)).toEqual(['d 42["you"]']);
  });

  test('what is for one room alone goes into its log', async () => {
    const { emitter, posts, ports } = world;
    await emitter.to('x').emit('news');
    expect(posts).toEqual([]);
    expect(await ports.logs.journal.head('/room/x')).toMatchObject({ seq: 1 });
  });

  test('sockets are told of, made to join and leave, and sent away', async () => {
    const { emitter, posts, connect, ports } = world;
    const a = await connect('a', 'x');
    await connect('b');
    expect(await emitter.in('x').fetchSockets()).toEqual([{ id: a, rooms: ['x'] }]);
    await emitter.in('x').socketsJoin('y');
    const rooms = (await ports.store.subscriptions('a')).map(({ id }) => id).sort();
    expect(rooms).toEqual(['mx', 'my']);
    await emitter.in('x').socketsLeave('x');
    expect(await emitter.in('x').fetchSockets()).toEqual([]);
    await emitter.to(a).disconnectSockets();
    expect(posts).toEqual(['a 41', 'a closed']);
    expect((await emitter.fetchSockets()).map(({ id }) => id[0])).toEqual(['b']);
  });
}
