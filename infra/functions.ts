import { Stack } from 'aws-cdk-lib';
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { VARIABLES } from './environment.ts';
import { allow, CONSUME_ACTIONS, manageConnections, TABLE_ACTIONS } from './grants.ts';
import { type HandlerName, handlerFunction } from './handler.ts';
import type { IngressQueue } from './ingress-queue.ts';

/** Megabytes. Encoding and signing posts is what takes CPU, and CPU comes with memory. */
const MEMORY: Readonly<Record<HandlerName, number>> = {
  connect: 256,
  disconnect: 256,
  message: 512,
  dead: 256,
};

export interface BrokerFunctionsProps {
  readonly table: Table;
  readonly stage: WebSocketStage;
  /** Absent with direct ingress. */
  readonly queues?: IngressQueue;
  readonly memory?: { readonly [handler in HandlerName]?: number };
  readonly logRetention?: RetentionDays;
}

/** The functions, each with the variables its handler reads and the rights it needs. */
export class BrokerFunctions extends Construct {
  readonly connect: Lambda;
  readonly disconnect: Lambda;
  readonly message: Lambda;
  readonly dead?: Lambda;
  private readonly props: BrokerFunctionsProps;

  constructor(scope: Construct, id: string, props: BrokerFunctionsProps) {
    super(scope, id);
    this.props = props;
    this.connect = this.add('connect', 'Admits a connection and records it', [
      this.onTable(TABLE_ACTIONS.open),
    ]);
    const { queues } = props;
    this.disconnect = this.add('disconnect', 'Ends a connection behind its last messages', [
      this.onTable(TABLE_ACTIONS.end),
      ...(queues === undefined ? [] : [allow(['sqs:SendMessage'], queues.queue.queueArn)]),
    ]);
    this.message = this.add('message', 'Handles what clients say', [
      this.onTable(TABLE_ACTIONS.converse),
      manageConnections(props.stage, 'POST', 'DELETE'),
      ...(queues === undefined ? [] : [consume(queues.queue)]),
    ]);
    if (queues === undefined) return;
    this.dead = this.add('dead', 'Ends a connection whose message crashed the handler', [
      this.onTable(TABLE_ACTIONS.end),
      manageConnections(props.stage, 'POST', 'DELETE'),
      consume(queues.deadLetterQueue),
    ]);
  }

  /** By handler name, for alarms and graphs. */
  byName(): Readonly<Record<string, Lambda>> {
    const { connect, disconnect, message, dead } = this;
    return { connect, disconnect, message, ...(dead === undefined ? {} : { dead }) };
  }

  private onTable(actions: readonly string[]): PolicyStatement {
    return allow(actions, this.props.table.tableArn);
  }

  private add(handler: HandlerName, description: string, statements: readonly PolicyStatement[]) {
    const { table, logRetention, memory } = this.props;
    const made = handlerFunction(this, `${handler[0]?.toUpperCase()}${handler.slice(1)}`, {
      handler,
      description: `${Stack.of(this).stackName}: ${description}`,
      memorySize: memory?.[handler] ?? MEMORY[handler],
      environment: this.environment(handler),
      statements,
      ...(logRetention === undefined ? {} : { logRetention }),
    });
    table.encryptionKey?.grantEncryptDecrypt(made);
    return made;
  }

  private environment(handler: HandlerName): Readonly<Record<string, string>> {
    const { table, stage, queues } = this.props;
    const queue = handler === 'disconnect' ? queues?.queue : undefined;
    return {
      [VARIABLES.table]: table.tableName,
      [VARIABLES.endpoint]: stage.callbackUrl,
      ...(queue === undefined ? {} : { [VARIABLES.queue]: queue.queueUrl }),
    };
  }
}

function consume(queue: Queue): PolicyStatement {
  return allow(CONSUME_ACTIONS, queue.queueArn);
}
