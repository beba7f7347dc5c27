/**
 * DynamoDB Streams to Lambda: reads DynamoDB Local's stream shard by shard, in order, with the
 * function's own role, one batch at a time. A batch that failed is tried again until it succeeds.
 */
import { TemplateFault } from './fault.ts';
import { asList, asText, isObject, type JsonObject } from './json.ts';
import { REGION, streamArn } from './names.ts';
import type { SourceOptions } from './sources.ts';
import type { Resolved, Stack } from './stack.ts';
import { callDynamo } from './tables.ts';

export interface StreamSource {
  close(): Promise<void>;
}

/** What the poller does with the role (Lambda Developer Guide, "DynamoDB event source"). */
const STREAM_ACTIONS = [
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
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
  for (const action of STREAM_ACTIONS) {
    if (options.authority.allows(target.spec.role, action, arn)) continue;
    throw new TemplateFault('source-unreadable', where, `${target.spec.role} lacks ${action}`);
  }
  properties.ignore('MaximumBatchingWindowInSeconds', 'MaximumRecordAgeInSeconds');
  properties.ignore('MaximumRetryAttempts', 'BisectBatchOnFunctionError', 'DestinationConfig');
  properties.ignore('ParallelizationFactor', 'FunctionResponseTypes', 'Tags');
  const position = properties.text('StartingPosition');
  if (position !== 'LATEST' && position !== 'TRIM_HORIZON') {
    throw new TemplateFault('wrong-value', `${where}.StartingPosition`, position);
  }
  const batchSize = properties.maybeNumber('BatchSize') ?? 100;
  const matching = filtersOf(properties.object('FilterCriteria')?.list('Filters') ?? [], where);
  properties.done();
  let open = true;
  const invoke = async (records: readonly JsonObject[]): Promise<void> => {
    const Records = records
      .filter(matching)
      .map((one) => ({ ...one, eventSourceARN: arn, awsRegion: REGION }));
    while (open && Records.length > 0) {
      const answer = await target.invoke({ Records });
      if ('value' in answer) return;
      options.onFault(
        'handler-failed',
        `${target.spec.name}: ${answer.errorType}: ${answer.errorMessage}`,
      );
      await pause(options.retryMilliseconds);
    }
  };
  const running = follow(options.dynamoUrl, table.name, { batchSize, invoke, open: () => open });
  return {
    close: async () => {
      open = false;
      await running;
    },
  };
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

/** Filter patterns: nested objects whose leaves are lists of exact values; more is refused. */
function filtersOf(filters: readonly unknown[], where: string): (record: JsonObject) => boolean {
  const patterns = filters.map((filter): unknown =>
    JSON.parse(asText(isObject(filter) ? filter['Pattern'] : undefined, where)),
  );
  for (const pattern of patterns) demandExact(pattern, where);
  return (record) => patterns.length === 0 || patterns.some((one) => fits(one, record));
}

function demandExact(pattern: unknown, where: string): void {
  if (isObject(pattern)) for (const inner of Object.values(pattern)) demandExact(inner, where);
  else if (!Array.isArray(pattern) || pattern.some((one) => !isExact(one))) {
    throw new TemplateFault('wrong-value', `${where}.FilterCriteria`, JSON.stringify(pattern));
  }
}

function isExact(one: unknown): boolean {
  return typeof one === 'string' || (isObject(one) && typeof one['prefix'] === 'string');
}

function fits(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) {
    return pattern.some((one) =>
      isObject(one) ? String(value).startsWith(String(one['prefix'])) : one === value,
    );
  }
  if (!isObject(pattern) || !isObject(value)) return false;
  return Object.entries(pattern).every(([key, inner]) => fits(inner, value[key]));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
