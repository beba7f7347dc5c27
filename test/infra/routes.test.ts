import type { Template } from 'aws-cdk-lib/assertions';
import type { Ingress } from '../../infra/stomp-broker.ts';
import { resource, resources, synthesize } from './synthesized.ts';

const fifo = synthesize().template;
const direct = synthesize({ ingress: 'direct' }).template;

/** Follows a route as AWS would, and says where it ends, in words. */
function travel(template: Template, key: string): string {
  const route = resources(template, 'AWS::ApiGatewayV2::Route').find(
    ({ properties }) => properties['RouteKey'] === key,
  );
  const id = /^integrations\/\{(.+)\}$/.exec(String(route?.properties['Target']))?.[1] ?? '';
  const integration = resource(template, 'AWS::ApiGatewayV2::Integration', id);
  const uri = String(integration['IntegrationUri']);
  const invoked = /:lambda:path\/2015-03-31\/functions\/\{(.+)\.Arn\}\/invocations$/.exec(uri)?.[1];
  if (invoked !== undefined) {
    const type = integration['IntegrationType'];
    return `${key} → ${type} → ${permitted(template, invoked, key)} → ${handler(template, invoked)}`;
  }
  const queue = /:sqs:path\/\{AWS::AccountId\}\/\{(.+)\.QueueName\}$/.exec(uri)?.[1] ?? uri;
  return `${key} → ${sender(template, integration)} → ${consumed(template, queue)}`;
}

function permitted(template: Template, id: string, key: string): string {
  const allowed = resources(template, 'AWS::Lambda::Permission').some(
    ({ properties: { FunctionName, SourceArn, Principal, Action } }) =>
      FunctionName === `{${id}.Arn}` &&
      Principal === 'apigateway.amazonaws.com' &&
      Action === 'lambda:InvokeFunction' &&
      String(SourceArn).endsWith(`:{BrokerApi}/*${key}`),
  );
  return allowed ? 'permitted' : 'refused';
}

function handler(template: Template, id: string): string {
  return String(resource(template, 'AWS::Lambda::Function', id)['Handler']);
}

function sender(template: Template, integration: Readonly<Record<string, unknown>>): string {
  const role = /^\{(.+)\.Arn\}$/.exec(String(integration['CredentialsArn']))?.[1] ?? '';
  const { AssumeRolePolicyDocument } = resource(template, 'AWS::IAM::Role', role);
  const assumed = JSON.stringify(AssumeRolePolicyDocument).includes('"apigateway.amazonaws.com"');
  return `${integration['IntegrationType']} as ${assumed ? role : 'nobody'}`;
}

function consumed(template: Template, queue: string): string {
  const source = resources(template, 'AWS::Lambda::EventSourceMapping').find(
    ({ properties }) => properties['EventSourceArn'] === `{${queue}.Arn}`,
  );
  const id = String(source?.properties['FunctionName']).slice(1, -1);
  return `${queue} → ${handler(template, id)}`;
}

test.each<[Ingress, Template, readonly string[]]>([
  [
    'fifo',
    fifo,
    [
      '$connect → AWS_PROXY → permitted → index.connect',
      '$disconnect → AWS_PROXY → permitted → index.disconnect',
      '$default → AWS as BrokerIngressSendRole → BrokerIngressMessages → index.message',
    ],
  ],
  [
    'direct',
    direct,
    [
      '$connect → AWS_PROXY → permitted → index.connect',
      '$disconnect → AWS_PROXY → permitted → index.disconnect',
      '$default → AWS_PROXY → permitted → index.message',
    ],
  ],
])('with %s ingress every route ends in its Lambda', (_, template, expected) => {
  const keys = resources(template, 'AWS::ApiGatewayV2::Route').map(({ properties }) =>
    String(properties['RouteKey']),
  );
  expect(keys.map((key) => travel(template, key))).toEqual(expected);
});

test('what a client sends becomes a form that the queue takes, whatever the bytes', () => {
  const { RequestTemplates, RequestParameters, ...rest } = resource(
    fifo,
    'AWS::ApiGatewayV2::Integration',
    'BrokerApidefaultRouteQueueIntegration',
  );
  expect(RequestTemplates).toEqual({
    $default:
      'Action=SendMessage' +
      '&MessageGroupId=$util.urlEncode($context.connectionId)' +
      '&MessageDeduplicationId=$util.urlEncode($context.requestId)' +
      '&MessageBody=.$util.urlEncode($util.base64Encode($input.body))' +
      '&MessageAttribute.1.Name=connectionId' +
      '&MessageAttribute.1.Value.DataType=String' +
      '&MessageAttribute.1.Value.StringValue=$util.urlEncode($context.connectionId)' +
      '&MessageAttribute.2.Name=eventType' +
      '&MessageAttribute.2.Value.DataType=String' +
      '&MessageAttribute.2.Value.StringValue=MESSAGE' +
      '&MessageAttribute.3.Name=messageId' +
      '&MessageAttribute.3.Value.DataType=String' +
      '&MessageAttribute.3.Value.StringValue=$util.urlEncode($context.messageId)' +
      '&MessageAttribute.4.Name=requestTimeEpoch' +
      '&MessageAttribute.4.Value.DataType=String' +
      '&MessageAttribute.4.Value.StringValue=$context.requestTimeEpoch',
  });
  expect(RequestParameters).toEqual({
    'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'",
  });
  expect(rest).toMatchObject({
    IntegrationMethod: 'POST',
    PassthroughBehavior: 'NEVER',
    TemplateSelectionExpression: '\\$default',
  });
});

test('the same stage stands under /ws in both, deploys by itself and is throttled while open', () => {
  for (const template of [fifo, direct]) {
    expect(resources(template, 'AWS::ApiGatewayV2::Stage').map((each) => each.properties)).toEqual([
      {
        ApiId: '{BrokerApi}',
        StageName: 'ws',
        AutoDeploy: true,
        DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
      },
    ]);
  }
});
