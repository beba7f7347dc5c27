/**
 * The contracts of the logged lane against Amazon's DynamoDB Local, a table a test; what `deliver`
 * is told is read from the table's real stream. `npm run test:dynamodb` starts it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dynamoChecks } from '../../adapters/dynamodb/checks.ts';
import { appendingClient, dynamoJournal } from '../../adapters/dynamodb/journal.ts';
import { dynamoRoster } from '../../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { decodeStream } from '../../adapters/dynamodb/stream.ts';
import { systemIds, systemTimer } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import { makePolicies } from '../../broker/rules.ts';
import { checksContract } from '../contract/checks.ts';
import { durablesContract } from '../contract/durables.ts';
import { heldContract } from '../contract/held.ts';
import { journalContract } from '../contract/journal.ts';
import type { JournalWorld } from '../contract/journal-world.ts';
import { rosterContract } from '../contract/roster.ts';
import { type MakeShelf, shelfContract } from '../contract/shelf.ts';
import { localClient } from '../dynamodb-local.ts';
import { makeTable, readStream } from './tables.ts';

const endpoint = process.env['DYNAMODB_LOCAL_ENDPOINT'];

if (endpoint === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  const plain = localClient(endpoint);
  const once = appendingClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const client = DynamoDBDocumentClient.from(plain);
  const appending = DynamoDBDocumentClient.from(once);
  afterAll(() => {
    plain.destroy();
    once.destroy();
  });

  /** How often a stream is asked for what must come, and how long between. */
  const [LOOKS_MAX, LOOK_MILLISECONDS] = [200, 25];

  async function openJournal(world: JournalWorld) {
    const { tableName, drop } = await makeTable(plain);
    const timer = systemTimer;
    // Client tokens are the account's: the contract's own ids would meet those of other tables.
    const options = { ...world, ids: systemIds, client, tableName, timer };
    const journal = dynamoJournal({ ...options, appending, policies: makePolicies([]) });
    const stream = await readStream(plain, endpoint ?? '', tableName);
    const records = async (atLeast: number) => {
      for (let look = 0; look < LOOKS_MAX; look++) {
        const found = await decodeStream(await stream.event(), options);
        if (found.length >= atLeast) return found;
        await sleep(LOOK_MILLISECONDS);
      }
      throw new Error(`The stream never told of ${atLeast} changes`);
    };
    return { journal, records, close: drop };
  }

  journalContract('DynamoDB', openJournal, { runs: 40 });

  heldContract('DynamoDB', async ({ clock, limits }) => {
    const { tableName, drop } = await makeTable(plain);
    return { store: dynamoStore({ client, tableName, clock, limits }), close: drop };
  });

  rosterContract(
    'DynamoDB',
    async (world) => {
      const { tableName, drop } = await makeTable(plain);
      const roster = dynamoRoster({ ...world, client, tableName, timer: systemTimer });
      return { roster, close: drop };
    },
    { runs: 40 },
  );

  checksContract('DynamoDB', async ({ limits }) => {
    const { tableName, drop } = await makeTable(plain);
    return { checks: dynamoChecks({ client, tableName, limits }), close: drop };
  });

  const makeShelf: MakeShelf = async (clock) => {
    const { tableName, drop } = await makeTable(plain);
    const options = { client, tableName, clock, limits: LIMITS, timer: systemTimer };
    return { shelf: dynamoShelf(options), close: drop };
  };
  shelfContract('DynamoDB', makeShelf);
  durablesContract('DynamoDB', makeShelf);

  test('a plain client is refused for appends: its retries would say messages twice', async () => {
    const world = {
      client,
      tableName: 'none',
      clock: { now: () => 0 },
      ids: { random: () => 'x' },
      limits: LIMITS,
      timer: systemTimer,
      policies: makePolicies([]),
    };
    const journal = dynamoJournal({ ...world, appending: client });
    await expect(journal.append('/room/x', [])).rejects.toThrow('one attempt');
  });
}
