/** What streams and schedules do, on assemblies written by hand: our own stack is but one use. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { fixture, lambda, role } from './fixture.ts';
import type { JsonObject } from './json.ts';
import { openRuntime, type Runtime } from './runtime.ts';
import { callDynamo } from './tables.ts';

export interface PumpCheck {
  readonly name: string;
  run(dynamoUrl: string): Promise<void>;
}

const PATIENCE_MILLISECONDS = 10_000;

const STREAM = { 'Fn::GetAtt': ['Table', 'StreamArn'] };
const READ_STREAM = {
  Action: ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
    (action) => `dynamodb:${action}`,
  ),
  Resource: STREAM,
};

const TABLE = {
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    TableName: 'Streamed',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
  },
};

/** Fails the first time it is called, then logs what it is given. */
const SOURCE = `
let calls = 0;
export const routes = async () => ({ statusCode: 200 });
export const stream = async ({ Records }) => {
  calls += 1;
  if (calls === 1) throw new Error('planted');
  for (const { dynamodb } of Records) console.log('got', dynamodb.NewImage.value.S);
};
export const scheduled = async (event) => console.log('scheduled', event['detail-type']);
`;

function streamed(rights: JsonObject, mapping: JsonObject = {}): JsonObject {
  return {
    Table: TABLE,
    Role: role(rights),
    Stream: lambda('stream'),
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: STREAM,
        FunctionName: { Ref: 'Stream' },
        StartingPosition: 'LATEST',
        ...mapping,
      },
    },
  };
}

/** Opens the assembly, lets `use` look at what its functions log, and closes it. */
async function withRuntime(
  resources: JsonObject,
  dynamoUrl: string,
  use: (runtime: Runtime, logged: (line: string) => Promise<readonly string[]>) => Promise<void>,
): Promise<void> {
  const { folder, discard } = fixture(resources, SOURCE);
  const lines: string[] = [];
  const events = new EventEmitter();
  const log = (line: string): void => {
    lines.push(...line.split('\n'));
    events.emit('line');
  };
  const logged = async (last: string): Promise<readonly string[]> => {
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    while (!lines.some((line) => line.includes(last))) await once(events, 'line', { signal });
    return lines;
  };
  try {
    const runtime = await openRuntime(folder, { mode: 'process', dynamoUrl, log });
    try {
      await use(runtime, logged);
    } finally {
      await runtime.close();
    }
  } finally {
    discard();
  }
}

async function put(dynamoUrl: string, value: string): Promise<void> {
  const Item = { pk: { S: 'one' }, value: { S: value } };
  const { status, body } = await callDynamo(dynamoUrl, 'PutItem', { TableName: 'Streamed', Item });
  equal(status, 200, body);
}

export const PUMP_CHECKS: readonly PumpCheck[] = [
  {
    name: 'changes of a table reach their function in order, a failed batch again',
    run: (dynamoUrl) =>
      withRuntime(streamed(READ_STREAM, { BatchSize: 2 }), dynamoUrl, async (runtime, logged) => {
        const values = ['v1', 'v2', 'v3', 'v4', 'v5'];
        for (const value of values) await put(dynamoUrl, value);
        const got = (await logged('got v5')).filter((line) => line.includes('got'));
        deepEqual(
          got.map((line) => line.slice(-2)),
          values,
        );
        match(runtime.faults.join(), /planted/);
      }),
  },
  {
    name: 'a filter keeps changes away that do not match',
    run: (dynamoUrl) => {
      const Pattern = JSON.stringify({
        dynamodb: { NewImage: { value: { S: [{ prefix: 'y' }] } } },
      });
      const mapping = { FilterCriteria: { Filters: [{ Pattern }] } };
      return withRuntime(streamed(READ_STREAM, mapping), dynamoUrl, async (_, logged) => {
        for (const value of ['n1', 'y2', 'n3', 'y4']) await put(dynamoUrl, value);
        const got = (await logged('got y4')).filter((line) => line.includes('got'));
        deepEqual(
          got.map((line) => line.slice(-2)),
          ['y2', 'y4'],
        );
      });
    },
  },
  {
    name: 'a stream whose function may not read it is refused by name',
    run: async (dynamoUrl) => {
      const some = { ...READ_STREAM, Action: 'dynamodb:DescribeStream' };
      await rejects(
        withRuntime(streamed(some), dynamoUrl, async () => undefined),
        {
          code: 'source-unreadable',
        },
      );
    },
  },
  {
    name: 'an on-failure bucket that the role may not write to is refused by name',
    run: async (dynamoUrl) => {
      const Destination = { 'Fn::GetAtt': ['Bucket', 'Arn'] };
      const resources = streamed(READ_STREAM, {
        DestinationConfig: { OnFailure: { Destination } },
      });
      const all = { ...resources, Bucket: { Type: 'AWS::S3::Bucket', Properties: {} } };
      await rejects(
        withRuntime(all, dynamoUrl, async () => undefined),
        (cause: Error) => cause.message.includes('s3:'),
      );
    },
  },
  {
    name: 'a schedule invokes its function, if it may',
    run: async (dynamoUrl) => {
      const rule = {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(1 minute)',
          State: 'ENABLED',
          Targets: [{ Id: 'T', Arn: { 'Fn::GetAtt': ['Scheduled', 'Arn'] } }],
        },
      };
      const permission = {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: { 'Fn::GetAtt': ['Scheduled', 'Arn'] },
          Principal: 'events.amazonaws.com',
          SourceArn: { 'Fn::GetAtt': ['Rule', 'Arn'] },
        },
      };
      const without = { Role: role(), Scheduled: lambda('scheduled'), Rule: rule };
      await rejects(
        withRuntime(without, dynamoUrl, async () => undefined),
        {
          code: 'invoke-not-permitted',
        },
      );
      const resources = { ...without, RulePermission: permission };
      await withRuntime(resources, dynamoUrl, async (runtime, logged) => {
        await Promise.all(runtime.schedules.map(({ fire }) => fire()));
        ok((await logged('scheduled')).some((line) => line.endsWith('Scheduled Event')));
      });
    },
  },
];
