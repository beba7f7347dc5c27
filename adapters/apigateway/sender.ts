/** How a signed request reaches the gateway: what the two senders, node:https and sockets, promise. */
import type { Timer } from '../../broker/ports.ts';
import type { SignedRequest } from './signature.ts';

export interface SenderAnswer {
  readonly status: number;
  /** Header `x-amzn-errortype`, or ''. */
  readonly errorType: string;
  readonly body: Buffer;
}

/**
 * Sends requests over kept-alive connections, one at a time on each. A connection that turns out to
 * have been closed before anything was answered costs one more try, on a new one: a post may then
 * arrive twice, as after any retry. Idle connections keep no process alive.
 */
export interface Sender {
  /** The whole answer, whatever its status; rejects if none came in time. */
  send(request: SignedRequest, body: Uint8Array): Promise<SenderAnswer>;
  /** Cuts every connection. */
  close(): void;
}

export interface SenderOptions {
  /** The stage's callback URL; `http:` is for tests. */
  readonly endpoint: string;
  readonly timer: Timer;
  /** Connections at once; further requests wait for one. */
  readonly socketsMax: number;
  /** Certificates trusted besides; for tests. */
  readonly ca?: string;
  /** @default REQUEST_MILLISECONDS_MAX */
  readonly requestMilliseconds?: number;
  /** @default CONNECT_MILLISECONDS_MAX */
  readonly connectMilliseconds?: number;
}

/** The gateway answers in tens of milliseconds; a request slower than this is lost. */
export const REQUEST_MILLISECONDS_MAX = 3000;
export const CONNECT_MILLISECONDS_MAX = 1000;

/** Longer idle, a connection may be dead without a word: behind a NAT, or after a frozen hour. */
export const IDLE_MILLISECONDS_MAX = 20_000;

/** Handshakes under way at once: on a small Lambda one costs as much CPU as forty posts. */
export const HANDSHAKES_MAX = 8;
