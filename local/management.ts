/**
 * The gateway's management side (`@connections`), as functions that return statuses. Posting is the
 * hot path: it is synchronous, and a payload object that is posted again keeps its wire frames, so
 * a fan-out of one payload to a thousand sockets builds them once. A payload must not be changed
 * after it was posted.
 */
import { isUtf8 } from 'node:buffer';
import type { FaultDice } from './faults.ts';
import { textFrames } from './frames.ts';
import type { GatewayLimits } from './limits.ts';
import type { ClientSocket } from './socket.ts';

/** 200 · 400 no UTF-8 · 410 gone · 413 too large · 429 with which of its two reasons · 500. */
export type PostStatus = number | { readonly status: number; readonly reason?: 'rate' | 'buffer' };

export interface ConnectionFacts {
  readonly connectedAt: number;
  readonly lastActiveAt: number;
  readonly identity: { readonly sourceIp: string; readonly userAgent?: string };
}

export interface Management {
  post(connectionId: string, payload: Uint8Array): PostStatus | Promise<PostStatus>;
  /** 204, and `$disconnect` with 1000 follows; 410 when there is no such connection. */
  delete(connectionId: string): number;
  get(connectionId: string): ConnectionFacts | undefined;
}

interface Parts {
  readonly connections: ReadonlyMap<string, ClientSocket>;
  readonly limits: GatewayLimits;
  readonly now: () => number;
  /** Takes one of the account's requests; false when they are used up. */
  readonly admit: () => boolean;
}

const OVER_RATE: PostStatus = { status: 429, reason: 'rate' };
const BUFFER_FULL: PostStatus = { status: 429, reason: 'buffer' };

export function managementOf(parts: Parts): Management {
  const { connections, limits, now, admit } = parts;
  let lastPayload: Uint8Array | undefined;
  let lastFrames: Buffer = Buffer.alloc(0);
  const find = (connectionId: string): ClientSocket | undefined => {
    const connection = connections.get(connectionId);
    return connection?.live ? connection : undefined;
  };
  return {
    post: (connectionId, payload) => {
      if (!admit()) return OVER_RATE;
      if (payload.length > limits.messageBytesMax) return 413;
      const connection = find(connectionId);
      if (connection === undefined) return 410;
      if (connection.bufferedBytes > limits.clientBufferBytesMax) return BUFFER_FULL;
      if (payload !== lastPayload) {
        if (!isUtf8(payload)) return 400;
        lastFrames = textFrames(payload, limits.frameBytesMax);
        lastPayload = payload;
      }
      connection.write(lastFrames);
      connection.lastActiveAt = now();
      return 200;
    },
    delete: (connectionId) => {
      const connection = find(connectionId);
      if (connection === undefined) return 410;
      connection.close(1000, 'Connection Closed Normally');
      return 204;
    },
    get: (connectionId) => {
      const connection = find(connectionId);
      if (connection === undefined) return undefined;
      const { connectedAt, sourceIp, userAgent } = connection.peer;
      return {
        connectedAt,
        lastActiveAt: connection.lastActiveAt,
        identity: { sourceIp, ...(userAgent === undefined ? {} : { userAgent }) },
      };
    },
  };
}

/** The same, with the faults that were asked for. */
export function faultyManagement(management: Management, dice: FaultDice): Management {
  const { faults } = dice;
  const post: Management['post'] = (connectionId, payload) => {
    if (dice.happens(faults.postGone)) return 410;
    if (dice.happens(faults.postThrottled)) return OVER_RATE;
    if (dice.happens(faults.postSlow)) return BUFFER_FULL;
    if (dice.happens(faults.postFailed)) return 500;
    return management.post(connectionId, payload);
  };
  return {
    ...management,
    post: (connectionId, payload) => {
      const milliseconds = dice.delay(faults.postMilliseconds);
      if (milliseconds === 0) return post(connectionId, payload);
      return new Promise((resolve) => {
        setTimeout(() => resolve(post(connectionId, payload)), milliseconds);
      });
    },
  };
}
