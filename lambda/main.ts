/**
 * The entry of every bundle: the only file below infra/ and local/ that reads the environment. Ports
 * are wired once per cold start; a fault in the wiring is logged once, and thrown by each invocation.
 * Each handler has a wiring of its own, marked pure, so that its bundle holds only what it reaches.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { fastManagement } from '../adapters/apigateway/fast.ts';
import { gatewayLiveness } from '../adapters/apigateway/liveness.ts';
import { loadedManagement, type Management } from '../adapters/apigateway/management.ts';
import { gatewayOutbox } from '../adapters/apigateway/outbox.ts';
import { socketSender } from '../adapters/apigateway/socket-sender.ts';
import { dynamoChecks } from '../adapters/dynamodb/checks.ts';
import { dynamoCounters } from '../adapters/dynamodb/counters.ts';
import { appendingClient, dynamoJournal } from '../adapters/dynamodb/journal.ts';
import { dynamoMailboxes } from '../adapters/dynamodb/mailboxes.ts';
import { dynamoRoster } from '../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../adapters/dynamodb/shelf.ts';
import { type DynamoStore, dynamoStore } from '../adapters/dynamodb/store.ts';
import { decodeStream } from '../adapters/dynamodb/stream.ts';
import { defaultProvider, environmentRegion } from '../adapters/environment-credentials.ts';
import { mailboxOutbox } from '../adapters/mailbox/outbox.ts';
import { metricLog } from '../adapters/metrics.ts';
import { routeLiveness, routeOutbox } from '../adapters/route.ts';
import { readGreeting, sqsGreeter } from '../adapters/sqs/greeter.ts';
import { sqsIngress } from '../adapters/sqs/ingress.ts';
import { sqsJobs } from '../adapters/sqs/jobs.ts';
import { sqsLater } from '../adapters/sqs/later.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { readTask } from '../adapters/task-text.ts';
import { makeAllowance } from '../broker/allowance.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Ingress, Later, Liveness, Logs, Outbox, Ports } from '../broker/ports.ts';
import { bounded } from '../broker/rates.ts';
import { makeSlow } from '../broker/slow.ts';
import { engineioCarrier } from '../protocol/engineio/carrier.ts';
import { eventsDialect } from '../protocol/http/events.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { socketioWith } from '../protocol/socketio/dialect.ts';
import { sockjsCarrier } from '../protocol/sockjs/carrier.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import { lambdaApplications, loadInvoke, readApplications } from './applications.ts';
import { workHandler } from './background.ts';
import { directIngress, endingIngress } from './broker-sessions.ts';
import { connectHandler, type Greeter } from './connect.ts';
import { deadHandler } from './dead.ts';
import { disconnectHandler } from './disconnect.ts';
import { engineDoor, withUpgrades } from './engineio-socket.ts';
import { type Environment, readEnvironment } from './environment.ts';
import type { HttpHandler } from './exchange.ts';
import { type FunctionUrlEvent, streamed, streamingRuntime } from './function-url.ts';
import { greetHandler, greetingsHandler } from './greet.ts';
import { guardPorts, loadShipped } from './guard.ts';
import { makeHttp } from './http.ts';
import { messageHandler } from './message.ts';
import { readPolicies } from './rules.ts';
import { streamHandler } from './stream.ts';
import { SERVER } from './version.ts';

export const connect = /* @__PURE__ */ wired((world) => {
  const table = tabled(world);
  const ports = { ...world, ...guarding(world), store: dynamoStore(table) };
  const greeter = greeting(world);
  // Whoever begins with a WebSocket waits for the first word: without a greeter there is no use.
  const door = greeter && engineDoor(dynamoMailboxes(table));
  return connectHandler(ports, greeter, door);
});
export const disconnect = /* @__PURE__ */ wired((world) =>
  disconnectHandler(upgrading(world, endingIngress), queueing(world)),
);
export const message = /* @__PURE__ */ wired((world) =>
  messageHandler(upgrading(world, (ports) => entering(world, ports))),
);
export const dead = /* @__PURE__ */ wired((world) => deadHandler(conversing(world)));
export const deliver = /* @__PURE__ */ wired((world) => {
  const table = tabled(world);
  const ports = conversing(world, { later: postponing(world) });
  return streamHandler((event) => decodeStream(event, table), ports);
});
export const work = /* @__PURE__ */ wired((world) =>
  workHandler(readTask, {
    ...conversing(world, { liveness: asking(world), later: postponing(world) }),
    allowance: makeAllowance(dynamoCounters(tabled(world)), world),
  }),
);
export const greet = /* @__PURE__ */ wired((world) =>
  greetingsHandler(readGreeting, greetHandler(conversing(world), dynamoMailboxes(tabled(world)))),
);
export const http = /* @__PURE__ */ streaming((world) => {
  const ports = conversing(world);
  return makeHttp({
    ports,
    mailboxes: dynamoMailboxes(tabled(world)),
    ingress: queueing(world) ?? hearing(ports),
    administration: SHIPPED.administration,
    engine: { prefix: '/socket.io' },
    sockjs: {
      prefix: '/sockjs',
      websocket: world.environment.frontDoor,
      clientUrl: CLIENT_URL,
      infoMilliseconds: INFO_MILLISECONDS,
    },
  }).handle;
});

/** The iframe page's own client, for browsers without CORS. */
const CLIENT_URL = 'https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js';
/** A client waits for its greeting in proportion to this: some two seconds, a cold start long. */
const INFO_MILLISECONDS = 250;

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

/** As `wired`; the answer is a stream, which only Lambda's own runtime has. */
function streaming(
  make: (world: World) => HttpHandler,
): (event: FunctionUrlEvent) => Promise<void> {
  const runtime = streamingRuntime();
  if (runtime === undefined) return () => Promise.reject(new Error('This streams on Lambda alone'));
  let handler: ReturnType<typeof streamed> | undefined;
  return runtime.streamifyResponse(async (event, stream) => {
    handler ??= streamed(wire(make), runtime, LIMITS.httpBodyBytesMax);
    await handler(event, stream);
  });
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
      log: metricLog(log, { clock: systemClock, broker: environment.tableName }),
      limits: bounded({ ...LIMITS, ...environment.limits }, SHIPPED.limits),
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

/** What HTTP sessions say goes the way of what is said on sockets. */
function entering(world: World, ports: Ports): Ingress {
  return queueing(world) ?? directIngress(messageHandler(ports), ports, false);
}

/** What hears is the most of the broker: `http`, which mostly queues, loads it when it is asked for. */
function hearing(ports: Ports): Ingress {
  let loading: Promise<Ingress> | undefined;
  return {
    async send(event) {
      loading ??= import('./direct.ts').then(({ direct }) => direct(ports));
      await (await loading).send(event);
    },
  };
}

/** The ports of those who hear sockets: one of them may be the way into an HTTP session. */
function upgrading(world: World, ingressOf: (ports: Ports) => Ingress): Ports {
  return withUpgrades(conversing(world), dynamoMailboxes(tabled(world)), ingressOf);
}

function greeting({ environment: { greetingsUrl } }: World): Greeter | undefined {
  if (greetingsUrl === undefined) return undefined;
  return sqsGreeter({ client: new SQSClient({}), queueUrl: greetingsUrl });
}

function postponing({ environment: { tasksUrl } }: World): Later {
  if (tasksUrl === undefined) throw new Error('TASKS_URL is missing: the queue of delayed tasks');
  return sqsLater({ client: new SQSClient({}), queueUrl: tasksUrl });
}

/** Only who may publish is told where large audiences go, and what slow clients do not take. */
function spreading(
  world: World,
  { marks }: Pick<DynamoStore, 'marks'>,
): Pick<Ports, 'jobs' | 'slow'> {
  const { jobsUrl: queueUrl } = world.environment;
  if (queueUrl === undefined) return {};
  const jobs = sqsJobs({ ...world, client: new SQSClient({}), queueUrl });
  return { jobs, slow: makeSlow(marks) };
}

function asking(world: World): Liveness {
  const gateway = gatewayLiveness({ ...world, management: managing(world) });
  return routeLiveness(gateway, dynamoMailboxes(tabled(world)));
}

function posting(world: World): Outbox {
  return gatewayOutbox({ ...world, management: managing(world) });
}

/** The SDK's client is a file beside the bundle (infra/bundle.ts): who posts fast does not load it. */
function managing(world: World): Management {
  const { managementEndpoint: endpoint, posting } = world.environment;
  const own = { region: environmentRegion(), credentials: defaultProvider() };
  if (posting === 'sdk') {
    return loadedManagement(async () => {
      const { managementClient, sdkManagement } = await import('../adapters/apigateway/sdk.ts');
      return sdkManagement(managementClient(endpoint, own));
    });
  }
  const sender = socketSender({ ...world, endpoint, socketsMax: world.limits.postsAtOnceMax });
  return fastManagement({ ...world, ...own, endpoint, sender });
}

/** Read once, before the first event: it names who may come in. */
const SHIPPED = await loadShipped(new URL('.', import.meta.url), {
  clock: systemClock,
  timer: systemTimer,
  limits: LIMITS,
  log: consoleLog(),
  variables: process.env,
});

function guarding(world: World): ReturnType<typeof guardPorts> {
  return guardPorts(SHIPPED, world, () => dynamoShelf(tabled(world)));
}

function applying({ environment: { applications } }: World): Pick<Ports, 'applications'> {
  if (applications === undefined) return {};
  const load = () => loadInvoke(new URL('.', import.meta.url), process.env);
  return { applications: lambdaApplications(readApplications(applications), load) };
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
  const sockets = posting(world);
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
    ...guarding(world),
    ...applying(world),
    ...spreading(world, store),
    store,
    outbox: routeOutbox({
      sockets,
      sessions: mailboxOutbox({ ...world, mailboxes: dynamoMailboxes(table), sockets }),
    }),
    dialects: new Map(
      [stompDialect, jsonDialect, eventsDialect, socketioWith(world.environment.socketio)].map(
        (one) => [one.name, one],
      ),
    ),
    carriers: new Map([rawCarrier, sockjsCarrier, engineioCarrier].map((one) => [one.name, one])),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: SERVER,
    logs,
  };
}
