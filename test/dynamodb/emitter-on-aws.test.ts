/** `emitterOnAws` itself, over a table and a stage on this machine: what it asks of both. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dynamoJournal } from '../../adapters/dynamodb/journal.ts';
import { dynamoMailboxes } from '../../adapters/dynamodb/mailboxes.ts';
import { dynamoShelf } from '../../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { systemClock, systemIds, systemTimer } from '../../adapters/system.ts';
import { sessionConnectionId, sessionName } from '../../broker/address.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Principal } from '../../broker/model.ts';
import type { Logs } from '../../broker/ports.ts';
import { writeRecord } from '../../broker/recovery-record.ts';
import { makeRevocations } from '../../broker/revocations.ts';
import { makePolicies } from '../../broker/rules.ts';
import { emitterOnAws } from '../../emitter/aws.ts';
import { TABLE_ACTIONS } from '../../infra/grants.ts';
import { serve } from '../adapters/management-server.ts';
import { localClient } from '../dynamodb-local.ts';
import { makeTable } from './tables.ts';

const local = process.env['DYNAMODB_LOCAL_ENDPOINT'];

/** Hands everything on, and notes which action it is. */
async function recording(endpoint: string) {
  const actions = new Set<string>();
  const server = createServer(async (request, response) => {
    const target = String(request.headers['x-amz-target']);
    actions.add(`dynamodb:${target.split('.')[1]}`);
    const { host: _, connection: __, ...kept } = request.headers;
    const headers = Object.entries(kept).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const body = await text(request);
    const answer = await fetch(endpoint, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    actions,
    endpoint: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function stage(endpoint: string) {
  const client = localClient(endpoint);
  const { tableName, drop } = await makeTable(client);
  const posts: string[] = [];
  const gone = new Set<string>();
  const gateway = await serve(async (request, response) => {
    const id = decodeURIComponent(/@connections\/(.*)$/.exec(request.url ?? '')?.[1] ?? '');
    posts.push(`${request.method} ${id} ${await text(request)}`.trim());
    response.writeHead(gone.has(id) ? 410 : 200).end();
  });
  const table = await recording(endpoint);
  const before = { ...process.env };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: 'us-east-1',
  });
  const emitter = emitterOnAws({ tableName, managementEndpoint: gateway.endpoint });
  const world = {
    clock: systemClock,
    timer: systemTimer,
    ids: systemIds,
    limits: LIMITS,
    client: DynamoDBDocumentClient.from(client),
    tableName,
  };
  return {
    ...table,
    emitter,
    posts,
    gone,
    world: { ...world, store: dynamoStore(world), shelf: dynamoShelf(world) },
    async end() {
      process.env = before;
      table.close();
      await gateway.close();
      await drop();
      client.destroy();
    },
  };
}

type World = Awaited<ReturnType<typeof stage>>['world'];

/** A Socket.IO client, old enough for a 410 to be believed, in these rooms. */
async function connect(
  { store, shelf }: World,
  id: string,
  rooms: readonly string[],
  principal?: Principal,
) {
  const now = systemClock.now();
  const session = `${id.slice(-1).repeat(8)}-0000-4000-8000-000000000000`;
  const connection = {
    id,
    carrier: 'engineio',
    dialect: 'socketio',
    version: '5',
    session,
    connectedAt: now - 60_000,
    expiresAt: now + 60_000,
    stamp: '0',
    ...(principal === undefined ? {} : { principal }),
  };
  await store.open(connection);
  const logs = { shelf } as unknown as Logs;
  await writeRecord(session, { pid: `${session}.x`, connectionId: id }, now + 60_000, logs);
  for (const room of rooms) {
    const destination = parseDestination(`/room/${room}`, LIMITS);
    const asked = { connectionId: id, id: `m${room}`, destination: `/room/${room}` };
    const subscription = { ...asked, ack: 'auto', stamp: '1' } as const;
    await store.held.hold(connection, subscription, destination);
    await store.held.enlist(id, `m${room}`, '1', destination);
  }
  return session;
}

/** As if `deliver` were far ahead: who joins waits for nobody. */
async function delivered(world: World, room: string): Promise<void> {
  const policies = makePolicies([]);
  const journal = dynamoJournal({ ...world, policies, appending: world.client });
  const head = await journal.head(room);
  if (head === undefined) throw new Error('nothing is to be delivered');
  await journal.advance(room, { epoch: head.epoch, revision: head.revision + 1000 });
}

if (local === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  let at: Awaited<ReturnType<typeof stage>>;
  beforeEach(async () => {
    at = await stage(local);
  });
  afterEach(() => at.end());

  test('all verbs together ask the table for what grantEmit allows, each action of it', async () => {
    const { emitter, posts, gone, world, actions } = at;
    const a = await connect(world, 'a', ['x', 'y']);
    await connect(world, 'b', ['x']);
    gone.add('b');
    const session = sessionName('engineio', 'c');
    const polling = sessionConnectionId(session, 'c');
    const lease = { receiver: 'r', until: 0, expiresAt: systemClock.now() + 60_000 };
    await dynamoMailboxes(world).open(session, polling, lease);
    await connect(world, polling, ['x']);
    await emitter.to('x').emit('news');
    await emitter.to('x').emit('large', 'y'.repeat(20_000));
    await emitter.to(['x', 'y']).emit('both');
    expect(posts).toEqual(expect.arrayContaining(['POST a 42["both"]', 'DELETE b']));
    expect(posts.filter((post) => post.includes('both'))).toHaveLength(2);
    await emitter.to('y').volatile.emit('now');
    await expect(emitter.to('y').timeout(30).emitWithAck('asked')).rejects.toThrow('in time');
    await emitter.to('z').emit('first');
    await delivered(world, '/room/z');
    await emitter.to(a).socketsJoin('z');
    await emitter.to(a).socketsLeave('y');
    expect((await emitter.fetchSockets()).map(({ rooms }) => [...rooms].sort())).toContainEqual([
      'x',
      'z',
    ]);
    await emitter.disconnectSockets();
    expect([...actions].sort()).toEqual([...TABLE_ACTIONS.emit]);
  });

  test('whoever is banned, or whose token has run out, hears nothing of it', async () => {
    const { emitter, posts, world } = at;
    const known = { policy: 'p', grants: [] };
    const expiresAt = systemClock.now() - 1;
    await connect(world, 'a', ['x', 'y'], { ...known, user: 'ann' });
    await connect(world, 'b', ['x', 'y'], { ...known, user: 'bob' });
    await connect(world, 'c', ['x', 'y']);
    await connect(world, 'd', ['x', 'y'], { ...known, user: 'dan', expiresAt });
    const bans = makeRevocations(world.shelf, systemClock, LIMITS);
    await bans.ban({ user: 'bob' }, systemClock.now() + 60_000);
    await emitter.to(['x', 'y']).emit('hi');
    expect(posts.sort()).toEqual(['POST a 42["hi"]', 'POST c 42["hi"]']);
  });
}
