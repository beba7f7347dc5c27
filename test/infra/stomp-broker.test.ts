import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { tableDefinition, timeToLiveAttribute } from '../../adapters/dynamodb/schema.ts';
import { LIMITS } from '../../broker/limits.ts';
import { list, object, resource, resources, synthesize } from './synthesized.ts';

const fifo = synthesize();
const direct = synthesize({ ingress: 'direct' });
const FUNCTION = 'AWS::Lambda::Function';
const QUEUE = 'AWS::SQS::Queue';

test('every function runs on Node 24, arm64, with a log group of its own', () => {
  const logs = resources(fifo.template, 'AWS::Logs::LogGroup');
  expect(logs.map(({ properties }) => properties)).toEqual(
    Array.from({ length: 6 }, () => ({ RetentionInDays: 30 })),
  );
  const functions = resources(fifo.template, FUNCTION);
  expect(functions.map(({ properties }) => properties['Handler'])).toEqual([
    'index.connect',
    'index.disconnect',
    'index.message',
    'index.dead',
    'index.deliver',
    'index.work',
  ]);
  for (const { id, properties } of functions) {
    expect(properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogGroup: `{${id}Log}` },
    });
  }
});

test('a handler has time to answer within its own deadline before its function is killed', () => {
  for (const { id, properties } of resources(fifo.template, FUNCTION)) {
    // What a log says may be posted to thousands, and no client waits for an answer.
    expect(properties['Timeout']).toBe(id === 'BrokerFunctionsDeliver' ? 300 : 30);
    expect(LIMITS.handlerSecondsMax * 2).toBeLessThan(Number(properties['Timeout']));
  }
});

test('the queue keeps the order of each connection and hands nothing out twice at once', () => {
  expect(resource(fifo.template, QUEUE, 'BrokerIngressMessages')).toEqual({
    FifoQueue: true,
    DeduplicationScope: 'messageGroup',
    FifoThroughputLimit: 'perMessageGroupId',
    VisibilityTimeout: 60,
    MessageRetentionPeriod: 3600,
    SqsManagedSseEnabled: true,
    RedrivePolicy: { deadLetterTargetArn: '{BrokerIngressDeadLetters.Arn}', maxReceiveCount: 5 },
  });
});

test('what crashed the handler is kept for an hour, encrypted, and never given back', () => {
  expect(resource(fifo.template, QUEUE, 'BrokerIngressDeadLetters')).toEqual({
    FifoQueue: true,
    DeduplicationScope: 'messageGroup',
    FifoThroughputLimit: 'perMessageGroupId',
    VisibilityTimeout: 60,
    MessageRetentionPeriod: 3600,
    SqsManagedSseEnabled: true,
  });
});

test('batches of ten report their failures one by one and leave room for $connect', () => {
  const sources = resources(fifo.template, 'AWS::Lambda::EventSourceMapping');
  expect(sources.slice(0, 2).map(({ properties }) => properties)).toEqual([
    {
      EventSourceArn: '{BrokerIngressMessages.Arn}',
      FunctionName: '{BrokerFunctionsMessage}',
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 100 },
    },
    {
      EventSourceArn: '{BrokerIngressDeadLetters.Arn}',
      FunctionName: '{BrokerFunctionsDead}',
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    },
  ]);
});

test('direct ingress has no ingress queue, no dead letters of it and nothing to consume them', () => {
  expect(resources(direct.template, QUEUE).map(({ id }) => id)).toEqual([
    'BrokerLaterDeadLetters',
    'BrokerLaterTasks',
    'BrokerLaterDeadJobs',
    'BrokerLaterJobs',
  ]);
  expect(resources(direct.template, 'AWS::Lambda::EventSourceMapping').map(({ id }) => id)).toEqual(
    ['BrokerFunctionsDeliverHeads', 'BrokerFunctionsWorkTasks', 'BrokerFunctionsWorkJobs'],
  );
  expect(direct.broker.functions.dead).toBeUndefined();
  expect(direct.broker.deadLetterQueue).toBeUndefined();
});

test('the table is the one the store was written for, and outlives the stack', () => {
  const [table] = resources(fifo.template, 'AWS::DynamoDB::Table');
  const { StreamSpecification, ...definition } = tableDefinition;
  expect(table?.properties).toMatchObject({
    ...definition,
    // CloudFormation has no StreamEnabled: a view type is what turns the stream on.
    StreamSpecification: { StreamViewType: StreamSpecification.StreamViewType },
    TimeToLiveSpecification: { AttributeName: timeToLiveAttribute, Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
  });
  fifo.template.hasResource('AWS::DynamoDB::Table', { DeletionPolicy: 'Retain' });
});

test('each thing that should never happen has an alarm, silent when nothing happens', () => {
  const alarms = resources(fifo.template, 'AWS::CloudWatch::Alarm');
  const told = alarms.map(({ id, properties }) => `${id} > ${properties['Threshold']}`);
  expect(told.map((each) => each.replace('BrokerAlarms', ''))).toEqual([
    'IntegrationErrors > 0',
    'IngressUnreadable > 0',
    'DeadLetters > 0',
    'MessageAge > 30',
    'DeliveryAge > 30000',
    'Undelivered > 0',
    'DeadJobs > 0',
    'DeadTasks > 0',
    'connectErrors > 0',
    'connectThrottles > 0',
    'disconnectErrors > 0',
    'disconnectThrottles > 0',
    'messageErrors > 0',
    'messageThrottles > 0',
    'deadErrors > 0',
    'deadThrottles > 0',
    'deliverErrors > 0',
    'deliverThrottles > 0',
    'workErrors > 0',
    'workThrottles > 0',
  ]);
  for (const { properties } of alarms) {
    expect(properties).toMatchObject({
      Period: 60,
      TreatMissingData: 'notBreaching',
      ComparisonOperator: 'GreaterThanThreshold',
    });
    expect(properties['AlarmActions']).toBeUndefined();
  }
});

test('undecodable ingress is counted by the name under which the handler logs it', () => {
  const [filter] = resources(fifo.template, 'AWS::Logs::MetricFilter');
  expect(filter?.properties).toMatchObject({
    FilterPattern: '"ingress-unreadable"',
    LogGroupName: '{BrokerFunctionsMessageLog}',
  });
});

test('alarms tell the topic, if there is one', () => {
  const { template } = synthesize((stack: Stack) => ({ alarmTopic: new Topic(stack, 'Pager') }));
  const alarms = resources(template, 'AWS::CloudWatch::Alarm');
  expect(alarms.map(({ properties }) => properties['AlarmActions'])).toEqual(
    Array.from({ length: 20 }, () => ['{Pager}']),
  );
});

test('the dashboard shows both homes of a message, and every alarm', () => {
  for (const { template, broker } of [fifo, direct]) {
    const [dashboard] = resources(template, 'AWS::CloudWatch::Dashboard');
    const body: unknown = JSON.parse(String(dashboard?.properties['DashboardBody']));
    const widgets = list(object(body)['widgets']).map((each) => object(object(each)['properties']));
    expect(list(widgets[0]?.['alarms'])).toHaveLength(broker.alarms.length);
    expect(widgets.some(({ title }) => String(title).startsWith('Ingress queue'))).toBe(
      broker.ingress === 'fifo',
    );
  }
});

test('synth warns as long as anybody may use the broker', () => {
  fifo.annotations.hasWarning('/Test/Broker', Match.stringLikeRegexp('No identity is configured'));
});

test('what the operator sets is what is deployed', () => {
  const { template } = synthesize({
    throttle: { rateLimit: 50, burstLimit: 60 },
    memory: { message: 1024 },
    messageConcurrency: 7,
    logRetention: RetentionDays.ONE_DAY,
    pointInTimeRecovery: true,
    removalPolicy: RemovalPolicy.DESTROY,
    messageAgeAlarm: Duration.minutes(2),
    parallelizationFactor: 10,
  });
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 60 },
  });
  expect(resources(template, FUNCTION).map(({ properties }) => properties['MemorySize'])).toEqual([
    256, 256, 1024, 256, 1024, 512,
  ]);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    ScalingConfig: { MaximumConcurrency: 7 },
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 1 });
  template.hasResource('AWS::DynamoDB::Table', {
    DeletionPolicy: 'Delete',
    Properties: { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'ApproximateAgeOfOldestMessage',
    Threshold: 120,
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'IteratorAge',
    Threshold: 120_000,
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { ParallelizationFactor: 10 });
  template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
});

test("a table under the customer's own key can be used by every function", () => {
  const { template } = synthesize({ tableEncryption: TableEncryption.CUSTOMER_MANAGED });
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
  });
  const users = resources(template, 'AWS::IAM::Policy').filter(({ properties }) =>
    JSON.stringify(properties['PolicyDocument']).includes('kms:Decrypt'),
  );
  expect(users).toHaveLength(6);
});
