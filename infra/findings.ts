/**
 * What AWS's own list of good practice (cdk-nag, AwsSolutions) finds here and is so on purpose, each
 * with its reason, as metadata of the resource: whoever checks an app that holds a broker is told by
 * the template itself. What the operator can mend by a prop says by which.
 */
import { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

interface Exception {
  readonly id: string;
  readonly reason: string;
  /** The findings that are meant, of rules that have several. */
  readonly applies_to?: readonly { readonly regex: string }[];
}

const WILDCARDS: readonly (readonly [finding: string, reason: string])[] = [
  [
    '/^Resource::.*\\/@connections\\/\\*$/',
    'Connections are named by the gateway as they come: of this stage, and by method, none can be told apart beforehand.',
  ],
  [
    '/^Resource::<.*Table.*\\.Arn>\\/stream\\/\\*$/',
    'Streams of a table are named by the time they began, and can be listed only together.',
  ],
  [
    '/^Resource::<.*Undelivered.*\\.Arn>\\/\\*$/',
    'Records that could not be delivered are put into their own bucket under names that Lambda makes.',
  ],
  [
    '/^Resource::arn:[^*]*:secretsmanager:[^*]*-\\?{6}$/',
    'A secret known by its name alone has six more characters in its ARN, which only it knows.',
  ],
];

/** By CloudFormation type. */
const EXCEPTIONS: Readonly<Record<string, readonly Exception[]>> = {
  'AWS::ApiGatewayV2::Stage': [
    {
      id: 'AwsSolutions-APIG1',
      reason:
        'Access logs need a role that is set for the whole account and Region, which is no business of a construct; handlers log what they do, and a log of URLs would hold tokens.',
    },
  ],
  'AWS::ApiGatewayV2::Route': [
    {
      id: 'AwsSolutions-APIG4',
      reason:
        'Who connects is asked by the function behind $connect, and by CONNECT; other routes can have no authorizer. security.identity.iam puts IAM before $connect.',
    },
  ],
  'AWS::DynamoDB::Table': [
    {
      id: 'AwsSolutions-DDB3',
      reason:
        'What it holds lives for hours; restored, connections and positions would be of clients long gone. The prop pointInTimeRecovery turns it on.',
    },
  ],
  'AWS::S3::Bucket': [
    {
      id: 'AwsSolutions-S1',
      reason:
        'It holds what could not be delivered, which is hardly ever anything; nobody reads it but the operator, and an alarm tells of it.',
    },
  ],
  'AWS::SQS::Queue': [
    {
      id: 'AwsSolutions-SQS3',
      reason:
        'Its messages are worth nothing a minute later (a greeting, to a client that has gone on to another transport).',
    },
  ],
  'AWS::CloudFront::Distribution': [
    {
      id: 'AwsSolutions-CFR1',
      reason: 'Where clients are is known to the operator alone, who can restrict it.',
    },
    {
      id: 'AwsSolutions-CFR2',
      reason:
        "A web ACL is paid by the month and by request, and its rules are the operator's: attach one where floods matter.",
    },
    {
      id: 'AwsSolutions-CFR3',
      reason: 'A log of URLs would hold the tokens of clients that can set no header.',
    },
    {
      id: 'AwsSolutions-CFR4',
      reason:
        "The domain that CloudFront gives has a certificate whose policy is not ours to choose; with a domain of one's own it is.",
    },
  ],
  'AWS::IAM::Policy': WILDCARDS.map(([regex, reason]) => ({
    id: 'AwsSolutions-IAM5',
    reason,
    applies_to: [{ regex }],
  })),
};

/** Queues without a dead-letter queue, on purpose: all others must have one. */
const TRANSIENT: ReadonlySet<string> = new Set(['Greetings']);

/** Notes the reasons at every resource below `scope`. */
export function explainFindings(scope: IConstruct): void {
  for (const node of scope.node.findAll()) {
    if (!(node instanceof CfnResource)) continue;
    const all = EXCEPTIONS[node.cfnResourceType];
    if (all === undefined) continue;
    const queue = node.cfnResourceType === 'AWS::SQS::Queue';
    if (queue && !TRANSIENT.has(node.node.scope?.node.id ?? '')) continue;
    node.addMetadata('cdk_nag', { rules_to_suppress: all });
  }
}
