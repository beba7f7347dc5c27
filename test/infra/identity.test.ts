/** Who clients are, as the template has it: secrets, the operator's own Lambda, signed handshakes. */
import { Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { type SecurityProps, shipmentOf } from '../../infra/security.ts';
import type { StompBroker } from '../../infra/stomp-broker.ts';
import { object, resource, resources, synthesize } from './synthesized.ts';

const HS256 = { algorithms: ['HS256' as const], issuer: 'https://issuer.example' };

/** Statements of a function's role, as text. */
function rights(of: string, template: ReturnType<typeof synthesize>['template']): string {
  const found = resources(template, 'AWS::IAM::Policy').find(({ id }) => id.includes(`${of}Role`));
  return JSON.stringify(found?.properties ?? {});
}

function environments(template: ReturnType<typeof synthesize>['template']) {
  return Object.fromEntries(
    resources(template, 'AWS::Lambda::Function').map(({ properties }) => [
      String(properties['Handler']),
      object(object(properties['Environment'] ?? { Variables: {} })['Variables']),
    ]),
  );
}

test('a secret is named to those who see tokens, read by them alone, and stands nowhere', () => {
  const { template } = synthesize((stack) => {
    const encryptionKey = new Key(stack, 'Key');
    const secret = new Secret(stack, 'Secret', { encryptionKey });
    const parameter = StringParameter.fromSecureStringParameterAttributes(stack, 'Parameter', {
      parameterName: '/chat/secret',
    });
    const tokens = [
      { ...HS256, secret },
      { ...HS256, secret: parameter },
    ];
    return { http: true, security: { identity: { tokens } } };
  });
  const variables = environments(template);
  for (const handler of ['connect', 'message', 'http']) {
    expect(variables[`index.${handler}`]).toMatchObject({
      TOKEN_SECRET_0: '{Secret}',
      TOKEN_SECRET_1: expect.stringMatching(/^arn:.*:ssm:.*:parameter\/chat\/secret$/),
    });
    const of = rights(`${handler[0]?.toUpperCase()}${handler.slice(1)}`, template);
    expect(of).toMatch(/"secretsmanager:GetSecretValue","Effect":"Allow","Resource":"\{Secret\}"/);
    expect(of).toMatch(/"ssm:GetParameter","Effect":"Allow","Resource":"arn:[^*]+\/chat\/secret"/);
    expect(of).toMatch(/"kms:Decrypt","Effect":"Allow","Resource":"\{Key.Arn\}"/);
  }
  for (const handler of ['disconnect', 'deliver', 'work', 'dead']) {
    expect(variables[`index.${handler}`]).not.toHaveProperty('TOKEN_SECRET_0');
    expect(rights(`${handler[0]?.toUpperCase()}${handler.slice(1)}`, template)).not.toMatch(
      /GetSecretValue|ssm:/,
    );
  }
});

test('the file that is shipped names a variable in place of the secret', () => {
  const secret = Secret.fromSecretCompleteArn(
    new Stack(),
    'Secret',
    'arn:aws:secretsmanager:eu-west-1:123456789012:secret:chat-AbCdEf',
  );
  const { json } = shipmentOf({ identity: { tokens: [{ ...HS256, secret }] } });
  expect(JSON.parse(json)).toEqual({
    identity: { tokens: [{ ...HS256, secretVariable: 'TOKEN_SECRET_0' }] },
  });
});

test('a secret known by name alone is read with the six characters its ARN will have', () => {
  const { template } = synthesize((stack) => {
    const secret = Secret.fromSecretNameV2(stack, 'Secret', 'chat');
    return { security: { identity: { tokens: [{ ...HS256, secret }] } } };
  });
  expect(rights('Connect', template)).toMatch(/secret:chat-\?{6}"/);
});

function hooked(stack: Stack): SecurityProps {
  const hook = new Lambda(stack, 'Hook', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => ({})'),
  });
  return { identity: { hook } };
}

test('a Lambda of one’s own is asked by those who see tokens, and by nobody else', () => {
  const { template } = synthesize((stack) => ({ security: hooked(stack) }));
  const asking = Object.entries(environments(template)).filter(([, own]) => 'IDENTITY_HOOK' in own);
  expect(asking.map(([name]) => name).sort()).toEqual(['index.connect', 'index.message']);
  const invoking = resources(template, 'AWS::IAM::Policy')
    .filter(({ properties }) => JSON.stringify(properties).includes('lambda:InvokeFunction'))
    .map(({ id }) => id);
  expect(invoking).toHaveLength(2);
});

describe('signed handshakes', () => {
  const security: SecurityProps = { identity: { iam: true } };
  const authorization = (key: string, broker: object) =>
    resources(synthesize(broker).template, 'AWS::ApiGatewayV2::Route').find(
      ({ properties }) => properties['RouteKey'] === key,
    )?.properties['AuthorizationType'];

  test('$connect alone demands them, and only if asked', () => {
    expect(authorization('$connect', { security })).toBe('AWS_IAM');
    expect(authorization('$default', { security })).toBe('NONE');
    expect(authorization('$disconnect', { security })).toBe('NONE');
    expect(authorization('$connect', {})).toBe('NONE');
  });

  test('grantConnect allows this one route of this one stage', () => {
    const use = (broker: StompBroker, stack: Stack): void => {
      const assumedBy = new ServicePrincipal('ec2.amazonaws.com');
      broker.grantConnect(new Role(stack, 'Sensor', { assumedBy }));
    };
    const { template } = synthesize({ security }, use);
    const policy = resource(template, 'AWS::IAM::Policy', 'SensorDefaultPolicy');
    expect(JSON.stringify(policy['PolicyDocument'])).toMatch(
      /"execute-api:Invoke","Effect":"Allow","Resource":"arn:[^"]*execute-api[^"]*\{BrokerApi\}\/ws\/\$connect"/,
    );
  });

  test('behind a front door they are refused at synth', () => {
    expect(() => synthesize({ security, cloudFront: true })).toThrow('identity.iam');
  });
});
