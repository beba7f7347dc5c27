/**
 * API Gateway's WebSocket side, as far as it can hurt: a handshake that waits for `$connect`,
 * messages in the order sent, posts that travel and may be refused (410 true and spurious, 429 of
 * both kinds, 500), sockets that break with what is on its way, a `$disconnect` that is late or lost.
 */
import type { Management, PostAnswer } from '../../adapters/memory/outbox.ts';
import type { Invocation } from './fleet.ts';
import type { Weather } from './plan.ts';
import type { Scheduler } from './scheduler.ts';

/** The client's end of a socket. */
export interface Endpoint {
  readonly name: string;
  opened(connectionId: string): void;
  refused(): void;
  heard(connectionId: string, payload: Uint8Array, by: Invocation): void;
  closed(connectionId: string): void;
}

/** What the gateway tells the broker. */
export interface Routes {
  connect(connectionId: string, at: number, done: (admitted: boolean) => void): void;
  /** `failed`: the handler died; the gateway tells the client so in its own words. */
  message(connectionId: string, at: number, payload: Uint8Array, failed: () => void): void;
  disconnect(connectionId: string, at: number): void;
  /** A post that the gateway has taken. */
  accepted?(connectionId: string, payload: Uint8Array, by: Invocation): void;
  /** A post that a full buffer did not take. */
  full?(connectionId: string, by: Invocation): void;
}

export interface Gateway {
  /** Its connection id, should it come to be one. */
  open(endpoint: Endpoint): string;
  send(connectionId: string, payload: Uint8Array): void;
  /** The socket breaks: what is on its way is lost, in both directions. */
  cut(connectionId: string): void;
  /** The client closes, after what it has sent. */
  close(connectionId: string): void;
  isOpen(connectionId: string): boolean;
  /** `@connections`, for posts of this invocation. */
  management(by: () => Invocation): Management;
  /** Some post to it was refused: the direct lane promises it nothing. */
  wasRefused(connectionId: string): boolean;
  /** It is over, and nobody will ever be told. */
  endedUntold(connectionId: string): boolean;
}

interface Socket {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly openedAt: number;
  open: boolean;
  refused: boolean;
  untold: boolean;
  fullUntil: number;
  /** When the last of what is on its way arrives: nothing overtakes it. */
  up: number;
  down: number;
}

/** Milliseconds by which the next of a socket is later at least. */
const BEHIND = 0.001;
const GATEWAY: Invocation = {
  name: 'gateway',
  unrecorded: false,
  handedBack: new Set(),
  hurt: false,
};
const NEW_SOCKET = { open: true, refused: false, untold: false, fullUntil: 0, up: 0, down: 0 };
const YOUNG_MILLISECONDS = 10_000;
const FULL_MILLISECONDS = 4000;

export function makeGateway(scheduler: Scheduler, weather: Weather, routes: Routes): Gateway {
  const { random } = scheduler;
  const sockets = new Map<string, Socket>();
  let count = 0;

  function travel(): number {
    return 1 + 30 * random.next() ** 3;
  }

  function open(endpoint: Endpoint): string {
    const id = `conn${++count}=`;
    const openedAt = scheduler.now();
    routes.connect(id, openedAt, (admitted) => {
      if (!admitted) return endpoint.refused();
      const socket = { id, endpoint, openedAt, ...NEW_SOCKET };
      sockets.set(id, socket);
      down(socket, 'opened', () => endpoint.opened(id));
    });
    return id;
  }

  /** In order, and only while the socket holds. */
  function down(socket: Socket, what: string, action: () => void, whileOpen = true): void {
    socket.down = Math.max(socket.down + BEHIND, scheduler.time + travel());
    scheduler.after(socket.down - scheduler.time, `${socket.id} ${what}`, () => {
      if (socket.open || !whileOpen) action();
    });
  }

  function up(socket: Socket, what: string, action: () => void): void {
    socket.up = Math.max(socket.up + BEHIND, scheduler.time + travel());
    scheduler.after(socket.up - scheduler.time, `${socket.id} ${what}`, () => {
      if (socket.open) action();
    });
  }

  function over(socket: Socket): void {
    if (!socket.open) return;
    socket.open = false;
    if (weather.falls('lostDisconnect')) {
      socket.untold = true;
      weather.tell(`$disconnect of ${socket.id} lost`);
      return;
    }
    const late = weather.falls('lateDisconnect') ? random.between(1000, 30_000) : travel();
    scheduler.after(late, `$disconnect ${socket.id}`, () =>
      routes.disconnect(socket.id, scheduler.now()),
    );
  }

  function fault(socket: Socket): PostAnswer | undefined {
    const young = scheduler.now() - socket.openedAt < YOUNG_MILLISECONDS;
    if (young && weather.falls('goneYoung')) return 410;
    if (weather.falls('gone')) return 410;
    if (scheduler.now() < socket.fullUntil) return { status: 429, reason: 'buffer' };
    if (weather.falls('bufferFull')) {
      // Where what it does not take waits, it does not take it for a while.
      const lasts = weather.plan.scenario === 'crowds' ? random.between(0, FULL_MILLISECONDS) : 0;
      socket.fullUntil = scheduler.now() + lasts;
      return { status: 429, reason: 'buffer' };
    }
    if (weather.falls('throttled')) return { status: 429, reason: 'rate' };
    if (weather.falls('gatewayFault')) return 500;
    return undefined;
  }

  function complain(socket: Socket): void {
    const text = JSON.stringify({ message: 'Internal server error', connectionId: socket.id });
    down(socket, 'hears the gateway', () =>
      socket.endpoint.heard(socket.id, Buffer.from(text), GATEWAY),
    );
  }

  return {
    open,
    send(id, payload) {
      const socket = sockets.get(id);
      if (socket === undefined || !socket.open) return;
      up(socket, 'sends', () => {
        scheduler.note(`${id} message`, () => JSON.stringify(Buffer.from(payload).toString()));
        routes.message(id, scheduler.now(), payload, () => complain(socket));
      });
    },
    cut(id) {
      const socket = sockets.get(id);
      if (socket === undefined || !socket.open) return;
      over(socket);
      scheduler.after(travel(), `${id} breaks`, () => socket.endpoint.closed(id));
    },
    close(id) {
      const socket = sockets.get(id);
      if (socket === undefined) return;
      up(socket, 'closes', () => {
        over(socket);
        socket.endpoint.closed(id);
      });
    },
    isOpen: (id) => sockets.get(id)?.open ?? false,
    endedUntold: (id) => sockets.get(id)?.untold ?? false,
    wasRefused: (id) => sockets.get(id)?.refused ?? false,
    management: (by) => ({
      post(id, payload) {
        const socket = sockets.get(id);
        if (socket === undefined || !socket.open) return 410;
        const answer = fault(socket);
        if (answer !== undefined) {
          const told = typeof answer === 'number' ? answer : `${answer.status} ${answer.reason}`;
          weather.tell(`${id} post refused: ${told}`);
          socket.refused = true;
          if (told === '429 buffer') routes.full?.(id, by());
          return answer;
        }
        const invocation = by();
        scheduler.note(`post to ${id} by ${invocation.name}`, () =>
          JSON.stringify(Buffer.from(payload).toString()),
        );
        routes.accepted?.(id, payload, invocation);
        down(socket, 'hears', () => socket.endpoint.heard(id, payload, invocation));
        return 200;
      },
      delete(id) {
        const socket = sockets.get(id);
        if (socket === undefined || !socket.open) return;
        // What was posted before goes out before the close frame.
        const { endpoint } = socket;
        const arrives = socket.down;
        over(socket);
        scheduler.after(Math.max(0, arrives - scheduler.time) + travel(), `${id} closed`, () =>
          endpoint.closed(id),
        );
      },
    }),
  };
}
