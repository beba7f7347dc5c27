/**
 * The entry of every bundle: the only file below infra/ and local/ that reads the environment. Ports
 * are wired once per cold start; a fault in the wiring is logged once, and thrown by each invocation.
 * Each handler has a wiring of its own, marked pure, so that its bundle holds only what it reaches.
 */
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { sdkOutbox } from '../adapters/apigateway/outbox.ts';
import { dynamoStore } from '../adapters/dynamodb/store.ts';
import { sqsIngress } from '../adapters/sqs/ingress.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Ingress, Ports } from '../broker/ports.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import { connectHandler } from './connect.ts';
import { deadHandler } from './dead.ts';
import { disconnectHandler } from './disconnect.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { messageHandler } from './message.ts';
import { SERVER } from './version.ts';

export const connect = /* @__PURE__ */ wired((world) => connectHandler(storing(world)));
export const disconnect = /* @__PURE__ */ wired((world) =>
  disconnectHandler(conversing(world), queueing(world)),
);
export const message = /* @__PURE__ */ wired((world) => messageHandler(conversing(world)));
export const dead = /* @__PURE__ */ wired((world) => deadHandler(conversing(world)));

type Storing = Pick<Ports, 'store' | 'clock' | 'timer' | 'ids' | 'log' | 'limits'>;

interface World extends Omit<Storing, 'store'> {
  readonly environment: Environment;
}

function wired<Event, Result>(
  make: (world: World) => (event: Event) => Promise<Result>,
): (event: Event) => Promise<Result> {
  let handler: ((event: Event) => Promise<Result>) | undefined;
  return async (event) => {
    handler ??= wire(make);
    return handler(event);
  };
}

function wire<Handler>(make: (world: World) => Handler): Handler {
  const log = consoleLog();
  try {
    const environment = readEnvironment(process.env);
    return make({
      environment,
      clock: systemClock,
      timer: systemTimer,
      ids: systemIds,
      log,
      limits: LIMITS,
    });
  } catch (cause) {
    log.error('environment', cause);
    throw cause;
  }
}

function storing({ environment: { tableName }, ...world }: World): Storing {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
  return { ...world, store: dynamoStore({ ...world, client, tableName }) };
}

function queueing({ environment: { queueUrl } }: World): Ingress | undefined {
  if (queueUrl === undefined) return undefined;
  return sqsIngress({ client: new SQSClient({}), queueUrl });
}

function conversing(world: World): Ports {
  const { managementEndpoint } = world.environment;
  const client = new ApiGatewayManagementApiClient({ endpoint: managementEndpoint });
  return {
    ...storing(world),
    outbox: sdkOutbox({ ...world, client }),
    dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: SERVER,
  };
}
