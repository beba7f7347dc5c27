/** The background of the broker: the stream of the logs, tasks put off, the sweep of each minute. */
import { headKey, logOf, progressKey } from '../../adapters/dynamodb/schema.ts';
import { LIMITS } from '../../broker/limits.ts';
import { list, object, resource, resources, synthesize } from './synthesized.ts';

const { template } = synthesize();
const { template: direct } = synthesize({ ingress: 'direct' });
const SOURCE = 'AWS::Lambda::EventSourceMapping';

/** Whether the mapping's filter lets an event through: the part of the language used here. */
function passes(pattern: unknown, value: unknown): boolean {
  if (!Array.isArray(pattern)) {
    return Object.entries(object(pattern)).every(([key, inner]) =>
      passes(inner, object(value)[key]),
    );
  }
  return pattern.some((rule) =>
    typeof rule === 'string' ? rule === value : String(value).startsWith(String(rule.prefix)),
  );
}

test('deliver reads new images of the table, in order, halving what fails until it is old', () => {
  for (const each of [template, direct]) {
    const { FilterCriteria, ...source } = resource(each, SOURCE, 'BrokerFunctionsDeliverHeads');
    expect(source).toEqual({
      EventSourceArn: '{BrokerTable.StreamArn}',
      FunctionName: '{BrokerFunctionsDeliver}',
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1000,
      ParallelizationFactor: 4,
      BisectBatchOnFunctionError: true,
      // No MaximumRetryAttempts: until the record is 23 h old; the stream holds it for 24.
      MaximumRecordAgeInSeconds: 23 * 3600,
      DestinationConfig: { OnFailure: { Destination: '{BrokerLogsUndelivered.Arn}' } },
      MetricsConfig: { Metrics: ['EventCount'] },
    });
  }
});

test('heads of logs invoke deliver, and no other row of the table does', () => {
  const { FilterCriteria } = resource(template, SOURCE, 'BrokerFunctionsDeliverHeads');
  const [filter, ...others] = list(object(FilterCriteria)['Filters']).map(object);
  expect(others).toEqual([]);
  const pattern: unknown = JSON.parse(String(filter?.['Pattern']));
  const told = (eventName: string, { pk, sk }: { readonly pk: string; readonly sk: string }) =>
    passes(pattern, { eventName, dynamodb: { Keys: { pk: { S: pk }, sk: { S: sk } } } });
  const head = headKey('/room/a');
  expect(logOf(head)).toBe('/room/a');
  expect(told('INSERT', head)).toBe(true);
  expect(told('MODIFY', head)).toBe(true);
  expect(told('REMOVE', head)).toBe(false);
  expect(told('MODIFY', progressKey('/room/a'))).toBe(false);
  expect(told('INSERT', { pk: 'C#abc', sk: 'C' })).toBe(false);
  expect(told('INSERT', { pk: 'L#/room/a', sk: 'H' })).toBe(false);
});

test('what cannot be delivered is kept where only the stream writes, encrypted, for 30 days', () => {
  expect(resource(template, 'AWS::S3::Bucket', 'BrokerLogsUndelivered')).toEqual({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
      ],
    },
    LifecycleConfiguration: { Rules: [{ ExpirationInDays: 30, Status: 'Enabled' }] },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
  });
  template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain' });
  const [policy] = resources(template, 'AWS::S3::BucketPolicy');
  expect(list(object(policy?.properties['PolicyDocument'])['Statement'])).toEqual([
    expect.objectContaining({
      Effect: 'Deny',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  ]);
});

test('its alarm counts what this very mapping gave up', () => {
  expect(resource(template, 'AWS::CloudWatch::Alarm', 'BrokerAlarmsUndelivered')).toMatchObject({
    Namespace: 'AWS/Lambda',
    MetricName: 'OnFailureDestinationDeliveredEventCount',
    Dimensions: [{ Name: 'EventSourceMappingUUID', Value: '{BrokerFunctionsDeliverHeads}' }],
    Statistic: 'Sum',
  });
});

test('tasks wait in a standard queue, which alone can put off each by its own time', () => {
  const common = { VisibilityTimeout: 60, SqsManagedSseEnabled: true };
  expect(resource(template, 'AWS::SQS::Queue', 'BrokerLaterTasks')).toEqual({
    ...common,
    RedrivePolicy: { deadLetterTargetArn: '{BrokerLaterDeadLetters.Arn}', maxReceiveCount: 10 },
  });
  expect(resource(template, 'AWS::SQS::Queue', 'BrokerLaterDeadLetters')).toEqual({
    ...common,
    MessageRetentionPeriod: 14 * 24 * 3600,
  });
  expect(resource(template, SOURCE, 'BrokerFunctionsWorkTasks')).toEqual({
    EventSourceArn: '{BrokerLaterTasks.Arn}',
    FunctionName: '{BrokerFunctionsWork}',
    BatchSize: 10,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 10 },
  });
});

test('jobs come through a FIFO queue, one an invocation, and what fails is given again', () => {
  expect(resource(template, 'AWS::SQS::Queue', 'BrokerLaterJobs')).toEqual({
    VisibilityTimeout: 60,
    SqsManagedSseEnabled: true,
    FifoQueue: true,
    MessageRetentionPeriod: 3600,
    DeduplicationScope: 'messageGroup',
    FifoThroughputLimit: 'perMessageGroupId',
    RedrivePolicy: { deadLetterTargetArn: '{BrokerLaterDeadJobs.Arn}', maxReceiveCount: 5 },
  });
  expect(resource(template, SOURCE, 'BrokerFunctionsWorkJobs')).toEqual({
    EventSourceArn: '{BrokerLaterJobs.Arn}',
    FunctionName: '{BrokerFunctionsWork}',
    BatchSize: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: LIMITS.shardsAtOnceMax },
  });
});

test('every minute one sweep is asked for, and a late one not made up for', () => {
  const [rule] = resources(template, 'AWS::Events::Rule');
  expect(rule?.properties).toEqual({
    Description: 'Connections in watched rooms are asked whether they live',
    ScheduleExpression: 'rate(1 minute)',
    State: 'ENABLED',
    Targets: [
      {
        Id: 'Target0',
        Arn: '{BrokerFunctionsWork.Arn}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    ],
  });
});
