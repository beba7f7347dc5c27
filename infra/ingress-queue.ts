import { Duration, Stack } from 'aws-cdk-lib';
import { PassthroughBehavior } from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketAwsIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import {
  DeduplicationScope,
  FifoThroughputLimit,
  Queue,
  QueueEncryption,
} from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allow } from './grants.ts';

/** Longer than a function may run: a message in hand is never handed out a second time. */
const VISIBILITY = Duration.seconds(60);
/** Long enough for an alarm, short enough for what clients say, passcodes among it. */
const RETENTION = Duration.hours(1);
/** After so many crashes a message is dead, and its connection over. */
const RECEIVE_COUNT_MAX = 5;
/** SQS's own bound for FIFO. */
const BATCH_SIZE = 10;

/**
 * What becomes of a client's message on its way into the queue. The group is the connection, so its
 * messages stay in order. SQS refuses an empty body and U+0000: hence the dot and base64. An
 * attribute may not be empty either: these four never are. The queue's API takes a form.
 */
export const SEND_MESSAGE_TEMPLATE = [
  'Action=SendMessage',
  'MessageGroupId=$util.urlEncode($context.connectionId)',
  'MessageDeduplicationId=$util.urlEncode($context.requestId)',
  'MessageBody=.$util.urlEncode($util.base64Encode($input.body))',
  ...attribute(1, 'connectionId', '$util.urlEncode($context.connectionId)'),
  ...attribute(2, 'eventType', 'MESSAGE'),
  ...attribute(3, 'messageId', '$util.urlEncode($context.messageId)'),
  ...attribute(4, 'requestTimeEpoch', '$context.requestTimeEpoch'),
].join('&');

function attribute(index: number, name: string, value: string): readonly string[] {
  const prefix = `MessageAttribute.${index}`;
  return [
    `${prefix}.Name=${name}`,
    `${prefix}.Value.DataType=String`,
    `${prefix}.Value.StringValue=${value}`,
  ];
}

/**
 * The FIFO queue between `$default` and the message function, and the queue for what crashes it.
 * High-throughput mode: each connection has its own order, none waits for another.
 */
export class IngressQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetterQueue = new Queue(this, 'DeadLetters', QUEUE_PROPS);
    this.queue = new Queue(this, 'Messages', {
      ...QUEUE_PROPS,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: RECEIVE_COUNT_MAX },
    });
  }

  /** The integration of `$default`, with a role that may do one thing: send to this queue. */
  integration(): WebSocketAwsIntegration {
    const role = new Role(this, 'SendRole', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
    });
    role.addToPolicy(allow(['sqs:SendMessage'], this.queue.queueArn));
    const { partition, region, account } = Stack.of(this);
    const path = `path/${account}/${this.queue.queueName}`;
    return new WebSocketAwsIntegration('QueueIntegration', {
      integrationUri: `arn:${partition}:apigateway:${region}:sqs:${path}`,
      integrationMethod: 'POST',
      credentialsRole: role,
      passthroughBehavior: PassthroughBehavior.NEVER,
      templateSelectionExpression: '\\$default',
      requestTemplates: { $default: SEND_MESSAGE_TEMPLATE },
      requestParameters: {
        'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'",
      },
    });
  }

  /** `maxConcurrency` leaves room in the account for `$connect`. */
  feed(functions: { readonly message: Lambda; readonly dead?: Lambda }, maxConcurrency: number) {
    const source = { batchSize: BATCH_SIZE, reportBatchItemFailures: true };
    functions.message.addEventSourceMapping('Messages', {
      ...source,
      eventSourceArn: this.queue.queueArn,
      maxConcurrency,
    });
    functions.dead?.addEventSourceMapping('DeadLetters', {
      ...source,
      eventSourceArn: this.deadLetterQueue.queueArn,
    });
  }
}

const QUEUE_PROPS = {
  fifo: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
  visibilityTimeout: VISIBILITY,
  retentionPeriod: RETENTION,
  encryption: QueueEncryption.SQS_MANAGED,
  enforceSSL: true,
} as const;
