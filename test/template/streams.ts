/**
 * DynamoDB Streams to Lambda: reads DynamoDB Local's stream shard by shard, in order, with the
 * function's own role, one batch at a time. A batch that failed is tried again until it succeeds.
 */
import { TemplateFault } from './fault.ts';
import type { LambdaFunction } from './functions.ts';
import { asList, asText, isObject, type JsonObject, type Reader } from './json.ts';
import { REGION, streamArn } from './names.ts';
import type { SourceOptions } from './sources.ts';
import type { Resolved, Stack } from './stack.ts';
import { filterOf } from './stream-filter.ts';
import { callDynamo } from './tables.ts';

export interface StreamSource {
  close(): Promise<void>;
}

/** What the poller does with the role (Lambda Developer Guide, "DynamoDB event source"). */
const STREAM_ACTIONS = [
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
];
/** Lambda polls a shard four times a second. */
const POLL_MILLISECONDS = 250;
const STREAMS_API = 'DynamoDBStreams_20120810';

export function pumpStream(
  { properties }: Resolved,
  arn: string,
  stack: Stack,
  options: SourceOptions,
): StreamSource {
  const { where } = properties;
  const target = options.lambdas.byArn(properties.text('FunctionName'), where);
  const table = stack.of('AWS::DynamoDB::Table').find(({ name }) => streamArn(name) === arn);
  if (table === undefined || table.properties.value['StreamSpecification'] === undefined) {
    throw new TemplateFault('unknown-reference', where, `the stream ${arn}`);
  }
  const demand = (action: string, resource: string): void => {
    if (options.authority.allows(target.spec.role, action, resource)) return;
    throw new TemplateFault('source-unreadable', where, `${target.spec.role} lacks ${action}`);
  };
  for (const action of STREAM_ACTIONS) demand(action, arn);
  const settings = settingsOf(properties, demand);
  if (properties.maybeFlag('Enabled') === false) {
    throw new TemplateFault('source-unreadable', where, 'Enabled is false');
  }
  const matching = filterOf(properties.object('FilterCriteria')?.list('Filters') ?? [], where);
  properties.done();
  let open = true;
  const invoke = async (records: readonly JsonObject[]): Promise<void> => {
    const passed = records
      .filter(matching)
      .map((one) => ({ ...one, eventSourceARN: arn, awsRegion: REGION }));
    const batch = { target, settings, options, open: () => open };
    if (passed.length > 0) await handle(passed, batch);
  };
  const following = { batchSize: settings.batchSize, invoke, open: () => open };
  const running = follow(options.dynamoUrl, table.name, following).catch((cause) => {
    if (open) options.onFault('handler-failed', `${arn} cannot be followed: ${String(cause)}`);
  });
  return {
    close: async () => {
      open = false;
      await running;
    },
  };
}

interface Settings {
  readonly batchSize: number;
  readonly retriesMax: number;
  readonly bisects: boolean;
  readonly reports: boolean;
}

/** `demand` is asked for the rights that the on-failure destination takes. */
function settingsOf(
  properties: Reader,
  demand: (action: string, resource: string) => void,
): Settings {
  // How much at once and how long: neither changes what arrives, or in which order per key.
  properties.ignore('MaximumBatchingWindowInSeconds', 'ParallelizationFactor', 'Tags');
  properties.ignore('MaximumRecordAgeInSeconds', 'MetricsConfig');
  const position = properties.text('StartingPosition');
  if (position !== 'LATEST' && position !== 'TRIM_HORIZON') {
    throw new TemplateFault('wrong-value', `${properties.where}.StartingPosition`, position);
  }
  const failure = properties.object('DestinationConfig')?.object('OnFailure');
  const destination = failure?.text('Destination');
  if (destination !== undefined) demandDestination(destination, demand);
  const retries = properties.maybeNumber('MaximumRetryAttempts') ?? -1;
  return {
    batchSize: properties.maybeNumber('BatchSize') ?? 100,
    retriesMax: retries < 0 ? Number.POSITIVE_INFINITY : retries,
    bisects: properties.maybeFlag('BisectBatchOnFunctionError') ?? false,
    reports: properties.list('FunctionResponseTypes').includes('ReportBatchItemFailures'),
  };
}

function demandDestination(arn: string, demand: (action: string, resource: string) => void): void {
  if (arn.startsWith('arn:aws:s3:::')) {
    demand('s3:ListBucket', arn);
    demand('s3:PutObject', `${arn}/key`);
  } else demand(arn.includes(':sqs:') ? 'sqs:SendMessage' : 'sns:Publish', arn);
}

interface Batch {
  readonly target: LambdaFunction;
  readonly settings: Settings;
  readonly options: SourceOptions;
  readonly open: () => boolean;
}

/** Until the function has taken all of them, or they were tried too often. */
async function handle(records: readonly JsonObject[], batch: Batch): Promise<void> {
  const { target, settings, options } = batch;
  let rest = records;
  for (let tried = 0; batch.open() && rest.length > 0; tried++) {
    const answer = await target.invoke({ Records: rest });
    const taken = settings.reports && 'value' in answer ? takenOf(answer.value, rest) : undefined;
    if ('value' in answer && taken === undefined) return;
    if ('errorType' in answer) {
      const { errorType, errorMessage } = answer;
      options.onFault('handler-failed', `${target.spec.name}: ${errorType}: ${errorMessage}`);
    }
    rest = rest.slice(taken ?? 0);
    if (tried >= settings.retriesMax) {
      options.onFault('handler-failed', `${target.spec.name} gave up on ${rest.length} records`);
      return;
    }
    if (settings.bisects && taken === undefined && rest.length > 1) {
      const middle = Math.ceil(rest.length / 2);
      await handle(rest.slice(0, middle), batch);
      return handle(rest.slice(middle), batch);
    }
    await pause(options.retryMilliseconds);
  }
}

/** How many leading records were taken, by the first that is reported; undefined: all of them. */
function takenOf(value: string, records: readonly JsonObject[]): number | undefined {
  const answer: unknown = JSON.parse(value);
  const listed = isObject(answer) ? answer['batchItemFailures'] : undefined;
  const failed = (Array.isArray(listed) ? listed : []).map((one) =>
    isObject(one) ? one['itemIdentifier'] : undefined,
  );
  if (failed.length === 0) return undefined;
  const at = records.findIndex(({ dynamodb }) =>
    failed.includes(isObject(dynamodb) ? dynamodb['SequenceNumber'] : undefined),
  );
  // An unknown identifier fails the whole batch.
  return Math.max(0, at);
}

interface Following {
  readonly batchSize: number;
  readonly invoke: (records: readonly JsonObject[]) => Promise<void>;
  readonly open: () => boolean;
}

async function follow(url: string, table: string, following: Following): Promise<void> {
  const iterators = new Map<string, string>();
  while (following.open()) {
    const { Table } = await call(url, 'DescribeTable', { TableName: table }, undefined);
    const StreamArn = isObject(Table) ? Table['LatestStreamArn'] : undefined;
    const described = await call(url, 'DescribeStream', { StreamArn }, STREAMS_API);
    const description = isObject(described['StreamDescription'])
      ? described['StreamDescription']
      : {};
    for (const shard of asList(description['Shards'] ?? [], table)) {
      const ShardId = isObject(shard) ? asText(shard['ShardId'], table) : '';
      const iterator = iterators.get(ShardId) ?? (await begin(url, StreamArn, ShardId));
      iterators.set(ShardId, await step(url, iterator, following));
    }
    await pause(POLL_MILLISECONDS);
  }
}

async function begin(url: string, StreamArn: unknown, ShardId: string): Promise<string> {
  const input = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
  const found = await call(url, 'GetShardIterator', input, STREAMS_API);
  return String(found['ShardIterator'] ?? '');
}

/** One read of one shard; returns where the next begins, '' at the end of a closed shard. */
async function step(url: string, iterator: string, following: Following): Promise<string> {
  if (iterator === '') return '';
  const input = { ShardIterator: iterator, Limit: Math.min(1000, following.batchSize) };
  const got = await call(url, 'GetRecords', input, STREAMS_API);
  const records = asList(got['Records'] ?? [], 'GetRecords').filter(isObject);
  if (records.length > 0) await following.invoke(records);
  return String(got['NextShardIterator'] ?? '');
}

async function call(
  url: string,
  operation: string,
  input: JsonObject,
  api: string | undefined,
): Promise<JsonObject> {
  const { body } = await callDynamo(url, operation, input, api);
  const parsed: unknown = JSON.parse(body);
  return isObject(parsed) ? parsed : {};
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
