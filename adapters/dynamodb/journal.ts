/**
 * Logs in the one table. A change is one UpdateItem of the log's head, made in ONE attempt, for a
 * repeated `ADD` is a second message: what DynamoDB says it refused is made again after a pause, any
 * doubtful outcome (a time-out, a 5xx) is thrown. A change under a name of its own is a transaction
 * with a client token, which the SDK may repeat: DynamoDB does it once.
 *
 * Costs stand beside each method, in write units (1 KB) and read units (4 KB, consistent).
 */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { LoggedMessage, Position } from '../../broker/model.ts';
import type { Journal, Progress } from '../../broker/ports.ts';
import { type Known, number, onlyKnown, text } from './attributes.ts';
import { type Batches, dynamoBatches } from './batches.ts';
import { putAside } from './bodies.ts';
import { messageRow, readMessage } from './entries.ts';
import { expiresAt, type HeadWorld, headUpdate, readHead } from './head.ts';
import { type Patience, persist } from './patience.ts';
import { expiry, isLive } from './rows.ts';
import { headKey, historyKey, progressKey, type Row } from './schema.ts';
import { dynamoTable, type Table } from './table.ts';
import { transact } from './transaction.ts';

export interface DynamoJournalOptions extends HeadWorld, Patience {
  readonly client: DynamoDBDocumentClient;
  /** Makes one attempt a call, as `appendingClient` does; it is checked. */
  readonly appending: DynamoDBDocumentClient;
}

/** DynamoDB answers in milliseconds; a change slower than this has an outcome nobody knows. */
const APPEND_MILLISECONDS_MAX = 3000;
const CONNECT_MILLISECONDS_MAX = 1000;

/** A client for appends: no retries of its own, and an end to waiting. */
export function appendingClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    ...config,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MILLISECONDS_MAX,
      requestTimeout: APPEND_MILLISECONDS_MAX,
      throwOnRequestTimeout: true,
    },
  });
}

interface World extends DynamoJournalOptions {
  readonly table: Table;
  readonly batches: Batches;
}

export function dynamoJournal(options: DynamoJournalOptions): Journal {
  const { client, tableName } = options;
  const table = dynamoTable(client, tableName);
  const world = { ...options, table, batches: dynamoBatches(client, tableName, options) };
  return {
    append: (destination, entries) => append(world, destination, entries),

    /**
     * 4 WRU and 1 RRU, and 2 WRU for each further KB. The position is read behind the transaction,
     * which returns nothing: it is this message's own, or a later one if others wrote meanwhile.
     */
    async appendOnce(destination, entry, publishId) {
      const changes = [{ destination, entries: [entry] }];
      const outcome = await transact(world, changes, { log: destination, id: publishId });
      return outcome === 'repeated' ? outcome : position(await headOf(world, destination));
    },

    /** 2 WRU and 2 for each log, and 2 for each further KB. */
    async commit(changes, once) {
      return transact(world, changes, { log: '', id: once });
    },

    head: (destination) => headOf(world, destination),

    /** 1 WRU for each message and KB. */
    keep: (destination, epoch, messages, until) =>
      keep(world, { destination, epoch, messages, until }),

    history: (destination, epoch, range) => history(world, { destination, epoch, ...range }),

    /** 1 RRU. */
    async progress(destination) {
      const row = await table.get(progressKey(destination));
      return row && readProgress(row);
    },

    advance: (destination, progress) => advance(world, destination, progress),
  };
}

/** 1 WRU for each KB of this change or the one before, whichever is larger, and large bodies' own. */
async function append(
  world: World,
  destination: string,
  entries: Parameters<Journal['append']>[1],
): Promise<Position> {
  const { appending } = world;
  if ((await appending.config.maxAttempts()) !== 1) {
    throw new Error('Appending needs a client that makes one attempt: appendingClient()');
  }
  const rows = await putAside(entries, world.batches, world);
  const update = headUpdate(world, destination, rows);
  const { Attributes } = await persist(
    async () => {
      try {
        return await appending.send(new UpdateCommand({ ...update, ReturnValues: 'UPDATED_NEW' }));
      } catch (fault) {
        if (!isRefusal(fault)) throw fault;
        return undefined;
      }
    },
    `DynamoDB refused a change of ${destination} time after time`,
    world,
  );
  return position(Attributes && readHead(Attributes));
}

/** Faults by which DynamoDB says that it has not written. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TransactionConflictException',
]);

function isRefusal(fault: unknown): boolean {
  return fault instanceof Error && REFUSALS.has(fault.name);
}

function position(head: Position | undefined): Position {
  if (head === undefined) throw new Error('A log that was just written to has no head');
  return { epoch: head.epoch, seq: head.seq };
}

/** 1 RRU for each 4 KB of the last change. */
async function headOf({ client, tableName }: World, destination: string) {
  const { Item } = await client.send(
    new GetCommand({
      TableName: tableName,
      Key: { ...headKey(destination) },
      ConsistentRead: true,
      ProjectionExpression: 'epoch, seq, revision',
    }),
  );
  return Item && readHead(Item);
}

interface Keeping {
  readonly destination: string;
  readonly epoch: string;
  readonly messages: readonly LoggedMessage[];
  readonly until: number;
}

async function keep({ batches }: World, { destination, epoch, messages, until }: Keeping) {
  const rows = new Map(
    messages.map((message) => {
      const key = historyKey(destination, epoch, message.seq);
      const { seq } = message;
      return [seq, { seq, ...key, ...messageRow(message), ...expiry(until) }] as const;
    }),
  );
  await batches.write([...rows.values()].map((put) => ({ put })));
}

const HISTORY_ATTRIBUTES = [
  'seq',
  'id',
  'destination',
  'headers',
  'body',
  'at',
  'audience',
  'expiresAt',
] as const;

interface Wanted {
  readonly destination: string;
  readonly epoch: string;
  readonly after: number;
  readonly upTo: number;
  readonly most: number;
}

/** 1 RRU for each 4 KB of what is found, and of what has expired among it. */
async function history({ table, clock }: World, wanted: Wanted): Promise<LoggedMessage[]> {
  const { destination, epoch, after, upTo, most } = wanted;
  const found: LoggedMessage[] = [];
  if (upTo <= after || most <= 0) return found;
  const first = historyKey(destination, epoch, after + 1);
  const last = historyKey(destination, epoch, upTo);
  const asked = { pk: last.pk, range: [first.sk, last.sk] as const, lastFirst: true };
  const now = clock.now();
  let page: Awaited<ReturnType<Table['query']>> | undefined;
  do {
    page = await table.query({
      ...asked,
      attributes: HISTORY_ATTRIBUTES,
      rowsMax: most - found.length,
      ...(page?.next && { from: page.next }),
    });
    for (const row of page.rows) {
      if (!isLive(row, now)) continue;
      found.push({ ...readMessage(row, new Map()), seq: number(row, 'seq') });
    }
  } while (page.next !== undefined && found.length < most);
  return found.reverse();
}

const PROGRESS: Known<Progress> = {
  epoch: true,
  revision: true,
  durables: true,
  slices: true,
  slicesSeq: true,
  slicesAt: true,
};
const KEY_AND_EXPIRY = { pk: true, sk: true, expiresAt: true, expires: true } as const;

function readProgress(row: Row): Progress {
  onlyKnown(row, PROGRESS, KEY_AND_EXPIRY);
  return {
    epoch: text(row, 'epoch'),
    revision: number(row, 'revision'),
    ...(row['durables'] === true && { durables: true }),
    ...(row['slices'] !== undefined && { slices: number(row, 'slices') }),
    ...(row['slicesSeq'] !== undefined && { slicesSeq: number(row, 'slicesSeq') }),
    ...(row['slicesAt'] !== undefined && { slicesAt: number(row, 'slicesAt') }),
  };
}

/** 1 WRU. */
async function advance(world: World, destination: string, progress: Progress): Promise<void> {
  const row = { ...progressKey(destination), ...progress };
  await world.batches.write([{ put: { ...row, ...expiry(expiresAt(world, destination)) } }]);
}
