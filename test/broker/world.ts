/**
 * The broker without sockets: handlers over memory adapters, a clock the test moves, and clients
 * whose posts are lists. What API Gateway and the queue would do is done by plain calls.
 */
import { type CountingStore, countingStore } from '../../adapters/counting.ts';
import { type MemoryJournal, memoryJournal } from '../../adapters/memory/journal.ts';
import { memoryOutbox, type PostAnswer } from '../../adapters/memory/outbox.ts';
import { memoryChecks, memoryRoster } from '../../adapters/memory/roster.ts';
import { memoryShelf } from '../../adapters/memory/shelf.ts';
import { memoryStore } from '../../adapters/memory/store.ts';
import { consoleLog } from '../../adapters/system.ts';
import { deliverLogs } from '../../broker/deliver.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Outbox, Ports, Store, Task } from '../../broker/ports.ts';
import { makePolicies, type Rule } from '../../broker/rules.ts';
import { connectHandler } from '../../lambda/connect.ts';
import { disconnectHandler } from '../../lambda/disconnect.ts';
import type { QueueRecord, QueueResult, RequestContext } from '../../lambda/events.ts';
import { messageHandler } from '../../lambda/message.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { makeDetect } from '../../protocol/negotiate.ts';
import { rawCarrier } from '../../protocol/raw.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';

export interface World {
  readonly ports: Ports;
  readonly counting: CountingStore;
  /** Lines logged at warning level or above. */
  readonly logged: string[];
  /** Posts of each connection, as text, in order. */
  readonly posts: Map<string, string[]>;
  /** Connections closed by the broker. */
  readonly closed: Set<string>;
  /** Statuses to answer instead of 200, per connection, used up one by one. */
  readonly answers: Map<string, PostAnswer[]>;
  pass(milliseconds: number): void;
  client(id: string, options?: { protocol?: string }): Promise<Client>;
  /** Gives `deliver` all that the logs have appended; returns how many records there were. */
  pump(): Promise<number>;
  readonly journal: MemoryJournal;
  /** Tasks scheduled for later, with when they are due. */
  readonly tasks: { readonly at: number; readonly task: Task }[];
  /** One invocation of the message handler with these records. */
  deliver(records: readonly QueueRecord[]): Promise<QueueResult>;
  record(id: string, text: string, overrides?: Partial<RecordOptions>): QueueRecord;
}

export interface RecordOptions {
  readonly event: string;
  readonly epoch: number;
  readonly received: number;
  readonly body: string;
}

export interface Client {
  readonly id: string;
  /** Sends each text as a message of its own, in one batch of the queue. */
  send(...texts: string[]): Promise<void>;
  /** All posts since the last call, joined. */
  heard(): string;
}

export interface WorldOptions {
  readonly limits?: Partial<Limits>;
  readonly wrapStore?: (store: Store) => Store;
  readonly wrapOutbox?: (outbox: Outbox) => Outbox;
  readonly rules?: readonly Rule[];
  /** Without: the direct lane alone. */
  readonly rooms?: boolean;
  readonly extend?: (ports: Ports) => Ports;
}

const START = 1_800_000_000_000;

export function makeWorld(options: WorldOptions = {}): World {
  let now = START;
  let sequence = 0;
  const limits = { ...LIMITS, ...options.limits };
  const clock = { now: () => now };
  const timer = {
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
    after: () => () => undefined,
  };
  const logged: string[] = [];
  const log = consoleLog({ level: 'warn', write: (line) => logged.push(line), clock });
  const posts = new Map<string, string[]>();
  const closed = new Set<string>();
  const answers = new Map<string, PostAnswer[]>();
  const management = {
    post(id: string, payload: Uint8Array) {
      const status = closed.has(id) ? 410 : (answers.get(id)?.shift() ?? 200);
      if (status === 200) posts.get(id)?.push(Buffer.from(payload).toString());
      return status;
    },
    delete: (id: string) => void closed.add(id),
  };
  const store = memoryStore({ clock, limits });
  const counting = countingStore(store);
  const ids = { random: () => `session-${++sequence}` };
  const journal = memoryJournal({ clock, limits, ids });
  const tasks: { at: number; task: Task }[] = [];
  const later = {
    schedule: async (seconds: number, task: Task) => {
      tasks.push({ at: now + seconds * 1000, task });
    },
  };
  const logs = {
    held: store.held,
    journal,
    roster: memoryRoster(),
    checks: memoryChecks(),
    shelf: memoryShelf(clock),
    liveness: { alive: async (id: string) => posts.has(id) && !closed.has(id) },
    later,
    policies: makePolicies(options.rules ?? []),
  };
  const outbox = memoryOutbox({ management, clock, timer, limits, log });
  const base: Ports = {
    store: options.wrapStore?.(counting.store) ?? counting.store,
    outbox: options.wrapOutbox?.(outbox) ?? outbox,
    clock,
    timer,
    ids,
    log,
    limits,
    dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: 'stompway/test',
    ...(options.rooms ? { logs } : {}),
  };
  const ports = options.extend?.(base) ?? base;
  const message = messageHandler(ports);
  const connect = connectHandler(ports);

  const record: World['record'] = (id, text, overrides = {}) => {
    sequence++;
    return {
      messageId: `record-${sequence}`,
      body: overrides.body ?? `.${Buffer.from(text).toString('base64')}`,
      attributes: {
        ApproximateReceiveCount: String(overrides.received ?? 1),
        SentTimestamp: String(now),
        SequenceNumber: String(sequence).padStart(20, '0'),
        MessageGroupId: id,
      },
      messageAttributes: {
        connectionId: { dataType: 'String', stringValue: id },
        eventType: { dataType: 'String', stringValue: overrides.event ?? 'MESSAGE' },
        messageId: { dataType: 'String', stringValue: `m${sequence}=` },
        requestTimeEpoch: { dataType: 'String', stringValue: String(overrides.epoch ?? now) },
      },
    };
  };

  async function deliver(records: readonly QueueRecord[]): Promise<QueueResult> {
    const result = await message({ Records: records });
    if (!('batchItemFailures' in result)) throw new Error('the queue got a route result');
    return result;
  }

  async function pump(): Promise<number> {
    const { stream } = journal;
    const read = await stream.read(await stream.committed(), 1000);
    await deliverLogs(
      read.map(({ record: one }) => one),
      ports,
    );
    await stream.commit(read.at(-1)?.cursor ?? 0);
    return read.length;
  }

  return {
    ports,
    counting,
    pump,
    journal,
    tasks,
    logged,
    posts,
    closed,
    answers,
    deliver,
    record,
    pass(milliseconds) {
      now += milliseconds;
    },
    async client(id, { protocol } = {}) {
      const requestContext = contextOf(id, now);
      const headers: Record<string, string> =
        protocol === undefined ? {} : { 'Sec-WebSocket-Protocol': protocol };
      const answered = await connect({
        headers,
        multiValueHeaders: {},
        requestContext,
        isBase64Encoded: false,
      });
      if (answered.statusCode !== 200) throw new Error(`refused: ${answered.statusCode}`);
      posts.set(id, []);
      return {
        id,
        send: async (...texts) => {
          await deliver(texts.map((text) => record(id, text)));
        },
        heard: () => (posts.get(id) ?? []).splice(0).join(''),
      };
    },
  };
}

export function contextOf(connectionId: string, now: number): RequestContext {
  return {
    routeKey: '$connect',
    eventType: 'CONNECT',
    connectionId,
    connectedAt: now,
    requestTimeEpoch: now,
    requestId: `request-${connectionId}`,
    stage: 'ws',
    apiId: 'api',
    domainName: 'example.test',
    identity: { sourceIp: '127.0.0.1' },
  };
}

export async function leave(world: World, id: string): Promise<void> {
  const now = world.ports.clock.now();
  const requestContext = { ...contextOf(id, now), eventType: 'DISCONNECT' as const };
  await disconnectHandler(world.ports)({ requestContext, isBase64Encoded: false });
}

/** A STOMP frame: `frame('SEND', 'destination:/topic/a', '', 'body')`. */
export function frame(command: string, headers: readonly string[] = [], body = ''): string {
  return `${[command, ...headers].join('\n')}\n\n${body}\0`;
}

export const CONNECT = frame('CONNECT', ['accept-version:1.2', 'host:h']);
