/**
 * The entry of every bundle: the only file below infra/ and local/ that reads the environment. Ports
 * are wired once per cold start; a fault in the wiring is logged once, and thrown by each invocation.
 * Each handler has a wiring of its own, marked pure, so that its bundle holds only what it reaches.
 */
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { gatewayLiveness } from '../adapters/apigateway/liveness.ts';
import { managementClient } from '../adapters/apigateway/management.ts';
import { sdkOutbox } from '../adapters/apigateway/outbox.ts';
import { dynamoChecks } from '../adapters/dynamodb/checks.ts';
import { appendingClient, dynamoJournal } from '../adapters/dynamodb/journal.ts';
import { dynamoRoster } from '../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../adapters/dynamodb/store.ts';
import { decodeStream } from '../adapters/dynamodb/stream.ts';
import { sqsIngress } from '../adapters/sqs/ingress.ts';
import { readTask, sqsLater } from '../adapters/sqs/later.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Ingress, Later, Liveness, Logs, Ports } from '../broker/ports.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import { workHandler } from './background.ts';
import { connectHandler } from './connect.ts';
import { deadHandler } from './dead.ts';
import { disconnectHandler } from './disconnect.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { messageHandler } from './message.ts';
import { readPolicies } from './rules.ts';
import { streamHandler } from './stream.ts';
import { SERVER } from './version.ts';

export const connect = /* @__PURE__ */ wired((world) =>
  connectHandler({ ...world, store: dynamoStore(tabled(world)) }),
);
export const disconnect = /* @__PURE__ */ wired((world) =>
  disconnectHandler(conversing(world), queueing(world)),
);
export const message = /* @__PURE__ */ wired((world) => messageHandler(conversing(world)));
export const dead = /* @__PURE__ */ wired((world) => deadHandler(conversing(world)));
export const deliver = /* @__PURE__ */ wired((world) => {
  const table = tabled(world);
  const ports = conversing(world, { later: postponing(world) });
  return streamHandler((event) => decodeStream(event, table), ports);
});
export const work = /* @__PURE__ */ wired((world) =>
  workHandler(readTask, conversing(world, { liveness: asking(world) })),
);

interface World extends Pick<Ports, 'clock' | 'timer' | 'ids' | 'log' | 'limits'> {
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

/** What every adapter of the table takes. */
function tabled(world: World) {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
  return { ...world, client, tableName: world.environment.tableName };
}

function queueing({ environment: { queueUrl } }: World): Ingress | undefined {
  if (queueUrl === undefined) return undefined;
  return sqsIngress({ client: new SQSClient({}), queueUrl });
}

function postponing({ environment: { tasksUrl } }: World): Later {
  if (tasksUrl === undefined) throw new Error('TASKS_URL is missing: the queue of delayed tasks');
  return sqsLater({ client: new SQSClient({}), queueUrl: tasksUrl });
}

function asking({ environment: { managementEndpoint } }: World): Liveness {
  return gatewayLiveness(new ApiGatewayManagementApiClient({ endpoint: managementEndpoint }));
}

/** Only `deliver` puts things off, and only `work` asks: the other bundles go without. */
const UNASKED: Pick<Logs, 'later' | 'liveness'> = {
  later: { schedule: () => Promise.reject(new Error('only deliver puts things off')) },
  liveness: { alive: () => Promise.reject(new Error('only work asks the gateway')) },
};

function conversing(world: World, more: Partial<Pick<Logs, 'later' | 'liveness'>> = {}): Ports {
  const table = tabled(world);
  const { held, ...store } = dynamoStore(table);
  const policies = readPolicies(new URL('rules.json', import.meta.url));
  const appending = DynamoDBDocumentClient.from(appendingClient());
  const logs: Logs = {
    held,
    journal: dynamoJournal({ ...table, policies, appending }),
    roster: dynamoRoster(table),
    checks: dynamoChecks(table),
    shelf: dynamoShelf(table),
    policies,
    ...UNASKED,
    ...more,
  };
  return {
    ...world,
    store,
    outbox: sdkOutbox({ ...world, client: managementClient(world.environment.managementEndpoint) }),
    dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: SERVER,
    logs,
  };
}
