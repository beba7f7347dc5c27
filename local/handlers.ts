/** The broker's handlers as the local gateway and queue call them, and the ports they run on. */
import { memoryOutbox } from '../adapters/memory/outbox.ts';
import { systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS, type Limits } from '../broker/limits.ts';
import type { LogRecord } from '../broker/model.ts';
import type {
  Agenda,
  Checks,
  Held,
  Ingress,
  Journal,
  Log,
  LogStream,
  Ports,
  Roster,
  Shelf,
  Store,
  Task,
} from '../broker/ports.ts';
import { makePolicies, type Rule } from '../broker/rules.ts';
import { endVanished } from '../broker/sweep.ts';
import { connectHandler } from '../lambda/connect.ts';
import { deadHandler } from '../lambda/dead.ts';
import { deliverHandler } from '../lambda/deliver.ts';
import { disconnectHandler } from '../lambda/disconnect.ts';
import type {
  ConnectEvent,
  DisconnectEvent,
  MessageEvent,
  QueueEvent,
  QueueResult,
  RouteResult,
} from '../lambda/events.ts';
import { messageHandler } from '../lambda/message.ts';
import { SERVER } from '../lambda/version.ts';
import { sweepHandler, taskHandler } from '../lambda/work.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { makeDetect } from '../protocol/negotiate.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import type { PostStatus } from './management.ts';

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
  perform(task: Task): Promise<void>;
  endVanished(connectionIds: readonly string[]): Promise<void>;
}

export interface HandlerWorld {
  readonly keeping: Keeping;
  readonly rules?: readonly Rule[] | undefined;
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
}

export function makeHandlers(world: HandlerWorld): Handlers {
  const ports = makePorts(world);
  const message = messageHandler(ports);
  return {
    connect: connectHandler(ports),
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

function makePorts({ keeping, rules, log, limits, management }: HandlerWorld): Ports {
  const { store, held, journal, roster, checks, shelf, agenda } = keeping;
  const world = {
    clock: systemClock,
    timer: systemTimer,
    log,
    limits: { ...LIMITS, ...limits },
  };
  return {
    ...world,
    ids: systemIds,
    store,
    outbox: memoryOutbox({
      ...world,
      management: {
        post: management.post,
        delete: (connectionId) => void management.delete(connectionId),
      },
    }),
    dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: SERVER,
    logs: {
      held,
      journal,
      roster,
      checks,
      shelf,
      policies: makePolicies(rules ?? []),
      liveness: { alive: async (id) => management.get(id) !== undefined },
      later: agenda,
    },
  };
}
