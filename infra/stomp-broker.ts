/**
 * The package's entry: a STOMP and JSON message broker as one construct. A WebSocket API whose
 * routes end in Lambdas, one DynamoDB table, and between `$default` and its Lambda a FIFO queue
 * grouped by connection, because API Gateway promises no order between the messages of one. The
 * table's stream carries the logs of rooms to the Lambda that delivers them.
 */
import { Annotations, type Duration, Names, type RemovalPolicy } from 'aws-cdk-lib';
import {
  type ThrottleSettings,
  WebSocketApi,
  type WebSocketRouteIntegration,
  WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Distribution } from 'aws-cdk-lib/aws-cloudfront';
import type { Alarm, Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { BrokerAlarms } from './alarms.ts';
import type { ApplicationProps } from './applications.ts';
import { brokerDashboard } from './dashboard.ts';
import { explainFindings } from './findings.ts';
import { feedGreetings, frontDoorOf, greetingQueue, streamingUrl } from './front-door.ts';
import { BrokerFunctions } from './functions.ts';
import { connectArn, connectionsArn, TABLE_ACTIONS } from './grants.ts';
import type { HandlerName } from './handler.ts';
import { IngressQueue } from './ingress-queue.ts';
import { LogStream } from './log-stream.ts';
import type { DestinationRule } from './rules.ts';
import { type SecurityProps, shipmentOf } from './security.ts';
import { type SocketioProps, socketioJson } from './socketio.ts';
import { brokerTable } from './table.ts';
import { TaskQueue } from './task-queue.ts';

export type { ApplicationProps } from './applications.ts';
export type { DestinationRule } from './rules.ts';
export type { SecurityProps } from './security.ts';
export type { SocketioProps } from './socketio.ts';

/** How frames travel from the gateway to their Lambda. */
export type Ingress = 'fifo' | 'direct';

/** The same on both homes: `npm start` serves `/ws` as well. */
const STAGE_NAME = 'ws';

/** Bounds what strangers can make the owner of an open broker pay. Events of clients, not posts. */
const OPEN_THROTTLE: ThrottleSettings = { rateLimit: 1000, burstLimit: 2000 };

/** A tenth of a Region's default; full batches of this many outrun the gateway's 10,000/s. */
const MESSAGE_CONCURRENCY = 100;

/** A room that takes long to deliver holds up a quarter of those it shares a shard with. */
const PARALLELIZATION_FACTOR = 4;

export interface StompBrokerProps {
  /**
   * `fifo`: messages of one connection are handled in order, retried and dead-lettered. `direct`:
   * 20–50 ms and $1.50 per million inbound messages less, and none of this.
   *
   * @default 'fifo'
   */
  readonly ingress?: Ingress;

  /**
   * What holds for the destinations of a pattern: their lane, their history, who may publish. The
   * first rule that matches counts; a mistake in one fails the synthesis, in words.
   *
   * @default - rooms keep 1,000 messages for 24 hours, topics nothing
   */
  readonly rules?: readonly DestinationRule[];

  /**
   * Who may come in, and who may do what: as `identity`, `permissions`, `origins` and
   * `administration` of `stompway.json`. A mistake fails the synthesis, in words.
   *
   * @default - whoever knows the URL may do everything
   */
  readonly security?: SecurityProps;

  /**
   * Lambdas of your own: behind `/app/…`, and as hooks on connect, subscribe and publish.
   *
   * @default - none
   */
  readonly applications?: readonly ApplicationProps[];

  /**
   * Of Socket.IO: namespaces beside `/`, `["/admin"]`, and other names for the events that the
   * broker understands and says, `{ join: 'enter' }`. As `socketio` of `stompway.json`.
   *
   * @default - `/` alone, and the names of docs/protocol.md
   */
  readonly socketio?: SocketioProps;

  /**
   * Whether HTTP is served as well: Socket.IO, SockJS over HTTP, EventSource, long polls, and
   * publishing with `curl`. A function URL, which streams and costs nothing by itself; it has no
   * throttle, so behind it anybody may run as many functions as the account allows.
   *
   * @default - false, unless `cloudFront` is true
   */
  readonly http?: boolean;

  /**
   * Whether one CloudFront distribution stands before both APIs: one domain, and paths for the
   * WebSockets of SockJS and Socket.IO, which the stage alone would refuse.
   *
   * @default false
   */
  readonly cloudFront?: boolean;

  /**
   * How posts leave for their receivers. `fast`: signed here, over sockets of our own, at a tenth of
   * the CPU. `sdk`: by the AWS SDK's PostToConnection, should the other ever disappoint.
   *
   * @default 'fast'
   */
  readonly posting?: 'sdk' | 'fast';

  /**
   * How many posts a second all parts of large audiences make together. API Gateway's quota, 10,000
   * requests a second of an account and Region, counts what clients send and small audiences as well.
   *
   * @default 9200
   */
  readonly postsPerSecond?: number;

  /**
   * How many posts one publish makes at once; larger audiences are divided among functions of their
   * own.
   *
   * @default 4000
   */
  readonly inlinePosts?: number;

  /**
   * How many events a second the stage takes from all clients together.
   *
   * @default - 1,000 a second in bursts of 2,000
   */
  readonly throttle?: ThrottleSettings;

  /**
   * Memory of the functions, in megabytes.
   *
   * @default - 1024 for `deliver`, 512 for `message` and `work`, 128 for `http` and `greet`, else 256
   */
  readonly memory?: { readonly [handler in HandlerName]?: number };

  /**
   * How many `message` functions may run at once with `fifo` ingress, which leaves the rest of the
   * account's concurrency to `$connect`.
   *
   * @default 100
   */
  readonly messageConcurrency?: number;

  /**
   * How many `deliver` functions may run at once for one shard of the table's stream, each for rooms
   * of its own. From 1 to 10: more wait less for each other, and share fewer invocations.
   *
   * @default 4
   */
  readonly parallelizationFactor?: number;

  /**
   * How long the functions' logs are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * What encrypts the table.
   *
   * @default TableEncryption.DEFAULT
   */
  readonly tableEncryption?: TableEncryption;

  /**
   * Whether the table can be restored to any second of the last 35 days.
   *
   * @default false
   */
  readonly pointInTimeRecovery?: boolean;

  /**
   * What becomes of the table, and of the bucket for what could not be delivered, when the broker is
   * removed from the stack. A bucket that holds something is never deleted.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Who is told when an alarm goes off.
   *
   * @default - nobody; the alarms show on the dashboard
   */
  readonly alarmTopic?: ITopic;

  /**
   * A message that waits longer, in the ingress queue or in the stream, raises an alarm.
   *
   * @default Duration.seconds(30)
   */
  readonly messageAgeAlarm?: Duration;
}

/** The most of both: beyond it is a slip of the pen. */
const POSTS_MAX = 1_000_000;

function assertCount(name: string, count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 1 && count <= POSTS_MAX)) return;
  throw new Error(`${name} must be a whole number from 1 to ${POSTS_MAX}, not ${count}`);
}

export class StompBroker extends Construct {
  readonly ingress: Ingress;
  readonly api: WebSocketApi;
  readonly stage: WebSocketStage;
  readonly table: Table;
  /** `dead` is there with `fifo` ingress only. */
  readonly functions: BrokerFunctions;
  /** With `fifo` ingress only. */
  readonly queue?: Queue;
  /** With `fifo` ingress only. */
  readonly deadLetterQueue?: Queue;
  /** Tasks that were put off, and those that could not be done. */
  readonly tasks: TaskQueue;
  /** Records of logs that could not be delivered for 23 hours. */
  readonly undelivered: Bucket;
  readonly alarms: readonly Alarm[];
  readonly dashboard: Dashboard;
  /** With `http` or `cloudFront` only. */
  readonly httpUrl?: FunctionUrl;
  /** With `cloudFront` only. */
  readonly distribution?: Distribution;

  constructor(scope: Construct, id: string, props: StompBrokerProps = {}) {
    super(scope, id);
    assertCount('postsPerSecond', props.postsPerSecond);
    assertCount('inlinePosts', props.inlinePosts);
    this.ingress = props.ingress ?? 'fifo';
    this.table = brokerTable(this, 'Table', props);
    this.api = new WebSocketApi(this, 'Api', {
      apiName: Names.uniqueResourceName(this, { separator: '-' }),
      description: 'stompway: STOMP and JSON over WebSockets',
    });
    this.stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: STAGE_NAME,
      autoDeploy: true,
      throttle: props.throttle ?? OPEN_THROTTLE,
    });
    const queues = this.ingress === 'fifo' ? new IngressQueue(this, 'Ingress') : undefined;
    this.tasks = new TaskQueue(this, 'Later');
    const parallelizationFactor = props.parallelizationFactor ?? PARALLELIZATION_FACTOR;
    const streaming = { ...props, table: this.table, parallelizationFactor };
    const logs = new LogStream(this, 'Logs', streaming);
    this.undelivered = logs.undelivered;
    const frontDoor = props.cloudFront ?? false;
    if (frontDoor && props.security?.identity.iam) {
      throw new Error('identity.iam: what is signed for the API is no good at cloudFront');
    }
    const servesHttp = props.http || frontDoor;
    const greetings = servesHttp ? greetingQueue(this, 'Greetings') : undefined;
    const common = {
      stage: this.stage,
      servesHttp,
      frontDoor,
      ...(greetings === undefined ? {} : { greetings }),
      table: this.table,
      tasks: this.tasks,
      logs,
      ...(queues === undefined ? {} : { queues }),
    };
    const { security, socketio, ...rest } = props;
    const others = { ...rest, ...socketioJson(socketio) };
    const guarded = security === undefined ? {} : { security: shipmentOf(security) };
    this.functions = new BrokerFunctions(this, 'Functions', { ...others, ...guarded, ...common });
    if (queues !== undefined) {
      this.queue = queues.queue;
      this.deadLetterQueue = queues.deadLetterQueue;
      queues.feed(this.functions, props.messageConcurrency ?? MESSAGE_CONCURRENCY);
    }
    const heads = logs.feed(this.functions.deliver);
    this.tasks.feed(this.functions.work);
    this.route(queues, security?.identity.iam ?? false);
    const watched = { ...common, functions: this.functions, heads };
    this.alarms = new BrokerAlarms(this, 'Alarms', { ...props, ...watched }).alarms;
    this.dashboard = brokerDashboard(this, 'Dashboard', { ...watched, alarms: this.alarms });
    if (this.functions.http !== undefined) this.httpUrl = streamingUrl(this.functions.http);
    if (greetings !== undefined) feedGreetings(this.functions.greet, greetings);
    if (frontDoor && this.httpUrl !== undefined) {
      this.distribution = frontDoorOf(this, 'FrontDoor', { stage: this.stage, http: this.httpUrl });
    }
    if (props.security === undefined) this.warnWhileOpen();
    explainFindings(this);
  }

  /** Where clients connect: `wss://…/ws`. */
  get url(): string {
    return this.stage.url;
  }

  /**
   * Lets somebody else's function publish: read who hears a destination, and post to them. It finds
   * both by the table's name and the stage's `callbackUrl`.
   */
  grantPublish(grantee: IGrantable): Grant {
    this.table.encryptionKey?.grantDecrypt(grantee);
    const read = Grant.addToPrincipal({
      grantee,
      actions: [...TABLE_ACTIONS.readSubscribers],
      resourceArns: [this.table.tableArn],
    });
    const post = Grant.addToPrincipal({
      grantee,
      actions: ['execute-api:ManageConnections'],
      resourceArns: [connectionsArn(this.stage, 'POST')],
    });
    return read.combine(post);
  }

  /**
   * Lets somebody else's function use an emitter of `stompway/emitter` with all its verbs: on the
   * table what these call and no more (`emit` of grants.ts), and to post to connections and close
   * them.
   */
  grantEmit(grantee: IGrantable): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    const table = Grant.addToPrincipal({
      grantee,
      actions: [...TABLE_ACTIONS.emit],
      resourceArns: [this.table.tableArn],
    });
    const post = Grant.addToPrincipal({
      grantee,
      actions: ['execute-api:ManageConnections'],
      resourceArns: [connectionsArn(this.stage, 'POST'), connectionsArn(this.stage, 'DELETE')],
    });
    return table.combine(post);
  }

  /** Lets somebody connect where handshakes must be signed (`security.identity.iam`). */
  grantConnect(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['execute-api:Invoke'],
      resourceArns: [connectArn(this.stage)],
    });
  }

  /** Each route ends in its Lambda; that of `$default` stands behind the queue, if there is one. */
  private route(queues: IngressQueue | undefined, signed: boolean): void {
    const { connect, disconnect, message } = this.functions;
    const routes: readonly (readonly [key: string, integration: WebSocketRouteIntegration])[] = [
      ['$connect', new WebSocketLambdaIntegration('Connect', connect)],
      ['$disconnect', new WebSocketLambdaIntegration('Disconnect', disconnect)],
      ['$default', queues?.integration() ?? new WebSocketLambdaIntegration('Message', message)],
    ];
    for (const [key, integration] of routes) {
      // Only `$connect` can have one; what follows on the connection is its own.
      const authorizer = key === '$connect' && signed ? new WebSocketIamAuthorizer() : undefined;
      this.api.addRoute(key, { integration, ...(authorizer && { authorizer }) });
    }
  }

  private warnWhileOpen(): void {
    Annotations.of(this).addWarningV2(
      'stompway:open',
      'No identity is configured: whoever knows the URL may connect, publish and listen. ' +
        'The stage is throttled so that strangers cannot run up an unbounded bill.',
    );
  }
}
