/**
 * The entry of every bundle: the only file below infra/ and local/ that reads the environment. Ports
 * are wired once per cold start; a fault in the wiring is logged once, and thrown by each invocation.
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
import { readEnvironment } from './environment.ts';
import { messageHandler } from './message.ts';
import { SERVER } from './version.ts';

export const connect = wired(({ ports }) => connectHandler(ports));
export const disconnect = wired(({ ports, ingress }) => disconnectHandler(ports, ingress));
export const message = wired(({ ports }) => messageHandler(ports));
export const dead = wired(({ ports }) => deadHandler(ports));

interface World {
  readonly ports: Ports;
  readonly ingress: Ingress | undefined;
}

function wired<Event, Result>(
  make: (world: World) => (event: Event) => Promise<Result>,
): (event: Event) => Promise<Result> {
  let handler: ((event: Event) => Promise<Result>) | undefined;
  return async (event) => {
    handler ??= make(wire());
    return handler(event);
  };
}

function wire(): World {
  const log = consoleLog();
  try {
    const { tableName, managementEndpoint, queueUrl } = readEnvironment(process.env);
    const world = { clock: systemClock, timer: systemTimer, log, limits: LIMITS };
    const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient({}));
    const management = new ApiGatewayManagementApiClient({ endpoint: managementEndpoint });
    const ports: Ports = {
      ...world,
      ids: systemIds,
      store: dynamoStore({ ...world, client: dynamo, tableName }),
      outbox: sdkOutbox({ ...world, client: management }),
      dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
      carriers: new Map([[rawCarrier.name, rawCarrier]]),
      detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
      plain: jsonDialect,
      server: SERVER,
    };
    const ingress =
      queueUrl === undefined ? undefined : sqsIngress({ client: new SQSClient({}), queueUrl });
    return { ports, ingress };
  } catch (cause) {
    log.error('environment', cause);
    throw cause;
  }
}
