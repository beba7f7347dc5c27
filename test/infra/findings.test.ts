/**
 * cdk-nag's AwsSolutions: nothing is found that is not explained, in any form of the broker. It is
 * silent both when all is well and when it did not run: hence the planted finding, and the list of
 * what is explained.
 */
import { App, Aspects, CfnResource, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks } from 'cdk-nag';
import { StompBroker, type StompBrokerProps } from '../../infra/stomp-broker.ts';

const KEYS = { algorithms: ['RS256' as const], jwksUrl: 'https://issuer.example/keys' };
const LIMITED = { http: true, security: { identity: { tokens: [KEYS] }, limits: {} } };

const FORMS: Readonly<Record<string, (stack: Stack) => StompBrokerProps>> = {
  'fifo ingress': () => ({ ingress: 'fifo' }),
  'direct ingress': () => ({ ingress: 'direct' }),
  http: () => ({ http: true }),
  'http and direct ingress': () => ({ http: true, ingress: 'direct' }),
  'a front door': () => ({ cloudFront: true }),
  'a front door and direct ingress': () => ({ cloudFront: true, ingress: 'direct' }),
  'identity and limits': () => LIMITED,
  'signed handshakes': () => ({ security: { identity: { iam: true } } }),
  'a shared secret': (stack) => {
    const secret = Secret.fromSecretNameV2(stack, 'Jwt', 'chat/jwt');
    return { security: { identity: { tokens: [{ algorithms: ['HS256'], secret }] } } };
  },
};

/** `rule: path` of all that is found. */
function findings(make: (stack: Stack) => void): readonly string[] {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = new Stack(app, 'Test');
  make(stack);
  Aspects.of(app).add(new AwsSolutionsChecks());
  const annotations = Annotations.fromStack(stack);
  const of = Match.stringLikeRegexp('^AwsSolutions');
  return [...annotations.findError('*', of), ...annotations.findWarning('*', of)].map(
    ({ id, entry }) => `${String(entry.data).split(':', 1)[0]}: ${id}`,
  );
}

test.each(Object.entries(FORMS))('with %s nothing is found', (_, props) => {
  expect(findings((stack) => void new StompBroker(stack, 'Broker', props(stack)))).toEqual([]);
});

test('it did look: a planted fault is found, and what is explained of the broker explains no other', () => {
  const found = findings((stack) => {
    const broker = new StompBroker(stack, 'Broker', { ingress: 'fifo' });
    new Bucket(stack, 'Planted');
    broker.queue?.node.tryRemoveChild('Policy');
    broker.functions.message.addToRolePolicy(
      new PolicyStatement({ actions: ['dynamodb:Query'], resources: ['*'] }),
    );
  });
  expect(found).toEqual(
    expect.arrayContaining([
      'AwsSolutions-S1: /Test/Planted/Resource',
      'AwsSolutions-S10: /Test/Planted/Resource',
      'AwsSolutions-SQS4: /Test/Broker/Ingress/Messages/Resource',
      expect.stringMatching(/^AwsSolutions-IAM5.*MessageRole/),
    ]),
  );
});

test('a reason is at hand for each kind of thing that is explained', () => {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const broker = new StompBroker(new Stack(app, 'Test'), 'Broker', { cloudFront: true });
  const explained = broker.node.findAll().flatMap((node) => {
    const noted: unknown =
      node instanceof CfnResource ? node.getMetadata('cdk_nag')?.rules_to_suppress : undefined;
    return Array.isArray(noted) ? noted : [];
  });
  expect([...new Set(explained.map(({ id }) => id))].sort()).toEqual([
    'AwsSolutions-APIG1',
    'AwsSolutions-APIG4',
    'AwsSolutions-CFR1',
    'AwsSolutions-CFR2',
    'AwsSolutions-CFR3',
    'AwsSolutions-CFR4',
    'AwsSolutions-DDB3',
    'AwsSolutions-IAM5',
    'AwsSolutions-S1',
    'AwsSolutions-SQS3',
  ]);
  for (const { reason } of explained) expect(String(reason).length).toBeGreaterThan(40);
});
