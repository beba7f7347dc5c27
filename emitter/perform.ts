/**
 * Operations of an emitter over a broker's ports, whichever process this is.
 *
 * What is said to one room alone goes into its log: it is ordered, replayed and recovered like all
 * that is said there. Everything else is resolved here, once, and posted straight: one copy each, and
 * no history (LANES 3).
 */
import { randomInt } from 'node:crypto';
import { readAnswers } from '../broker/answers.ts';
import { atOnce } from '../broker/at-once.ts';
import { parseDestination } from '../broker/destination.ts';
import { dismiss } from '../broker/dismiss.ts';
import { makeEncoder, type Stretch } from '../broker/encoder.ts';
import { endConnection, leave, membershipOf } from '../broker/ending.ts';
import { BrokerError } from '../broker/errors.ts';
import { type Connection, EVENT_HEADER, type Message, REQUEST_HEADER } from '../broker/model.ts';
import type { Logs, Outbox, Ports } from '../broker/ports.ts';
import { postAll } from '../broker/post.ts';
import { noteJoin } from '../broker/recovery-record.ts';
import { JOINED, prefixesOf, roomOf, subscriptionId } from '../protocol/socketio/namespace.ts';
import { audienceOf, type Receiver } from './audience.ts';
import type { Operation, Outcome, Perform, RemoteSocket, Target } from './operation.ts';

export type EmitterPorts = Ports & {
  readonly logs: Logs;
  /** Reaches those alone who can be posted to at once. */
  readonly volatile: Outbox;
};

type Emit = Operation & { readonly type: 'emit' };

export function performOver(ports: EmitterPorts): Perform {
  return async (operation) => {
    if (operation.type === 'emit') return emit(operation, ports);
    const receivers = await audienceOf(operation.target, ports);
    const connections = await connectionsOf(receivers, ports);
    if (operation.type === 'join') await join(connections, operation, ports);
    if (operation.type === 'leave') await part(connections, operation, ports);
    const { namespace } = operation.target;
    const sockets = await atOnce(connections, ports.limits.receiversReadAtOnceMax, (one) =>
      told(one, namespace, ports),
    );
    if (operation.type === 'disconnect') {
      for (const connection of connections) {
        await endConnection(connection.id, 'left', ports);
        await dismiss(connection, ports);
      }
    }
    return { sockets };
  };
}

async function emit(operation: Emit, ports: EmitterPorts): Promise<Outcome> {
  const { target, volatile, answerMilliseconds } = operation;
  assertSize(operation, ports);
  if (isLogged(target, operation, ports)) {
    await append(operation, ports);
    return { sockets: [] };
  }
  const receivers = await audienceOf(target, ports);
  // 15 digits are what clients' parsers take.
  const request = answerMilliseconds === undefined ? undefined : randomInt(2 ** 47);
  const deliveries = deliveriesOf(receivers, operation, request, ports);
  if (volatile) await ports.volatile.post(deliveries);
  else await postAll(deliveries, 0, ports);
  const sockets = receivers.map(({ subscriber }) => ({ id: subscriber.session ?? '', rooms: [] }));
  if (request === undefined || answerMilliseconds === undefined) return { sockets };
  return { sockets, answers: await answers(request, deliveries.length, answerMilliseconds, ports) };
}

/** As of any message: what is larger could be posted to nobody. */
function assertSize({ event, values }: Emit, { limits }: EmitterPorts): void {
  const octets = Buffer.byteLength(event) + Buffer.byteLength(values);
  if (octets <= limits.publishBytesMax) return;
  throw new BrokerError(
    'frame-too-large',
    `The event has ${octets} octets`,
    `Its name and arguments may have ${limits.publishBytesMax} octets together.`,
  );
}

/** One room, everybody in it, who may be told later as well. */
function isLogged({ namespace, rooms, except }: Target, operation: Emit, ports: EmitterPorts) {
  const [room, ...others] = rooms;
  if (room === undefined || others.length > 0 || except.length > 0 || isSocket(room)) return false;
  if (operation.volatile || operation.answerMilliseconds !== undefined) return false;
  return ports.logs.policies(parseDestination(roomOf(namespace, room), ports.limits)).logged;
}

/** As ids are made; a room of such a name is served as a union of one. */
function isSocket(name: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

async function append(operation: Emit, { logs, clock, ids }: EmitterPorts): Promise<void> {
  const { namespace, rooms } = operation.target;
  const destination = roomOf(namespace, rooms[0] ?? '');
  const message = {
    ...messageTo(destination, operation, undefined, ids.random()),
    at: clock.now(),
  };
  await logs.journal.append(destination, [{ type: 'message', message }]);
}

function messageTo(
  destination: string,
  { event, values, contentType }: Emit,
  request: number | undefined,
  id: string,
): Message {
  return {
    id,
    destination,
    headers: [
      [EVENT_HEADER, event],
      ...(request === undefined ? [] : [[REQUEST_HEADER, String(request)] as const]),
      ['content-type', contentType],
    ],
    body: Buffer.from(values),
  };
}

function deliveriesOf(
  receivers: readonly Receiver[],
  operation: Emit,
  request: number | undefined,
  ports: EmitterPorts,
) {
  const encoder = makeEncoder(ports);
  const id = ports.ids.random();
  const stretches = new Map<string, Stretch>();
  return receivers.map(({ subscriber, destination }) => {
    const stretch = stretches.get(destination) ?? {
      messages: [messageTo(destination, operation, request, id)],
    };
    stretches.set(destination, stretch);
    const { connectionId, connectedAt } = subscriber;
    return { connectionId, connectedAt, posts: encoder.posts({ stretch, subscriber }) };
  });
}

/** How often it is looked whether all have answered. */
const LOOK_MILLISECONDS = 25;

async function answers(
  request: number,
  count: number,
  milliseconds: number,
  { logs, clock, timer }: EmitterPorts,
): Promise<readonly string[]> {
  const end = clock.now() + milliseconds;
  for (let pause = LOOK_MILLISECONDS; ; pause = Math.min(pause * 2, 250)) {
    const found = await readAnswers(request, count, logs);
    const left = end - clock.now();
    if (found.size >= count || left <= 0) return [...found.values()];
    await timer.sleep(Math.min(pause, left));
  }
}

/** Those of Socket.IO alone: what others are subscribed to is theirs. */
async function connectionsOf(
  receivers: readonly Receiver[],
  { store, dialects, limits }: EmitterPorts,
): Promise<readonly Connection[]> {
  const mine = receivers.filter(({ subscriber }) => dialects.get(subscriber.dialect)?.recovers);
  const found = await atOnce(mine, limits.receiversReadAtOnceMax, ({ subscriber }) =>
    store.find(subscriber.connectionId),
  );
  return found.flatMap((one) =>
    one === undefined || one.connection.ended !== undefined ? [] : [one.connection],
  );
}

async function join(
  connections: readonly Connection[],
  { target, rooms }: Operation & { readonly type: 'join' },
  ports: EmitterPorts,
): Promise<void> {
  const { logs, limits, clock, ids } = ports;
  for (const connection of connections) {
    for (const room of rooms) {
      const destination = parseDestination(roomOf(target.namespace, room), limits);
      const stamp = `${String(clock.now()).padStart(13, '0')}-${ids.random()}-0000`;
      const asked = {
        id: subscriptionId(JOINED, target.namespace, room),
        destination: destination.canonical,
        ack: 'auto',
        stamp,
      };
      const subscription = { ...asked, connectionId: connection.id, ack: 'auto' } as const;
      const outcome = await logs.held.hold(connection, subscription, destination);
      if (outcome !== 'done') continue;
      const membership = membershipOf(connection, subscription);
      const entry = { type: 'join', membership } as const;
      const position = await logs.journal.append(destination.canonical, [entry]);
      await noteJoin(connection, subscription.id, position, logs);
    }
  }
  const joined = rooms.map((room) => roomOf(target.namespace, room));
  await Promise.all(joined.map((room) => caughtUp(room, ports)));
}

/** Until what has been appended by now is delivered: who was made to join is in, from then on. */
async function caughtUp(room: string, { logs, clock, timer, limits }: EmitterPorts): Promise<void> {
  const head = await logs.journal.head(room);
  const until = clock.now() + limits.catchUpSecondsMax * 1000;
  while (head !== undefined && clock.now() < until) {
    const progress = await logs.journal.progress(room);
    if (progress?.epoch === head.epoch && progress.revision >= head.revision) return;
    await timer.sleep(limits.catchUpPollMilliseconds);
  }
}

async function part(
  connections: readonly Connection[],
  { target, rooms }: Operation & { readonly type: 'leave' },
  ports: EmitterPorts,
): Promise<void> {
  const ids = new Set(rooms.map((room) => subscriptionId(JOINED, target.namespace, room)));
  for (const connection of connections) {
    for (const subscription of await ports.store.subscriptions(connection.id)) {
      if (!ids.has(subscription.id)) continue;
      await leave(connection, subscription, 'left', ports, ports.logs);
      const stamp = `${String(ports.clock.now()).padStart(13, '0')}-${ports.ids.random()}-0000`;
      await ports.store.unsubscribe(connection.id, subscription.id, stamp);
    }
  }
}

async function told(
  { id, session = '', principal }: Connection,
  namespace: string,
  { store }: EmitterPorts,
): Promise<RemoteSocket> {
  const [joined = ''] = prefixesOf(namespace);
  const all = await store.subscriptions(id);
  const rooms = all.flatMap((one) =>
    one.id.startsWith(joined) ? [one.id.slice(joined.length)] : [],
  );
  const user = principal?.user;
  return { id: session, rooms, ...(user === undefined ? {} : { user }) };
}
