/**
 * What happens to a client's message: which route, when, and what the client hears of it. Messages
 * of one connection are dispatched side by side, never one after the other, as API Gateway does.
 */
import type { IngressEvent, Log } from '../broker/ports.ts';
import type { ConnectEvent, DisconnectEvent, MessageEvent, RouteResult } from '../lambda/events.ts';
import { type Chance, seededChance } from './chance.ts';
import type { Deadlines } from './deadlines.ts';
import { messageEvent, type Place } from './events.ts';
import type { FaultDice } from './faults.ts';
import type { ClientSocket } from './socket.ts';

export type Handler<Event> = (event: Event) => Promise<RouteResult>;

/** A route to a Lambda. With `responds` (a route response) the returned body goes to the client. */
export interface LambdaRoute {
  readonly handler: Handler<MessageEvent>;
  readonly responds?: boolean;
}

/** A route straight into the queue. Nobody writes to `body` again. */
export interface QueueRoute {
  readonly enqueue: (event: IngressEvent) => void;
}

export interface Routes {
  /** None admits everybody, as an API without a `$connect` route does. */
  readonly connect?: Handler<ConnectEvent>;
  readonly disconnect?: Handler<DisconnectEvent>;
  readonly default?: LambdaRoute | QueueRoute;
  /** Routes by the value of `$request.body.{selection}`. */
  readonly custom?: {
    readonly selection: string;
    readonly routes: ReadonlyMap<string, LambdaRoute>;
  };
}

/** How long an invocation waits before it starts: not at all, alike, or by seeded chance. */
export type Jitter =
  | { readonly type: 'fixed'; readonly milliseconds: number }
  | { readonly type: 'shuffled'; readonly milliseconds: number; readonly seed: number };

/** `now`: when it came. */
export type Dispatch = (connection: ClientSocket, body: Buffer, now: number) => void;

interface Parts {
  readonly routes: Routes;
  readonly place: Place;
  readonly deadlines: Deadlines;
  readonly dice: FaultDice | undefined;
  readonly jitter: Jitter | undefined;
  readonly log: Log;
  readonly newId: () => string;
  /** Posts on the gateway's own behalf; a connection that is gone is no fault. */
  readonly say: (connection: ClientSocket, text: string) => void;
}

interface Choice {
  readonly routeKey: string;
  readonly route: LambdaRoute | QueueRoute | undefined;
}

export function dispatcher(parts: Parts): Dispatch {
  const wait = startDelay(parts.jitter);
  const fallback: Choice = { routeKey: '$default', route: parts.routes.default };
  return (connection, body, now) => {
    const requestId = parts.newId();
    const { routeKey, route } =
      parts.routes.custom === undefined ? fallback : choose(parts.routes.custom, body, fallback);
    if (route === undefined) {
      parts.say(connection, gatewayWords('Forbidden', connection, requestId));
      return;
    }
    if ('enqueue' in route) {
      enqueue(parts, route, { connection, requestId, body, now });
      return;
    }
    const event = messageEvent(routeKey, parts.place, connection.peer, {
      requestId,
      requestTimeEpoch: now,
      messageId: parts.newId(),
      body: body.toString(),
    });
    const times = parts.dice?.happens(parts.dice.faults.invocationTwice) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      const milliseconds = wait();
      if (milliseconds === undefined) void invoke(parts, route, connection, event);
      else setTimeout(() => void invoke(parts, route, connection, event), milliseconds);
    }
  };
}

/** What the gateway says when no handler does; the same shape for all its faults. */
export function gatewayWords(
  message: 'Forbidden' | 'Internal server error' | 'Too Many Requests',
  connection: ClientSocket,
  requestId: string,
): string {
  const { connectionId } = connection.peer;
  return `{"message": "${message}", "connectionId":"${connectionId}", "requestId":"${requestId}"}`;
}

function choose(custom: NonNullable<Routes['custom']>, body: Buffer, fallback: Choice): Choice {
  const value = selected(body.toString(), custom.selection);
  const route = value === undefined ? undefined : custom.routes.get(value);
  return value === undefined || route === undefined ? fallback : { routeKey: value, route };
}

function selected(text: string, selection: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const found: unknown = Object.getOwnPropertyDescriptor(value, selection)?.value;
    return typeof found === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

function enqueue(
  parts: Parts,
  route: QueueRoute,
  arrived: {
    readonly connection: ClientSocket;
    readonly requestId: string;
    readonly body: Buffer;
    readonly now: number;
  },
): void {
  const { connection, requestId, body, now } = arrived;
  try {
    route.enqueue({
      connectionId: connection.peer.connectionId,
      eventType: 'MESSAGE',
      requestId,
      messageId: parts.newId(),
      requestTimeEpoch: now,
      body,
    });
  } catch (cause) {
    parts.log.error('gateway.enqueue', cause, { requestId });
    parts.say(connection, gatewayWords('Internal server error', connection, requestId));
  }
}

async function invoke(
  parts: Parts,
  route: LambdaRoute,
  connection: ClientSocket,
  event: MessageEvent,
): Promise<void> {
  const { requestId } = event.requestContext;
  try {
    if (parts.dice?.happens(parts.dice.faults.invocationLost)) throw new Error('Invocation lost');
    const result = await parts.deadlines.within(route.handler(event));
    if (route.responds && result.body !== undefined) parts.say(connection, result.body);
  } catch (cause) {
    parts.log.error('gateway.invoke', cause, { requestId });
    parts.say(connection, gatewayWords('Internal server error', connection, requestId));
  }
}

/** Undefined: start at once, in the same tick. */
function startDelay(jitter: Jitter | undefined): () => number | undefined {
  if (jitter === undefined) return () => undefined;
  if (jitter.type === 'fixed') return () => jitter.milliseconds;
  const chance: Chance = seededChance(jitter.seed);
  return () => chance() * jitter.milliseconds;
}
