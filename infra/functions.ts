import { Duration, Stack } from 'aws-cdk-lib';
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type ApplicationProps, applicationsText, invokeApplications } from './applications.ts';
import { VARIABLES } from './environment.ts';
import { allow, CONSUME_ACTIONS, manageConnections, TABLE_ACTIONS } from './grants.ts';
import { type HandlerName, handlerFunction } from './handler.ts';
import type { IngressQueue } from './ingress-queue.ts';
import type { LogStream } from './log-stream.ts';
import { type DestinationRule, rulesJson } from './rules.ts';
import type { Shipment } from './security.ts';
import type { TaskQueue } from './task-queue.ts';

/** Megabytes. Encoding and signing posts is what takes CPU, and CPU comes with memory. */
const MEMORY: Readonly<Record<HandlerName, number>> = {
  connect: 256,
  disconnect: 256,
  message: 512,
  dead: 256,
  deliver: 1024,
  // It posts to parts of large audiences.
  work: 512,
  // It waits far more than it works, and a held poll is paid by the megabyte.
  http: 128,
  greet: 128,
};

/** To whom clients show who they are: they alone read secrets, and ask the operator's hook. */
const MEET_CLIENTS: ReadonlySet<HandlerName> = new Set(['connect', 'message', 'http']);

/** A hold of 25 s (broker/limits.ts) and what comes before and after it. */
const HTTP_TIMEOUT = Duration.seconds(60);

/** Nobody waits for `deliver` to answer, and a room may be large: its batches take their time. */
const DELIVER_TIMEOUT = Duration.minutes(5);

export interface BrokerFunctionsProps {
  readonly table: Table;
  readonly stage: WebSocketStage;
  /** Absent with direct ingress. */
  readonly queues?: IngressQueue;
  readonly logs: LogStream;
  readonly tasks: TaskQueue;
  /** Whether `http` is made. */
  readonly servesHttp: boolean;
  /** With HTTP: who asks to be greeted. */
  readonly greetings?: Queue;
  /** Whether the front door leads SockJS's WebSockets to the stage. */
  readonly frontDoor: boolean;
  readonly rules?: readonly DestinationRule[];
  readonly applications?: readonly ApplicationProps[];
  /** JSON, checked. */
  readonly socketio?: string;
  /** Of `security`, checked. */
  readonly security?: Shipment;
  /** @default 'fast' */
  readonly posting?: 'sdk' | 'fast';
  readonly postsPerSecond?: number;
  readonly inlinePosts?: number;
  readonly memory?: { readonly [handler in HandlerName]?: number };
  readonly logRetention?: RetentionDays;
}

/** The functions, each with the variables its handler reads and the rights it needs. */
export class BrokerFunctions extends Construct {
  readonly connect: Lambda;
  readonly disconnect: Lambda;
  readonly message: Lambda;
  readonly dead?: Lambda;
  readonly deliver: Lambda;
  readonly work: Lambda;
  readonly greet?: Lambda;
  readonly http?: Lambda;
  private readonly props: BrokerFunctionsProps;
  private readonly rules?: string;

  constructor(scope: Construct, id: string, props: BrokerFunctionsProps) {
    super(scope, id);
    this.props = props;
    if (props.rules !== undefined) this.rules = rulesJson(props.rules);
    const { stage, queues, logs, tasks, greetings } = props;
    if (greetings !== undefined) {
      this.greet = this.add('greet', 'Greets SockJS and Socket.IO clients on their WebSocket', [
        this.onTable(TABLE_ACTIONS.greet),
        manageConnections(stage, 'POST', 'DELETE'),
        consume(greetings),
      ]);
    }
    this.connect = this.add('connect', 'Admits a connection and records it', [
      this.onTable(greetings === undefined ? TABLE_ACTIONS.open : TABLE_ACTIONS.admit),
      ...(greetings === undefined ? [] : [send(greetings)]),
    ]);
    this.disconnect = this.add('disconnect', 'Ends a connection behind its last messages', [
      this.onTable(props.servesHttp ? TABLE_ACTIONS.endRecoverable : TABLE_ACTIONS.end),
      ...(queues === undefined ? [] : [send(queues.queue)]),
    ]);
    this.message = this.add('message', 'Handles what clients say', [
      this.onTable(TABLE_ACTIONS.converse),
      manageConnections(stage, 'POST', 'DELETE'),
      ...(queues === undefined ? [] : [consume(queues.queue)]),
      ...(queues === undefined || !props.servesHttp ? [] : [send(queues.queue)]),
      send(tasks.jobs),
    ]);
    if (queues !== undefined) this.dead = this.addDead(queues);
    this.deliver = this.add('deliver', 'Keeps and posts what logs say', [
      this.onTable(TABLE_ACTIONS.deliver),
      manageConnections(stage, 'POST', 'DELETE'),
      ...logs.statements(),
      send(tasks.queue),
      send(tasks.jobs),
    ]);
    this.work = this.add('work', 'Does what was put off, and finds who is gone', [
      this.onTable(TABLE_ACTIONS.work),
      manageConnections(stage, 'GET', 'POST', 'DELETE'),
      consume(tasks.queue),
      consume(tasks.jobs),
      send(tasks.queue),
      send(tasks.jobs),
    ]);
    if (props.servesHttp) {
      this.http = this.add('http', 'SockJS, Socket.IO, EventSource, long polls and publishing', [
        this.onTable(TABLE_ACTIONS.converse),
        manageConnections(stage, 'POST', 'DELETE'),
        ...(queues === undefined ? [] : [send(queues.queue)]),
        send(tasks.jobs),
      ]);
    }
  }

  /** By handler name, for alarms and graphs. */
  byName(): Readonly<Record<string, Lambda>> {
    const { connect, disconnect, message, dead, deliver, work, http, greet } = this;
    return {
      connect,
      disconnect,
      message,
      ...(dead === undefined ? {} : { dead }),
      deliver,
      work,
      ...(http === undefined ? {} : { http }),
      ...(greet === undefined ? {} : { greet }),
    };
  }

  private addDead({ deadLetterQueue }: IngressQueue): Lambda {
    return this.add('dead', 'Ends a connection whose message crashed the handler', [
      this.onTable(TABLE_ACTIONS.end),
      manageConnections(this.props.stage, 'POST', 'DELETE'),
      consume(deadLetterQueue),
    ]);
  }

  private onTable(actions: readonly string[]): PolicyStatement {
    return allow(actions, this.props.table.tableArn);
  }

  private add(handler: HandlerName, description: string, statements: readonly PolicyStatement[]) {
    const { table, logRetention, memory, security } = this.props;
    const asked = this.asked(handler);
    const met = MEET_CLIENTS.has(handler) ? security : undefined;
    const made = handlerFunction(this, `${handler[0]?.toUpperCase()}${handler.slice(1)}`, {
      handler,
      description: `${Stack.of(this).stackName}: ${description}`,
      memorySize: memory?.[handler] ?? MEMORY[handler],
      environment: this.environment(handler),
      statements: [
        ...statements,
        ...(security === undefined ? [] : [this.guard(handler)]),
        ...(asked === undefined ? [] : [invokeApplications(asked)]),
        ...(met?.statements ?? []),
      ],
      ...(asked === undefined && !met?.asks ? {} : { asks: true }),
      ...(this.bySdk(handler) ? { postsBySdk: true } : {}),
      ...(security === undefined ? {} : { security: security.json }),
      ...(handler === 'deliver' ? { timeout: DELIVER_TIMEOUT } : {}),
      ...(handler === 'http' ? { timeout: HTTP_TIMEOUT } : {}),
      // `connect` meets no destination.
      ...(this.rules === undefined || handler === 'connect' ? {} : { rules: this.rules }),
      ...(logRetention === undefined ? {} : { logRetention }),
    });
    table.encryptionKey?.grantEncryptDecrypt(made);
    return made;
  }

  /** Where identity is configured every function reads bans, and `work` ends connections. */
  private guard(handler: HandlerName): PolicyStatement {
    const { work, guard } = TABLE_ACTIONS;
    return this.onTable(handler === 'work' ? [...new Set([...work, ...guard])] : guard);
  }

  /** Only who hears clients asks the operator's own code. */
  private asked(handler: HandlerName): readonly ApplicationProps[] | undefined {
    const { applications = [] } = this.props;
    const hears = handler === 'message' || handler === 'http';
    return hears && applications.length > 0 ? applications : undefined;
  }

  /** Whether it puts events into the ingress queue, beside the gateway itself. */
  private queues(handler: HandlerName): boolean {
    // What a socket says that is the way into an HTTP session goes to the session's own group.
    if (handler === 'message') return this.props.servesHttp;
    return handler === 'disconnect' || handler === 'http';
  }

  /** `connect` posts nothing. */
  private bySdk(handler: HandlerName): boolean {
    return this.props.posting === 'sdk' && handler !== 'connect';
  }

  /** Bounds that the operator has set; the handlers know the others. */
  private bounds(handler: HandlerName): Readonly<Record<string, string>> {
    const { postsPerSecond, inlinePosts } = this.props;
    if (!SPREADS.has(handler)) return {};
    return {
      ...(postsPerSecond === undefined ? {} : { [VARIABLES.rate]: String(postsPerSecond) }),
      ...(inlinePosts === undefined ? {} : { [VARIABLES.inline]: String(inlinePosts) }),
    };
  }

  private environment(handler: HandlerName): Readonly<Record<string, string>> {
    const { table, stage, queues, tasks, greetings, frontDoor } = this.props;
    const queue = this.queues(handler) ? queues?.queue : undefined;
    const asked = this.asked(handler);
    return {
      ...(asked === undefined ? {} : { [VARIABLES.applications]: applicationsText(this, asked) }),
      [VARIABLES.table]: table.tableName,
      [VARIABLES.endpoint]: stage.callbackUrl,
      ...(queue === undefined ? {} : { [VARIABLES.queue]: queue.queueUrl }),
      ...(greetings === undefined || handler !== 'connect'
        ? {}
        : { [VARIABLES.greetings]: greetings.queueUrl }),
      ...(frontDoor && handler === 'http' ? { [VARIABLES.frontDoor]: 'yes' } : {}),
      ...(this.bySdk(handler) ? { [VARIABLES.posting]: 'sdk' } : {}),
      ...(handler === 'deliver' || handler === 'work'
        ? { [VARIABLES.tasks]: tasks.queue.queueUrl }
        : {}),
      ...(SPREADS.has(handler) ? { [VARIABLES.jobs]: tasks.jobs.queueUrl } : {}),
      ...this.bounds(handler),
      ...(this.props.socketio === undefined ? {} : { [VARIABLES.socketio]: this.props.socketio }),
      ...(MEET_CLIENTS.has(handler) ? this.props.security?.environment : {}),
    };
  }
}

/** For who divides large audiences, and for who posts to their parts. */
const SPREADS: ReadonlySet<HandlerName> = new Set(['message', 'http', 'deliver', 'work']);

function send(queue: Queue): PolicyStatement {
  return allow(['sqs:SendMessage'], queue.queueArn);
}

function consume(queue: Queue): PolicyStatement {
  return allow(CONSUME_ACTIONS, queue.queueArn);
}
