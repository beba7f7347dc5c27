/** The broker's handlers as the local gateway and queue call them, and the ports they run on. */
import { mailboxOutbox } from '../adapters/mailbox/outbox.ts';
import { memoryOutbox } from '../adapters/memory/outbox.ts';
import { routeLiveness, routeOutbox } from '../adapters/route.ts';
import { systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { LogRecord } from '../broker/model.ts';
import type {
  Agenda,
  Checks,
  Gates,
  Held,
  Ingress,
  Jobs,
  JobTask,
  Journal,
  Log,
  LogStream,
  Mailboxes,
  Outbox,
  Ports,
  Roster,
  Shelf,
  Slow,
  Store,
  Task,
} from '../broker/ports.ts';
import { makePolicies, type Rule } from '../broker/rules.ts';
import { SOCKETIO_SETTINGS, type SocketioSettings } from '../broker/socketio-settings.ts';
import { endVanished } from '../broker/sweep.ts';
import type { Perform } from '../emitter/operation.ts';
import { performOver } from '../emitter/perform.ts';
import { volatileOutbox } from '../emitter/ports.ts';
import { directIngress } from '../lambda/broker-sessions.ts';
import { connectHandler, type Greeter } from '../lambda/connect.ts';
import { deadHandler } from '../lambda/dead.ts';
import { deliverHandler } from '../lambda/deliver.ts';
import { disconnectHandler } from '../lambda/disconnect.ts';
import { engineDoor, withUpgrades } from '../lambda/engineio-socket.ts';
import type {
  ConnectEvent,
  DisconnectEvent,
  MessageEvent,
  QueueEvent,
  QueueResult,
  RouteResult,
} from '../lambda/events.ts';
import { greetHandler } from '../lambda/greet.ts';
import { type Http, makeHttp } from '../lambda/http.ts';
import { messageHandler } from '../lambda/message.ts';
import { SERVER } from '../lambda/version.ts';
import { sweepHandler, taskHandler } from '../lambda/work.ts';
import { engineioCarrier } from '../protocol/engineio/carrier.ts';
import { eventsDialect } from '../protocol/http/events.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { socketioWith } from '../protocol/socketio/dialect.ts';
import { sockjsCarrier } from '../protocol/sockjs/carrier.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import type { PostStatus } from './management.ts';
import { type Security, securityPorts } from './security.ts';

/** All that is kept, wherever it is kept. */
export interface Keeping {
  readonly store: Store;
  readonly held: Held;
  readonly journal: Journal & { readonly stream: LogStream };
  readonly roster: Roster;
  readonly checks: Checks;
  readonly shelf: Shelf;
  readonly agenda: Agenda;
  /** Before anybody has connected: connections that a process left behind when it died. */
  openConnections(): readonly string[];
  readonly mailboxes: Mailboxes & Gates;
}

/** Every entry of `lambda/` that runs here, wherever it runs: in this thread or in others. */
export interface Handlers {
  connect(event: ConnectEvent): Promise<RouteResult>;
  disconnect(event: DisconnectEvent): Promise<RouteResult>;
  message(event: MessageEvent): Promise<RouteResult>;
  batch(event: QueueEvent): Promise<QueueResult>;
  dead(event: QueueEvent): Promise<unknown>;
}

/** What the logs' stream, the delayed queue and the schedule invoke. */
export interface BackgroundHandlers {
  deliver(records: readonly LogRecord[]): Promise<void>;
  sweep(): Promise<void>;
  perform(task: Task | JobTask, attempt?: { readonly repeated: boolean }): Promise<void>;
  endVanished(connectionIds: readonly string[]): Promise<void>;
}

export interface HandlerWorld {
  readonly keeping: Keeping;
  readonly rules?: readonly Rule[] | undefined;
  readonly socketio?: SocketioSettings | undefined;
  readonly security?: Security | undefined;
  readonly log: Log;
  readonly limits?: Partial<Limits> | undefined;
  readonly management: {
    post(connectionId: string, payload: Uint8Array): PostStatus | Promise<PostStatus>;
    delete(connectionId: string): unknown;
    /** Undefined: no such connection. */
    get(connectionId: string): unknown;
  };
  /** Absent: messages come straight from the gateway. */
  readonly ingress?: Ingress | undefined;
  readonly jobs: Jobs;
  /** Of this thread. Absent: what a full buffer does not take is lost on the direct lane. */
  readonly slow?: Slow | undefined;
}

/** Where SockJS is served, on this port and behind the front door. */
export const SOCKJS_PREFIX = '/sockjs';

/** Where Engine.IO is served, and so Socket.IO's clients look for it. */
export const ENGINE_PREFIX = '/socket.io';

export interface HandlersAndHttp extends Handlers {
  /** HTTP requests, which stream and so are no plain calls. */
  readonly http: Http;
}

export function makeHandlers(world: HandlerWorld): HandlersAndHttp {
  const { mailboxes } = world.keeping;
  const ingressOf = (all: Ports, inOrder = false) =>
    world.ingress ?? directIngress(messageHandler(all), all, inOrder);
  const ports = withUpgrades(makePorts(world), mailboxes, (all) => ingressOf(all));
  const message = messageHandler(ports);
  const greet = greetHandler(ports, mailboxes);
  const greeter: Greeter = {
    async greet(greeting) {
      setImmediate(() => {
        greet(greeting).catch((cause) => ports.log.error('greet-failed', cause));
      });
    },
  };
  return {
    http: makeHttp({
      ports,
      mailboxes,
      ingress: ingressOf(ports, true),
      sockjs: { prefix: SOCKJS_PREFIX, websocket: true, clientUrl: CLIENT_URL },
      engine: { prefix: ENGINE_PREFIX },
      administration: world.security?.administration,
    }),
    connect: connectHandler(ports, greeter, engineDoor(mailboxes)),
    disconnect: disconnectHandler(ports, world.ingress),
    message: async (event) => {
      const result = await message(event);
      return 'statusCode' in result ? result : { statusCode: 200 };
    },
    batch: async (event) => {
      const result = await message(event);
      return 'batchItemFailures' in result ? result : { batchItemFailures: [] };
    },
    dead: deadHandler(ports),
  };
}

export function makeBackgroundHandlers(world: HandlerWorld): BackgroundHandlers {
  const ports = makePorts(world);
  return {
    deliver: deliverHandler(ports),
    sweep: sweepHandler(ports),
    perform: taskHandler(ports),
    endVanished: (connectionIds) => endVanished(connectionIds, ports),
  };
}

/** The iframe page's own client, for browsers without CORS. */
const CLIENT_URL = 'https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js';

/** Straight to the gateway of this process. */
function socketsOf({ management, log, limits }: HandlerWorld): Outbox {
  return memoryOutbox({
    clock: systemClock,
    timer: systemTimer,
    log,
    limits: { ...LIMITS, ...limits },
    management: {
      post: management.post,
      delete: (connectionId) => void management.delete(connectionId),
    },
  });
}

/** Carries out what emitters ask for. */
export function makePerform(world: HandlerWorld): Perform {
  const { logs, ...ports } = makePorts(world);
  if (logs === undefined) throw new Error('a broker of this process keeps logs');
  const { mailboxes } = world.keeping;
  return performOver({
    ...ports,
    logs,
    volatile: volatileOutbox({ ...ports, sockets: socketsOf(world), mailboxes }),
  });
}

function makePorts(given: HandlerWorld): Ports {
  const { keeping, rules, security, log, limits, management, jobs, slow } = given;
  const { store, held, journal, roster, checks, shelf, agenda, mailboxes } = keeping;
  const world = {
    clock: systemClock,
    timer: systemTimer,
    log,
    limits: { ...LIMITS, ...limits },
  };
  const sockets = socketsOf(given);
  return {
    ...world,
    ...securityPorts(security ?? {}, shelf, world.limits),
    ids: systemIds,
    store,
    outbox: routeOutbox({ sockets, sessions: mailboxOutbox({ ...world, mailboxes, sockets }) }),
    dialects: new Map(
      [
        stompDialect,
        jsonDialect,
        eventsDialect,
        socketioWith(given.socketio ?? SOCKETIO_SETTINGS),
      ].map((dialect) => [dialect.name, dialect]),
    ),
    carriers: new Map(
      [rawCarrier, sockjsCarrier, engineioCarrier].map((carrier) => [carrier.name, carrier]),
    ),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: SERVER,
    jobs,
    ...(slow === undefined ? {} : { slow }),
    logs: {
      held,
      journal,
      roster,
      checks,
      shelf,
      policies: makePolicies(rules ?? []),
      liveness: routeLiveness({ alive: async (id) => management.get(id) !== undefined }, mailboxes),
      later: agenda,
    },
  };
}
