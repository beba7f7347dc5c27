/**
 * One client's WebSocket. Inbound goes through `ws`, with a tap before it that reads frame headers,
 * because the gateway's frame rule cannot be seen in whole messages. Outbound is ours: wire frames
 * built once are written straight to the socket, shared by all who receive the same payload.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Peer } from './events.ts';
import { newScan, scanFrames, type Violation } from './frames.ts';
import type { GatewayLimits } from './limits.ts';

/** Heard by the gateway. `closed` comes exactly once, then `ended`, and no message after it. */
export interface SocketListener {
  message(connection: ClientSocket, body: Buffer): void;
  closed(connection: ClientSocket, code: number, reason: string): void;
  /** The socket itself is gone. */
  ended(connection: ClientSocket): void;
  /** Told only where pings are activity. */
  ping(connection: ClientSocket): void;
}

const VIOLATIONS: Readonly<Record<Violation, readonly [code: number, reason: string]>> = {
  'frame-too-large': [1009, 'Frame is too large'],
  'message-too-large': [1009, 'Message is too large'],
  binary: [1003, 'Binary is not supported'],
};

/** What `ws` itself refuses, as close codes (RFC 6455 §7.4.1); anything else is a 1002. */
const FAULTS: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** What AWS says of closes that carry no words of the client's. */
const REASONS: Readonly<Record<number, string>> = {
  1005: 'Client-side close frame status not set',
  1006: 'Connection Closed Abnormally',
};

const OPEN = 1;

export class ClientSocket {
  readonly peer: Peer;
  /** When a message last went either way; milliseconds since 1970. */
  lastActiveAt: number;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #listener: SocketListener;
  readonly #scan = newScan();
  #seen = 0;
  /** Messages that may still be dispatched, counted from the first. */
  #allowed = Number.POSITIVE_INFINITY;
  #over = false;

  constructor(
    peer: Peer,
    wire: { readonly ws: WebSocket; readonly socket: Socket },
    limits: GatewayLimits,
    listener: SocketListener,
  ) {
    this.peer = peer;
    this.lastActiveAt = peer.connectedAt;
    this.#ws = wire.ws;
    this.#socket = wire.socket;
    this.#listener = listener;
    this.#listenToFrames(limits);
    this.#listenToEnds();
    // One listener less where it would do nothing: idle connections are many.
    if (limits.pingsAreActivity) this.#ws.on('ping', () => this.#listener.ping(this));
  }

  /** False from the moment either side began to close. */
  get live(): boolean {
    return !this.#over && this.#ws.readyState === OPEN;
  }

  /** Octets the client has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** `wire` holds whole frames and may be shared between connections. */
  write(wire: Buffer): void {
    this.#socket.write(wire);
  }

  /** What was written before still goes out. `closed` is told at once, with these words. */
  close(code: number, reason: string): void {
    if (this.#ws.readyState === OPEN) this.#ws.close(code, reason);
    this.#finish(code, reason);
  }

  /** Cuts the socket without a close frame, as a browser does. */
  cut(): void {
    this.#ws.terminate();
  }

  #finish(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.closed(this, code, reason);
  }

  // Listeners are written in place: tsx names every function kept in a variable by a property
  // of its own, some 250 octets each.
  #listenToFrames(limits: GatewayLimits): void {
    this.#socket.prependListener('data', (chunk: Buffer) => this.#look(chunk, limits));
    this.#ws.on('message', (body) => {
      this.#seen += 1;
      if (this.#over || this.#seen > this.#allowed || !Buffer.isBuffer(body)) return;
      this.#listener.message(this, body);
    });
  }

  /**
   * Sees a chunk before `ws` does. Messages that were whole before the offending frame are still
   * dispatched, in this very tick; the close follows in the next.
   */
  #look(chunk: Buffer, limits: GatewayLimits): void {
    if (this.#allowed !== Number.POSITIVE_INFINITY) return;
    const violation = scanFrames(this.#scan, chunk, limits);
    if (violation === undefined) return;
    this.#allowed = this.#scan.messages;
    process.nextTick(() => this.close(...VIOLATIONS[violation]));
  }

  #listenToEnds(): void {
    this.#ws.on('error', (error: Error & { code?: string }) => {
      this.#finish(FAULTS[error.code ?? ''] ?? 1002, error.message);
    });
    this.#ws.on('close', (code, reason) => {
      this.#finish(code, reason.toString() || (REASONS[code] ?? ''));
      this.#listener.ended(this);
    });
  }
}
