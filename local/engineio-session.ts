/**
 * One Engine.IO session in this process: a transport that may change once, what waits for it, and
 * the ping that keeps it. It knows of polls and sockets only how to write to them.
 */
import { type Packet, PROBE } from '../protocol/engineio/packet.ts';

/** Where packets go: an open poll takes them once, a socket any number of times. */
export interface Wire {
  send(packets: readonly Packet[]): void;
  /** Refuses, or closes. */
  end(): void;
}

/** What stands behind a session. */
export interface EngineSocket {
  readonly sid: string;
  send(data: string | Uint8Array): void;
  close(): void;
}

export interface EngineListener {
  message(data: string | Uint8Array): void;
  closed(): void;
}

export type EngineService = (socket: EngineSocket) => EngineListener;

export interface Beat {
  /** A ping so long after the last pong… */
  readonly pingMilliseconds: number;
  /** …and the end if no pong comes within this. */
  readonly pongMilliseconds: number;
  /** An upgrade must be whole within this. */
  readonly upgradeMilliseconds: number;
}

export interface EngineSession {
  readonly sid: string;
  readonly transport: () => 'polling' | 'websocket' | 'closed';
  /** True while another WebSocket is on its way to become the transport. */
  readonly probing: () => boolean;
  /** A GET waits. False: another waits already, and the session is over. */
  poll(wire: Wire): boolean;
  /** What a POST or a message brings. False: it must not come, and the session is over. */
  hear(packet: Packet): boolean;
  /** A WebSocket that may become the transport. Returns what hears its packets. */
  probe(wire: Wire): (packet: Packet | undefined) => void;
  close(): void;
}

/** While a client is changing over, a poll that waits is let go this often. */
const RELEASE_MILLISECONDS = 100;
const NOOP: Packet = { type: 'noop', data: '' };
const CLOSE: Packet = { type: 'close', data: '' };

interface State {
  readonly beat: Beat;
  readonly ended: () => void;
  listener: EngineListener | undefined;
  /** The WebSocket, once that is the transport. */
  socket: Wire | undefined;
  /** The poll that waits. */
  waiting: Wire | undefined;
  candidate: Wire | undefined;
  closed: boolean;
  queue: Packet[];
  pending?: NodeJS.Timeout;
  releasing?: NodeJS.Timeout;
  giveUp?: NodeJS.Timeout;
}

export interface Birth {
  readonly sid: string;
  /** Absent: it is polled. */
  readonly wire?: Wire | undefined;
  readonly beat: Beat;
  readonly service: EngineService;
  readonly ended: () => void;
}

export function engineSession({ sid, wire, beat, service, ended }: Birth): EngineSession {
  const state: State = {
    beat,
    ended,
    listener: undefined,
    socket: wire,
    waiting: undefined,
    candidate: undefined,
    closed: false,
    queue: [],
  };
  state.listener = service({
    sid,
    send: (data) =>
      send(state, typeof data === 'string' ? { type: 'message', data } : { type: 'binary', data }),
    close: () => close(state),
  });
  pingLater(state);
  return {
    sid,
    transport: () => {
      if (state.closed) return 'closed';
      return state.socket === undefined ? 'polling' : 'websocket';
    },
    probing: () => state.candidate !== undefined,
    poll: (poll) => receive(state, poll),
    hear: (packet) => hear(state, packet),
    probe: (candidate) => probe(state, candidate),
    close: () => close(state),
  };
}

function send(state: State, packet: Packet): void {
  if (state.closed) return;
  state.queue.push(packet);
  flush(state);
}

function flush(state: State): void {
  const to = state.socket ?? state.waiting;
  if (to === undefined || state.queue.length === 0) return;
  const packets = state.queue;
  state.queue = [];
  state.waiting = undefined;
  to.send(packets);
}

function release(state: State, packet: Packet): void {
  const poll = state.waiting;
  state.waiting = undefined;
  poll?.send([packet]);
}

function receive(state: State, poll: Wire): boolean {
  if (state.waiting !== undefined) {
    release(state, CLOSE);
    close(state);
    return false;
  }
  state.waiting = poll;
  flush(state);
  return true;
}

function hear(state: State, packet: Packet): boolean {
  switch (packet.type) {
    case 'message':
    case 'binary':
      state.listener?.message(packet.data);
      return true;
    case 'pong':
      pingLater(state);
      return true;
    case 'close':
      close(state);
      return true;
    default:
      close(state);
      return false;
  }
}

function pingLater(state: State): void {
  const { pingMilliseconds, pongMilliseconds } = state.beat;
  clearTimeout(state.pending);
  state.pending = setTimeout(() => {
    send(state, { type: 'ping', data: '' });
    state.pending = setTimeout(() => close(state), pongMilliseconds);
  }, pingMilliseconds);
}

function probe(state: State, wire: Wire): (packet: Packet | undefined) => void {
  state.candidate = wire;
  state.giveUp = setTimeout(() => {
    settle(state);
    wire.end();
  }, state.beat.upgradeMilliseconds);
  return (packet) => {
    if (packet === undefined) left(state, wire);
    else if (state.socket === wire) hear(state, packet);
    else if (packet.type === 'ping' && packet.data === PROBE) {
      wire.send([{ type: 'pong', data: PROBE }]);
      release(state, NOOP);
      // The client may have asked anew before it heard that its probe was answered.
      clearInterval(state.releasing);
      state.releasing = setInterval(() => release(state, NOOP), RELEASE_MILLISECONDS);
    } else if (packet.type === 'upgrade' && state.candidate === wire) adopt(state, wire);
    else wire.end();
  };
}

function left(state: State, wire: Wire): void {
  if (state.socket === wire) close(state);
  else if (state.candidate === wire) settle(state);
}

function adopt(state: State, wire: Wire): void {
  settle(state);
  release(state, NOOP);
  state.socket = wire;
  flush(state);
}

/** No upgrade is under way any more. */
function settle(state: State): void {
  clearInterval(state.releasing);
  clearTimeout(state.giveUp);
  state.candidate = undefined;
}

function close(state: State): void {
  if (state.closed) return;
  state.closed = true;
  clearTimeout(state.pending);
  state.candidate?.end();
  settle(state);
  release(state, NOOP);
  state.socket?.end();
  state.ended();
  state.listener?.closed();
}
