/**
 * What each function may do, action by action: what its handler calls and nothing more. A call that
 * is missing here fails as AccessDenied, so the lists follow adapters/dynamodb and its tests.
 */
import { Stack } from 'aws-cdk-lib';
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** On the table, by what is to be done there. */
export const TABLE_ACTIONS = {
  /** Writes a connection's record. */
  open: ['dynamodb:PutItem'],
  /** Besides, it finds the HTTP session that a socket is to become the way into. */
  admit: ['dynamodb:PutItem', 'dynamodb:Query'],
  /** Where identity is configured: finds a user's connections, reads bans, and notes both. */
  guard: ['dynamodb:BatchWriteItem', 'dynamodb:Query'],
  /** Reads who hears a destination. */
  readSubscribers: ['dynamodb:Query'],
  /** Makes a connection a tombstone and removes what hangs on it. */
  end: ['dynamodb:DeleteItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
  /** Besides, it notes where a client that comes back may go on. */
  endRecoverable: [
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  /** Claims a greeting; a client that cannot be greeted is ended, and its rooms are told. */
  greet: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
  /** Sessions, subscriptions, half frames, publishing on both lanes; a transaction is its writes. */
  converse: [
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  /**
   * All verbs of an emitter: it looks up receivers and bans, appends to logs, fills mailboxes, makes
   * clients join and leave, and ends connections.
   */
  emit: [
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  /** All that the adapters can do: besides, it reads what the heads of logs only name. */
  deliver: [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  /** Ends connections that are gone, asks after those that live, appends to logs, posts to shards. */
  work: [
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
} as const;

/** What Lambda's poller does with the function's role: `read` one stream, `list` the table's. */
export const STREAM_ACTIONS = {
  read: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
  list: ['dynamodb:ListStreams'],
} as const;

/** The same for a queue. */
export const CONSUME_ACTIONS = [
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:ReceiveMessage',
] as const;

export function allow(actions: readonly string[], ...resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources });
}

/** Posting to (POST), closing (DELETE) and asking after (GET) any connection of this stage. */
export function manageConnections(
  stage: WebSocketStage,
  ...methods: readonly ConnectionMethod[]
): PolicyStatement {
  const arns = methods.map((method) => connectionsArn(stage, method));
  return allow(['execute-api:ManageConnections'], ...arns);
}

export type ConnectionMethod = 'POST' | 'DELETE' | 'GET';

export function connectionsArn(stage: WebSocketStage, method: ConnectionMethod): string {
  return Stack.of(stage).formatArn({
    service: 'execute-api',
    resource: stage.api.apiId,
    resourceName: `${stage.stageName}/${method}/@connections/*`,
  });
}

/** What whoever signs a handshake must be allowed to invoke. */
export function connectArn(stage: WebSocketStage): string {
  return Stack.of(stage).formatArn({
    service: 'execute-api',
    resource: stage.api.apiId,
    resourceName: `${stage.stageName}/$connect`,
  });
}
