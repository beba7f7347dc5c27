/** The contract of mailboxes against Amazon's DynamoDB Local. `npm run test:dynamodb` starts it. */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dynamoMailboxes } from '../../adapters/dynamodb/mailboxes.ts';
import { systemIds, systemTimer } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import { gatesContract, type MakeGates } from '../contract/gates.ts';
import { mailboxContract } from '../contract/mailboxes.ts';
import { localClient } from '../dynamodb-local.ts';
import { makeTable } from './tables.ts';

const endpoint = process.env['DYNAMODB_LOCAL_ENDPOINT'];

if (endpoint === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  const client = localClient(endpoint);
  const documents = DynamoDBDocumentClient.from(client);
  const world = { client: documents, timer: systemTimer, ids: systemIds };
  afterAll(() => client.destroy());

  const make: MakeGates = async ({ clock, limits }) => {
    const { tableName, drop } = await makeTable(client);
    return { mailboxes: dynamoMailboxes({ ...world, tableName, clock, limits }), close: drop };
  };
  mailboxContract('DynamoDB', make);
  gatesContract('DynamoDB', make);

  test('more posts than one update can take come in several takes, all, in order', async () => {
    const { tableName, drop } = await makeTable(client);
    const clock = { now: () => 2_000_000_000_000 };
    const mailboxes = dynamoMailboxes({ ...world, tableName, clock, limits: LIMITS });
    const until = clock.now() + 1000;
    await mailboxes.open('s.a', 's.a.1', { receiver: 'r', until, expiresAt: until });
    const posts = Array.from({ length: 450 }, (_, index) => Buffer.from(String(index)));
    expect(await mailboxes.append('s.a.1', posts)).toBe('done');
    await mailboxes.close('s.a.1', { code: 1000, reason: 'Bye' }, until);
    const heard: string[] = [];
    for (let round = 0; round < 3; round++) {
      const taken = await mailboxes.take('s.a', 'r');
      if (taken === 'lost') throw new Error('lost');
      heard.push(...taken.posts.map((post) => Buffer.from(post).toString()));
      expect(taken.closed).toEqual(round < 2 ? undefined : { code: 1000, reason: 'Bye' });
    }
    expect(heard).toEqual(posts.map(String));
    await drop();
  });
}
