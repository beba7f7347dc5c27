/**
 * The physical names that CloudFormation would give, and what `Ref` and `Fn::GetAtt` return for
 * each resource type (CloudFormation Template Reference, "Return values"). A type that is not in
 * this table is refused by name.
 */
import type { Assembly, Resource } from './assembly.ts';
import { TemplateFault } from './fault.ts';
import { holds, resolve, type Scope } from './intrinsics.ts';
import { isObject } from './json.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';

/** Where a stack's values lead on this machine. */
export interface Place {
  /** The SDK endpoint, without a trailing slash. */
  readonly endpoint: string;
}

interface Known {
  /** The property that names it; else the logical id does. */
  readonly named?: string;
  ref(name: string, place: Place): string;
  readonly attributes?: Readonly<Record<string, (name: string, place: Place) => string>>;
}

const arn = (service: string, rest: string): string =>
  `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;

export const tableArn = (name: string): string => arn('dynamodb', `table/${name}`);
export const streamArn = (name: string): string =>
  `${tableArn(name)}/stream/2025-01-01T00:00:00.000`;
export const functionArn = (name: string): string => arn('lambda', `function:${name}`);
export const queueArn = (name: string): string => arn('sqs', name);
export const logStreamArn = (group: string): string =>
  arn('logs', `log-group:${group}:log-stream:stream`);
export const roleArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;
export const ruleArn = (name: string): string => arn('events', `rule/${name}`);
export const queueUrl = (name: string, place: Place): string =>
  `${place.endpoint}/${ACCOUNT}/${name}`;
/** API Gateway's ids are ten lower-case letters and digits. */
export const apiId = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(-10)
    .padStart(10, '0');

/** The origin of an API's management endpoint. */
export const apiOrigin = (id: string): string =>
  `https://${id}.execute-api.${REGION}.amazonaws.com`;

/** Lambda makes the first label up. */
export const urlDomain = (name: string): string =>
  `${name.toLowerCase().slice(-32)}.lambda-url.${REGION}.on.aws`;
export const edgeArn = (name: string): string => `arn:aws:cloudfront::${ACCOUNT}:function/${name}`;

const self = (name: string): string => name;
const plain: Known = { ref: self };

const TYPES: Readonly<Record<string, Known>> = {
  'AWS::DynamoDB::Table': {
    named: 'TableName',
    ref: self,
    attributes: { Arn: tableArn, StreamArn: streamArn },
  },
  'AWS::Lambda::Function': {
    named: 'FunctionName',
    ref: self,
    attributes: { Arn: functionArn },
  },
  'AWS::Lambda::Permission': plain,
  'AWS::Lambda::EventSourceMapping': plain,
  'AWS::Lambda::EventInvokeConfig': plain,
  'AWS::Lambda::Url': {
    ref: functionArn,
    attributes: { FunctionUrl: (name) => `https://${urlDomain(name)}/` },
  },
  'AWS::CloudFront::Function': {
    named: 'Name',
    ref: edgeArn,
    attributes: { FunctionARN: edgeArn },
  },
  'AWS::CloudFront::Distribution': {
    ref: self,
    attributes: { DomainName: (name) => `${name.toLowerCase()}.cloudfront.net` },
  },
  'AWS::IAM::Role': { named: 'RoleName', ref: self, attributes: { Arn: roleArn } },
  'AWS::IAM::Policy': { named: 'PolicyName', ref: self },
  'AWS::SQS::Queue': {
    named: 'QueueName',
    ref: queueUrl,
    attributes: { Arn: queueArn, QueueName: self, QueueUrl: queueUrl },
  },
  'AWS::SQS::QueuePolicy': plain,
  'AWS::ApiGatewayV2::Api': {
    ref: apiId,
    attributes: {
      ApiId: apiId,
      ApiEndpoint: (name) => `wss://${apiId(name)}.execute-api.${REGION}.amazonaws.com`,
    },
  },
  'AWS::ApiGatewayV2::Integration': plain,
  'AWS::ApiGatewayV2::Route': plain,
  'AWS::ApiGatewayV2::Deployment': plain,
  'AWS::ApiGatewayV2::Stage': { named: 'StageName', ref: self },
  'AWS::Events::Rule': { named: 'Name', ref: self, attributes: { Arn: ruleArn } },
  'AWS::Logs::LogGroup': {
    named: 'LogGroupName',
    ref: self,
    attributes: { Arn: (name) => arn('logs', `log-group:${name}:*`) },
  },
  'AWS::Logs::MetricFilter': plain,
  'AWS::CloudWatch::Alarm': {
    named: 'AlarmName',
    ref: self,
    attributes: { Arn: (name) => arn('cloudwatch', `alarm:${name}`) },
  },
  'AWS::CloudWatch::CompositeAlarm': plain,
  'AWS::CloudWatch::Dashboard': plain,
  'AWS::S3::Bucket': {
    named: 'BucketName',
    ref: (name) => name.toLowerCase(),
    attributes: { Arn: (name) => `arn:aws:s3:::${name.toLowerCase()}` },
  },
  'AWS::S3::BucketPolicy': plain,
  'AWS::SNS::Topic': { ref: (name) => arn('sns', name) },
  'AWS::CDK::Metadata': plain,
};

/** The resources whose condition holds, and the scope that resolves what they say. */
export interface Names {
  readonly scope: Scope;
  readonly resources: readonly Resource[];
  /** The physical name of a resource. */
  name(resource: Resource): string;
}

export function namesOf(assembly: Assembly, place: Place): Names {
  const scope: Scope = {
    values: { ...assembly.parameters, ...pseudo(assembly.stack) },
    conditions: assembly.conditions,
    ref: (id) => {
      const resource = assembly.resources.get(id);
      return resource && knownType(resource).ref(name(resource), place);
    },
    attribute: (id, attribute) => {
      const resource = assembly.resources.get(id);
      return resource && knownType(resource).attributes?.[attribute]?.(name(resource), place);
    },
  };
  const name = (resource: Resource): string => {
    const named = knownType(resource).named;
    const given = named && isObject(resource.properties) ? resource.properties[named] : undefined;
    const text = given === undefined ? resource.id : resolve(given, scope, resource.id);
    const base = typeof text === 'string' ? text : resource.id;
    // CloudFormation's own name for a FIFO queue ends as SQS demands.
    return isFifo(resource) && given === undefined ? `${base}.fifo` : base;
  };
  const all = [...assembly.resources.values()];
  for (const resource of all) knownType(resource);
  return {
    scope,
    name,
    resources: all.filter(
      ({ condition, id }) => condition === undefined || holds(condition, scope, id),
    ),
  };
}

function isFifo({ type, properties }: Resource): boolean {
  return type === 'AWS::SQS::Queue' && isObject(properties) && properties['FifoQueue'] === true;
}

function knownType(resource: Resource): Known {
  const known = TYPES[resource.type];
  if (known !== undefined) return known;
  throw new TemplateFault('unknown-resource-type', resource.id, resource.type);
}

function pseudo(stack: string): Readonly<Record<string, string>> {
  return {
    'AWS::AccountId': ACCOUNT,
    'AWS::Region': REGION,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack,
    'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/1`,
  };
}
