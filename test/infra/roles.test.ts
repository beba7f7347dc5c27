import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { TABLE_ACTIONS } from '../../infra/grants.ts';
import { list, object, resources, synthesize } from './synthesized.ts';

const fifo = synthesize().template;
const direct = synthesize({ ingress: 'direct' }).template;

/** Command of lib-dynamodb → action it is allowed by. */
const ACTIONS: Readonly<Record<string, string | readonly string[]>> = {
  BatchGet: 'dynamodb:BatchGetItem',
  BatchWrite: 'dynamodb:BatchWriteItem',
  Delete: 'dynamodb:DeleteItem',
  Get: 'dynamodb:GetItem',
  Put: 'dynamodb:PutItem',
  Query: 'dynamodb:Query',
  // Each part of a transaction is allowed by the action it would be alone.
  TransactWrite: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
  Update: 'dynamodb:UpdateItem',
};

const CONNECTIONS = 'arn:{AWS::Partition}:execute-api:{AWS::Region}:{AWS::AccountId}:{BrokerApi}';
const POST = `${CONNECTIONS}/ws/POST/@connections/*`;
const DELETE = `${CONNECTIONS}/ws/DELETE/@connections/*`;

const GET = `${CONNECTIONS}/ws/GET/@connections/*`;

const WRITE_LOG = 'logs:CreateLogStream logs:PutLogEvents';
const POST_AND_CLOSE = `execute-api:ManageConnections on ${POST} ${DELETE}`;
const CONSUME = 'sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage';
const END = 'dynamodb:DeleteItem dynamodb:Query dynamodb:UpdateItem on {BrokerTable.Arn}';
const WORK =
  'dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on {BrokerTable.Arn}';
const CONVERSE =
  'dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem ' +
  'dynamodb:Query dynamodb:UpdateItem on {BrokerTable.Arn}';
const BACKGROUND = {
  BrokerFunctionsDeliverRole: [
    `${WRITE_LOG} on {BrokerFunctionsDeliverLog.Arn}`,
    `dynamodb:BatchGetItem ${CONVERSE}`,
    POST_AND_CLOSE,
    'dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on {BrokerTable.StreamArn}',
    'dynamodb:ListStreams on {BrokerTable.Arn}/stream/*',
    's3:ListBucket on {BrokerLogsUndelivered.Arn}',
    's3:PutObject on {BrokerLogsUndelivered.Arn}/*',
    'sqs:SendMessage on {BrokerLaterTasks.Arn}',
    'sqs:SendMessage on {BrokerLaterJobs.Arn}',
  ],
  BrokerFunctionsWorkRole: [
    `${WRITE_LOG} on {BrokerFunctionsWorkLog.Arn}`,
    WORK,
    `execute-api:ManageConnections on ${GET} ${POST} ${DELETE}`,
    `${CONSUME} on {BrokerLaterTasks.Arn}`,
    `${CONSUME} on {BrokerLaterJobs.Arn}`,
    'sqs:SendMessage on {BrokerLaterTasks.Arn}',
    'sqs:SendMessage on {BrokerLaterJobs.Arn}',
  ],
};

/** Every statement of every role: `actions on resources`, by the role's name. */
function rights(template: Template): Readonly<Record<string, readonly string[]>> {
  const found = resources(template, 'AWS::IAM::Policy').map(({ properties }) => {
    const role = String(list(properties['Roles'])[0]).slice(1, -1);
    const statements = list(object(properties['PolicyDocument'])['Statement']).map(object);
    return [role, statements.map(words)] as const;
  });
  return Object.fromEntries(found);
}

function words(statement: Readonly<Record<string, unknown>>): string {
  const { Effect, Action, Resource, ...rest } = statement;
  if (Effect !== 'Allow' || Object.keys(rest).length > 0) return JSON.stringify(statement);
  return `${[Action].flat().join(' ')} on ${[Resource].flat().join(' ')}`;
}

test('with fifo ingress each role may do this and nothing more', () => {
  expect(rights(fifo)).toEqual({
    BrokerIngressSendRole: ['sqs:SendMessage on {BrokerIngressMessages.Arn}'],
    BrokerFunctionsConnectRole: [
      `${WRITE_LOG} on {BrokerFunctionsConnectLog.Arn}`,
      'dynamodb:PutItem on {BrokerTable.Arn}',
    ],
    BrokerFunctionsDisconnectRole: [
      `${WRITE_LOG} on {BrokerFunctionsDisconnectLog.Arn}`,
      END,
      'sqs:SendMessage on {BrokerIngressMessages.Arn}',
    ],
    BrokerFunctionsMessageRole: [
      `${WRITE_LOG} on {BrokerFunctionsMessageLog.Arn}`,
      CONVERSE,
      POST_AND_CLOSE,
      `${CONSUME} on {BrokerIngressMessages.Arn}`,
      'sqs:SendMessage on {BrokerLaterJobs.Arn}',
    ],
    BrokerFunctionsDeadRole: [
      `${WRITE_LOG} on {BrokerFunctionsDeadLog.Arn}`,
      END,
      POST_AND_CLOSE,
      `${CONSUME} on {BrokerIngressDeadLetters.Arn}`,
    ],
    ...BACKGROUND,
  });
});

test('with direct ingress nobody may touch an ingress queue', () => {
  expect(rights(direct)).toEqual({
    BrokerFunctionsConnectRole: [
      `${WRITE_LOG} on {BrokerFunctionsConnectLog.Arn}`,
      'dynamodb:PutItem on {BrokerTable.Arn}',
    ],
    BrokerFunctionsDisconnectRole: [`${WRITE_LOG} on {BrokerFunctionsDisconnectLog.Arn}`, END],
    BrokerFunctionsMessageRole: [
      `${WRITE_LOG} on {BrokerFunctionsMessageLog.Arn}`,
      CONVERSE,
      POST_AND_CLOSE,
      'sqs:SendMessage on {BrokerLaterJobs.Arn}',
    ],
    ...BACKGROUND,
  });
});

test('the function that does everything may call exactly what the store calls', () => {
  const folder = 'adapters/dynamodb';
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const sent = sources.join('').matchAll(/new (\w+)Command\(/g);
  const called = [...sent].flatMap(([, name]) => ACTIONS[String(name)] ?? `unknown ${name}`);
  expect([...new Set(called)].sort()).toEqual([...TABLE_ACTIONS.deliver]);
});

test('no role takes a managed policy, and each is assumed by one service', () => {
  const assumed = [fifo, direct].flatMap((template) =>
    resources(template, 'AWS::IAM::Role').map(({ id, properties }) => {
      expect(Object.keys(properties)).toEqual(['AssumeRolePolicyDocument']);
      return `${id}: ${JSON.stringify(properties['AssumeRolePolicyDocument'])}`;
    }),
  );
  expect(assumed).toHaveLength(12);
  for (const each of assumed) {
    const service = each.startsWith('BrokerIngressSendRole') ? 'apigateway' : 'lambda';
    expect(each).toContain(`"Principal":{"Service":"${service}.amazonaws.com"}`);
  }
});

test('wildcards stand only where connection, stream and object ids would, which nobody knows', () => {
  const all = [fifo, direct].flatMap((template) => Object.values(rights(template)).flat());
  const wild = all.flatMap((each) => each.split(' ')).filter((word) => word.includes('*'));
  expect([...new Set(wild)].sort()).toEqual(
    [POST, DELETE, GET, '{BrokerTable.Arn}/stream/*', '{BrokerLogsUndelivered.Arn}/*'].sort(),
  );
});

test('queues refuse whoever comes without TLS', () => {
  const policies = resources(fifo, 'AWS::SQS::QueuePolicy').map(({ properties }) => properties);
  expect(policies).toHaveLength(6);
  for (const { PolicyDocument } of policies) {
    expect(list(object(PolicyDocument)['Statement'])).toEqual([
      expect.objectContaining({
        Effect: 'Deny',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ]);
  }
});

test('a publisher may read subscribers and post to connections, and neither write nor close', () => {
  const { template } = synthesize({ ingress: 'direct' }, (broker, stack) => {
    const assumedBy = new ServicePrincipal('lambda.amazonaws.com');
    broker.grantPublish(new Role(stack, 'Publisher', { assumedBy }));
  });
  expect(rights(template)['Publisher']).toEqual([
    'dynamodb:Query on {BrokerTable.Arn}',
    `execute-api:ManageConnections on ${POST}`,
  ]);
});

test('an emitter may read and write the table, post and close, and nothing else', () => {
  const { template } = synthesize({ ingress: 'direct' }, (broker, stack) => {
    const assumedBy = new ServicePrincipal('lambda.amazonaws.com');
    broker.grantEmit(new Role(stack, 'Emitting', { assumedBy }));
  });
  expect(rights(template)['Emitting']).toEqual([
    'dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on {BrokerTable.Arn}',
    POST_AND_CLOSE,
  ]);
});
